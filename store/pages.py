"""Lists of verifications, a page at a time. The cursor is exactly the sort key, so that no row is skipped or doubled while others write."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Literal

from pymongo import ASCENDING, DESCENDING

from domain.filter import Filter, Order
from domain.verification import Verification
from store.bad_documents import BadDocuments
from store.cursor import Place, encode_all
from store.documents import Document
from store.driver import BlockingCollection, answering, fetch, in_thread
from store.partial_verification import reading, rows
from store.query import matching, within
from store.sealing import Keys
from store.stored_verification import utc

SORTED_BY = {
    Order.CREATED_NEWEST: ("createdAt", DESCENDING),
    Order.CREATED_OLDEST: ("createdAt", ASCENDING),
    Order.UPDATED_NEWEST: ("updatedAt", DESCENDING),
    Order.UPDATED_OLDEST: ("updatedAt", ASCENDING),
}
BY_CREATION = (Order.CREATED_NEWEST, Order.CREATED_OLDEST)
ID, CREATED, UPDATED = attrgetter("id"), attrgetter("created_at"), attrgetter("updated_at")
PLACED_BY = {order: frozenset({"created_at" if order in BY_CREATION else "updated_at"}) for order in Order}


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which rows of an ordered list: the first or the last `size` of those behind `after` and ahead of `before`."""

    order: Order
    size: int
    end: Literal["first", "last"] = "first"
    after: Place | None = None
    before: Place | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, in its order."""

    rows: tuple[Verification, ...]
    order: Order
    has_previous: bool
    has_next: bool
    # Where the first and the last document stand, if some were left out of `rows` because they can't be read: the list goes on behind them.
    bounds: tuple[Place, ...] = ()

    _cursors: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def place(self, row: Verification) -> Place:
        """Where a row stands in the list."""
        return Place(self.order, self._sorted_by(row), row.id)

    def cursors(self) -> list[str]:
        """Where each row stands, as texts. They are written once: many may be given the same page."""
        if not self._cursors:
            self._cursors.extend(encode_all(self.order, zip(map(self._sorted_by, self.rows), map(ID, self.rows), strict=True)))
        return self._cursors

    @property
    def ends(self) -> tuple[Place, ...]:
        """Where the page begins and ends; nothing for an empty one."""
        return self.bounds or tuple(self.place(row) for row in (self.rows[:1] + self.rows[-1:]))

    @property
    def _sorted_by(self) -> Callable[[Verification], datetime]:
        return CREATED if self.order in BY_CREATION else UPDATED


def conditions(scope: Document, filter: Filter, request: PageRequest) -> Document:
    """The query for a page, as bounds that an index over the sort key can follow from the first row on."""
    key, direction = SORTED_BY[request.order]
    beyond: list[Document] = []
    if filter.created_from and key == "updatedAt":
        # Nothing changes before it is created.
        beyond.append({key: {"$gte": filter.created_from}})
    for place, way in ((request.after, direction), (request.before, -direction)):
        if place:
            strictly, at_most = ("$gt", "$gte") if way == ASCENDING else ("$lt", "$lte")
            # One range on the key, and the id for equals only: two alternatives would be two scans.
            beyond.append({key: {at_most: place.at}, "$or": [{key: {strictly: place.at}}, {"_id": {strictly: place.id}}]})
    return within(scope, [*matching(filter), *beyond])


def sorting(request: PageRequest) -> list[tuple[str, int]]:
    """The order in which MongoDB reads: from the end that is asked for."""
    key, direction = SORTED_BY[request.order]
    read = direction if request.end == "first" else -direction
    return [(key, read), ("_id", read)]


def along(filter: Filter, order: Order) -> list[tuple[str, int]] | None:
    """The index to read along, where MongoDB must not choose: by the last change, it would sort all that was created in a time.

    Reference and reasons are left to it: they find few rows, but have no index by the last change.
    """
    created = filter.created_from or filter.created_before
    found_otherwise = filter.reference is not None or filter.reason_codes is not None or filter.reason_types is not None
    if SORTED_BY[order][0] == "createdAt" or not created or found_otherwise:
        return None
    status = [] if filter.statuses is None else ["status"]
    return [(key, ASCENDING) for key in ("workspace", *status, "updatedAt", "_id")]


async def read(
    collection: BlockingCollection,
    keys: Keys,
    bad_documents: BadDocuments,
    scope: Document,
    filter: Filter,
    request: PageRequest,
    asked: frozenset[str] | None = None,
) -> Page:
    """One page, of whose rows these attributes can be asked; all of them where that is None. Documents that can't be read are left out.

    Cost: one query over an index, `size + 1` documents. A row more than asked for tells whether there are others.
    """
    needed = reading(asked, PLACED_BY[request.order])
    condition, order, most = conditions(scope, filter, request), sorting(request), request.size + 1
    with answering():
        projection, index = needed.projection if needed else None, along(filter, request.order)
        documents = await in_thread(partial(fetch, collection, condition, projection, sort=order, limit=most, hint=index))
    more = len(documents) > request.size
    documents = documents[: request.size]
    if request.end == "last":
        documents.reverse()
    page = tuple(bad_documents.readable(rows(documents, keys, needed)))
    bounds = () if len(page) == len(documents) else bounds_of(documents, request.order)
    # Behind documents without a place, there is no way to go on.
    more = more and bool(page or bounds)
    if request.end == "first":
        return Page(page, request.order, request.after is not None, more or request.before is not None, bounds)
    return Page(page, request.order, more or request.after is not None, request.before is not None, bounds)


def bounds_of(documents: list[Document], order: Order) -> tuple[Place, ...]:
    """Where the first and the last of the documents stand that have a place in the list."""
    key, _ = SORTED_BY[order]
    placed = [document for document in documents if isinstance(document.get(key), datetime) and isinstance(document["_id"], str)]
    return tuple(Place(order, utc(document[key]), document["_id"]) for document in (placed[:1] + placed[-1:]))
