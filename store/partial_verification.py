"""Reads from MongoDB only those fields of verifications that an operation needs."""

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
from store.sealing import SealingKeys
from store.stored_verification import ATTRIBUTES, StoredVerification, check_required, lazy_verification

MAX_CACHED_READERS = 256

# For each derived attribute of a verification: the stored attributes that its code may use, and that must therefore be read with it.
PHASE = frozenset({"status", "opened_at", "capture_started_at", "capture_completed_at"})
DERIVED = {
    "phase": PHASE,
    "recommended_action": PHASE | {"provider"},
    "billable": frozenset({"status", "ignored_verdict"}),
    "started": frozenset({"provider"}),
    "refused_by_provider": frozenset({"status", "reasons", "provider", "events"}),
    "lost_by_provider": frozenset({"events"}),
    "can_be_queried": frozenset({"status", "provider", "events"}),
    "outcome": frozenset({"events"}),
    "closed": frozenset({"events"}),
    "awaits_verdict": frozenset({"events"}),
    "closing_note": frozenset({"events"}),
    "can_retry": frozenset({"status", "next"}),
    "verification_url": frozenset({"status", "provider"}),
    "link_expires_at": PHASE | {"link_deadline"},
    "overdue": frozenset({"due"}),
    "stands_at": frozenset({"status", "reasons"}),
    "events_after": frozenset({"events"}),
}
# `due` is derived from six other attributes. It is also stored, for the sweeper's queries, so a partial verification reads the stored value.
PARTIAL_ATTRIBUTES: dict[str, StoredAttribute] = ATTRIBUTES | {"due": optional_instant_attribute("due", on_bad_value=lambda bad: None)}
NEEDED_BY = {name: frozenset({name}) for name in PARTIAL_ATTRIBUTES} | DERIVED

# These attributes are always read. The id and the workspace identify a row, and are needed to decrypt its personal data. The status is read because a
# document whose status this release doesn't have must be a BadDocument, whatever an operation selects.
ALWAYS = frozenset({"id", "workspace", "status"})

SetAttribute = Callable[[Any, Any], None]
Row = Verification | BadDocument


class NotRead(Exception):
    """Code used an attribute of a PartialVerification that was not read from the database."""

    def __init__(self, attribute: str) -> None:
        super().__init__(f"{attribute} was used, but not read from the database; name it in `reading`")


class PartialVerification(StoredVerification):
    """A verification that has only the attributes that were read. Using any other attribute raises NotRead."""

    __slots__ = ("due",)

    due: datetime | None

    def __getattr__(self, name: str) -> Never:
        if name in PARTIAL_ATTRIBUTES:
            raise NotRead(name)
        raise AttributeError(f"a verification has no {name}")


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads rows of a list with a fixed set of attributes.

    `projection` selects the fields of the documents that MongoDB returns. `attributes` contains each attribute, with the function that sets it.
    """

    projection: Document
    attributes: tuple[tuple[SetAttribute, StoredAttribute], ...]

    def rows(self, documents: list[Document], keys: SealingKeys) -> list[Row]:
        """One row for each document; a BadDocument in place of a document that can't be read."""
        try:
            return self._fast_rows(documents, keys)
        except UNREADABLE:
            return [self._row(document, keys) for document in documents]

    def _fast_rows(self, documents: list[Document], keys: SealingKeys) -> list[Row]:
        """The rows. One attribute after the other is read from all documents, which is faster than one document after the other.

        Raises: one of UNREADABLE if a document is damaged or lacks a required field. `_row` must then read each document.
        """
        rows: list[Row] = [object.__new__(PartialVerification) for _ in documents]
        for set_attribute, attribute in self.attributes:
            # A fast way to set one attribute of every row: `any` runs the loop in C, and never stops early, because every setter returns None.
            any(map(set_attribute, rows, attribute.read_column(documents, keys)))
        return rows

    def _row(self, document: Document, keys: SealingKeys) -> Row:
        """The row of a single document; the BadDocument if a required value can't be read."""
        row = object.__new__(PartialVerification)
        try:
            for set_attribute, attribute in self.attributes:
                set_attribute(row, attribute.value(document, keys))
        except BadDocument as bad:
            return bad
        return row


@lru_cache(MAX_CACHED_READERS)
def row_reader(names: frozenset[str] | None, needed: frozenset[str]) -> RowReader | None:
    """A reader of the attributes that an operation uses (`names`) and those that the store needs (`needed`); None if whole documents must be read.

    Whole documents must be read if `names` is None, or contains an unfamiliar name, which may depend on any field.
    """
    if names is None or not names <= NEEDED_BY.keys():
        return None
    wanted = ALWAYS.union(needed, *(NEEDED_BY[name] for name in names))
    # Keep the order of PARTIAL_ATTRIBUTES: of a document with several damaged fields, only the first one read is reported, and it must always be the
    # same.
    attributes = {name: attribute for name, attribute in PARTIAL_ATTRIBUTES.items() if name in wanted}
    setters = {name: vars(PartialVerification if name in PartialVerification.__slots__ else Verification)[name].__set__ for name in attributes}
    return RowReader(
        {field: 1 for attribute in attributes.values() for field in (attribute.field, *attribute.also_reads)},
        tuple((setters[name], each) for name, each in attributes.items()),
    )


def rows(documents: list[Document], keys: SealingKeys, reader: RowReader | None) -> list[Row]:
    """One row for each document: a verification, or a BadDocument if the document can't be read.

    The rows have the attributes of the reader. If the reader is None, they have all attributes.
    """
    return reader.rows(documents, keys) if reader else [whole_row(document, keys) for document in documents]


def whole_row(document: Document, keys: SealingKeys) -> Row:
    """The verification of a whole document; the BadDocument if it can't be read."""
    try:
        check_required(document, keys)
    except BadDocument as bad:
        return bad
    return lazy_verification(document, keys)
