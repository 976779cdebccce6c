"""Verifications of which only the needed fields are read from MongoDB."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Never

from domain.errors import BadDocument
from domain.verification import Verification
from store.attributes import StoredAttribute, optional_instant_attribute
from store.bad_documents import UNREADABLE
from store.driver import Document
from store.sealing import Keys
from store.stored_verification import ATTRIBUTES, StoredVerification, check_required, lazy_verification

MAX_CACHED_READERS = 256

# The attributes that each derived attribute may use.
PHASE = frozenset({"status", "opened_at", "capture_started_at", "capture_completed_at"})
DERIVED = {
    "phase": PHASE,
    "recommended_action": PHASE,
    "billable": frozenset({"status"}),
    "can_retry": frozenset({"status", "next"}),
    "verification_url": frozenset({"status", "provider"}),
    "link_expires_at": PHASE | {"link_deadline"},
    "overdue": frozenset({"due"}),
    "stands_at": frozenset({"status", "reasons"}),
    "events_after": frozenset({"events"}),
}
# `due` is derived from six other attributes. It is stored as well, so that the sweeper can find it.
PARTIAL_ATTRIBUTES: dict[str, StoredAttribute] = ATTRIBUTES | {"due": optional_instant_attribute("due", on_bad_value=lambda bad: None)}
NEEDED_BY = {name: frozenset({name}) for name in PARTIAL_ATTRIBUTES} | DERIVED

# These attributes are always read. The id and the workspace identify a row, and sealed data are bound to them. A document whose status this release
# doesn't have is a BadDocument, whatever an operation selects.
ALWAYS = frozenset({"id", "workspace", "status"})

SetAttribute = Callable[[Any, Any], None]
Row = Verification | BadDocument


class NotRead(Exception):
    """Code used an attribute that was not read from the database."""

    def __init__(self, attribute: str) -> None:
        super().__init__(f"{attribute} was used, but not read from the database; name it in `reading`")


class PartialVerification(StoredVerification):
    """A verification with only the attributes that were read. Any other attribute raises NotRead."""

    __slots__ = ("due",)

    due: datetime | None

    def __getattr__(self, name: str) -> Never:
        if name in PARTIAL_ATTRIBUTES:
            raise NotRead(name)
        raise AttributeError(f"a verification has no {name}")


@dataclass(frozen=True, slots=True)
class RowReader:
    """The fields to read from documents, and how they become the attributes of rows."""

    projection: Document
    attributes: tuple[tuple[SetAttribute, StoredAttribute], ...]

    def rows(self, documents: list[Document], keys: Keys) -> list[Row]:
        """One row for each document; a BadDocument in place of a document that can't be read."""
        try:
            return self._fast_rows(documents, keys)
        except UNREADABLE:
            return [self._row(document, keys) for document in documents]

    def _fast_rows(self, documents: list[Document], keys: Keys) -> list[Row]:
        """The rows, if no document is damaged and no required field is missing. Raises: one of UNREADABLE if any document must be read by `_row`."""
        rows: list[Row] = [object.__new__(PartialVerification) for _ in documents]
        for set_attribute, attribute in self.attributes:
            # A loop in C over the rows. A setter returns None, so `any` never stops early.
            any(map(set_attribute, rows, attribute.read_column(documents, keys)))
        return rows

    def _row(self, document: Document, keys: Keys) -> Row:
        """The row of any document, damaged or not."""
        row = object.__new__(PartialVerification)
        try:
            for set_attribute, attribute in self.attributes:
                set_attribute(row, attribute.value(document, keys))
        except BadDocument as bad:
            return bad
        return row


@lru_cache(MAX_CACHED_READERS)
def row_reader(names: frozenset[str] | None, needed: frozenset[str]) -> RowReader | None:
    """The reader of the attributes that an operation uses (`names`) and the store needs (`needed`); None if whole documents must be read.

    An unfamiliar name may depend on any field, so whole documents are read for it.
    """
    if names is None or not names <= NEEDED_BY.keys():
        return None
    wanted = ALWAYS.union(needed, *(NEEDED_BY[name] for name in names))
    # In the order of PARTIAL_ATTRIBUTES, so that a document with several damaged fields always reports the same one.
    attributes = {name: attribute for name, attribute in PARTIAL_ATTRIBUTES.items() if name in wanted}
    setters = {name: vars(PartialVerification if name in PartialVerification.__slots__ else Verification)[name].__set__ for name in attributes}
    return RowReader(
        {attribute.field: 1 for attribute in attributes.values()},
        tuple((setters[name], each) for name, each in attributes.items()),
    )


def rows(documents: list[Document], keys: Keys, reader: RowReader | None) -> list[Row]:
    """A verification for each document, with the attributes of the reader (all attributes without one); a BadDocument if a document can't be read."""
    return reader.rows(documents, keys) if reader else [whole_row(document, keys) for document in documents]


def whole_row(document: Document, keys: Keys) -> Row:
    """The verification of a whole document; the BadDocument if it can't be read."""
    try:
        check_required(document, keys)
    except BadDocument as bad:
        return bad
    return lazy_verification(document, keys)
