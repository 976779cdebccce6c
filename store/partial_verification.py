"""What will be asked of rows, so that no more of them is read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Never

from domain.errors import BadDocument
from domain.verification import Verification
from store.bad_documents import UNREADABLE
from store.driver import Document
from store.sealing import Keys
from store.stored_verification import KEPT, Found, Kept, KeptPlain, Read, check, seen, sometimes, utc

MAX_READINGS = 256

# Of what each derived attribute is made, under whatever condition.
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
# When the system acts next is derived too, of six others. It is kept as well, for the sweeper to find.
KEPT_IN_PART: dict[str, Kept] = KEPT | {"due": sometimes("due", utc, otherwise=lambda bad: None)}
READ = {name: frozenset({name}) for name in KEPT_IN_PART} | DERIVED

# Read of every row. The id and the workspace distinguish it, and sealed data are bound to them. Without a status that this release has, it is no row,
# whatever an operation selects.
ALWAYS = frozenset({"id", "workspace", "status"})

Fill = Callable[[Any, Any], None]
Row = Verification | BadDocument


class NotRead(Exception):
    """Something was asked of a row that was read without it."""

    def __init__(self, attribute: str) -> None:
        super().__init__(f"{attribute} was asked of a row that was read without it; name it in `reading`")


class Part(Found):
    """A verification that was read in part: it holds what was read, and anything else is NotRead."""

    __slots__ = ("due",)

    due: datetime | None

    def __getattr__(self, name: str) -> Never:
        if name in KEPT_IN_PART:
            raise NotRead(name)
        raise AttributeError(f"a verification has no {name}")


@dataclass(frozen=True, slots=True)
class Reading:
    """Which fields of the documents are read, and how rows are filled from them."""

    projection: Document
    plain: tuple[tuple[Fill, str, type | None], ...]
    decoded: tuple[tuple[Fill, Read], ...]
    fills: tuple[tuple[Fill, Kept], ...]

    def rows(self, documents: list[Document], keys: Keys) -> list[Row]:
        """A row for each document; BadDocument in place of one of which none can be made."""
        try:
            return self._usual_rows(documents, keys)
        except UNREADABLE:
            return [self._row(document, keys) for document in documents]

    def _usual_rows(self, documents: list[Document], keys: Keys) -> list[Row]:
        """The rows of documents in which everything is as usual. Raises: one of UNREADABLE where something isn't."""
        rows: list[Row] = [object.__new__(Part) for _ in documents]
        pairs = [*zip(rows, documents, strict=True)]
        for fill, field, usual in self.plain:
            for row, document in pairs:
                value = document[field]
                if value.__class__ is not usual:
                    raise TypeError
                fill(row, value)
        for fill, read in self.decoded:
            for row, document in pairs:
                fill(row, read(document, keys))
        return rows

    def _row(self, document: Document, keys: Keys) -> Row:
        """The same for one document, whatever it holds."""
        row = object.__new__(Part)
        try:
            for fill, kept in self.fills:
                fill(row, kept.value(document, keys))
        except BadDocument as bad:
            return bad
        return row


@lru_cache(MAX_READINGS)
def reading(names: frozenset[str] | None, needed: frozenset[str]) -> Reading | None:
    """What is read where these attributes will be asked for, and those that are needed beside; None where that is everything.

    A name that isn't known may need anything, so that everything is read.
    """
    if names is None or not names <= READ.keys():
        return None
    wanted = ALWAYS.union(needed, *(READ[name] for name in names))
    # In the order of the table, so that of several fields that can't be read the same one is named each time.
    kept = {name: attribute for name, attribute in KEPT_IN_PART.items() if name in wanted}
    fills = {name: vars(Part if name in Part.__slots__ else Verification)[name].__set__ for name in kept}
    return Reading(
        {attribute.field: 1 for attribute in kept.values()},
        tuple((fills[name], attribute.field, attribute.usual) for name, attribute in kept.items() if isinstance(attribute, KeptPlain)),
        tuple((fills[name], attribute.read) for name, attribute in kept.items() if not isinstance(attribute, KeptPlain)),
        tuple((fills[name], attribute) for name, attribute in kept.items()),
    )


def rows(documents: list[Document], keys: Keys, reading: Reading | None) -> list[Row]:
    """A verification for each document, as far as it was read; BadDocument in place of one of which none can be made."""
    return reading.rows(documents, keys) if reading else [whole_row(document, keys) for document in documents]


def whole_row(document: Document, keys: Keys) -> Row:
    """The same for a whole document."""
    try:
        check(document, keys)
    except BadDocument as bad:
        return bad
    return seen(document, keys)
