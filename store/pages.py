"""Reads lists of verifications, page by page.

A cursor encodes the exact sort key of a row, so that no row is skipped or repeated when other rows are written between two pages.
"""

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
from store.cursor import SortPosition, encode_all
from store.decoding import utc
from store.driver import BlockingCollection, Document, answering, fetch, in_thread
from store.indexes import index_name
from store.partial_verification import row_reader, rows
from store.query import period, selecting
from store.sealing import SealingKeys

SORTED_BY = {
    Order.CREATED_NEWEST: ("createdAt", DESCENDING),
    Order.CREATED_OLDEST: ("createdAt", ASCENDING),
    Order.UPDATED_NEWEST: ("updatedAt", DESCENDING),
    Order.UPDATED_OLDEST: ("updatedAt", ASCENDING),
}
BY_CREATION = (Order.CREATED_NEWEST, Order.CREATED_OLDEST)
ID, CREATED, UPDATED = attrgetter("id"), attrgetter("created_at"), attrgetter("updated_at")
POSITION_ATTRIBUTES = {order: frozenset({"created_at" if order in BY_CREATION else "updated_at"}) for order in Order}


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of an ordered list to read: the first or the last `size` rows of those that are behind `after` and ahead of `before`."""

    order: Order
    size: int
    end: Literal["first", "last"] = "first"
    after: SortPosition | None = None
    before: SortPosition | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Consecutive rows of a list, in the order of the list."""

    rows: tuple[Verification, ...]
    order: Order
    has_previous: bool
    has_next: bool
    # Empty, unless unreadable documents were left out of `rows`. Then: the positions of the first and the last document that was read, from which the
    # cursors to other pages are made.
    bounds: tuple[SortPosition, ...] = ()

    _cursors: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def position(self, row: Verification) -> SortPosition:
        """The position of a row in the list."""
        return SortPosition(self.order, self._sorted_by(row), row.id)

    def cursors(self) -> list[str]:
        """The cursor of each row. The cursors are encoded only once, although several operations may share the page."""
        if not self._cursors:
            self._cursors.extend(encode_all(self.order, zip(map(self._sorted_by, self.rows), map(ID, self.rows), strict=True)))
        return self._cursors

    @property
    def ends(self) -> tuple[SortPosition, ...]:
        """The positions at which the page begins and ends; empty for an empty page."""
        return self.bounds or tuple(self.position(row) for row in (self.rows[:1] + self.rows[-1:]))

    @property
    def _sorted_by(self) -> Callable[[Verification], datetime]:
        return CREATED if self.order in BY_CREATION else UPDATED


def conditions(scope: Document, filter: Filter, request: PageRequest) -> Document:
    """The MongoDB query for a page. Its conditions on the sort key let MongoDB begin to read the index at the first row of the page."""
    key, direction = SORTED_BY[request.order]
    bounds: list[Document] = []
    # In every verification, createdAt <= completedAt <= updatedAt. So a condition of the filter on one of these instants limits the instant by which
    # the list is sorted too, and MongoDB reads a smaller range of the index.
    if key == "updatedAt":
        bounds += [*period(key, filter.created_from, None), *period(key, filter.completed_from, None)]
    else:
        bounds += [*period(key, None, filter.updated_before), *period(key, None, filter.completed_before)]
    for position, way in ((request.after, direction), (request.before, -direction)):
        if position:
            strictly, inclusively = ("$gt", "$gte") if way == ASCENDING else ("$lt", "$lte")
            # The range on the key stands outside of `$or`, so that one index scan suffices. With both alternatives inside, MongoDB would need two.
            bounds.append({key: {inclusively: position.at}, "$or": [{key: {strictly: position.at}}, {"_id": {strictly: position.id}}]})
    return selecting(scope, filter, bounds)


def sorting(request: PageRequest) -> list[tuple[str, int]]:
    """The order in which MongoDB reads the list. It begins at the requested end: the last rows are read in reverse order."""
    key, direction = SORTED_BY[request.order]
    read_direction = direction if request.end == "first" else -direction
    return [(key, read_direction), ("_id", read_direction)]


def index_hint(filter: Filter, order: Order) -> str | None:
    """The name of the index that MongoDB must use; None if MongoDB may choose the index.

    If a list is sorted by the last change and filtered by the time of creation, MongoDB would choose badly: it would sort all rows that were created
    in the period of the filter. If another condition has an index of its own, MongoDB may choose: few rows match such a condition.
    """
    created = filter.created_from or filter.created_before
    if SORTED_BY[order][0] == "createdAt" or not created or has_own_index(filter):
        return None
    return index_name("workspace", *([] if filter.statuses is None else ["status"]), "updatedAt", "_id")


def has_own_index(filter: Filter) -> bool:
    """Whether a condition of the filter, other than those on the status and on the times of creation and last change, has an index of its own."""
    return bool(filter.has_ignored_results) or any(
        condition is not None
        for condition in (
            filter.reference,
            filter.reason_codes,
            filter.reason_types,
            filter.phases,
            filter.completed_from,
            filter.completed_before,
            filter.provider_id,
        )
    )


async def read_page(
    collection: BlockingCollection,
    keys: SealingKeys,
    bad_documents: BadDocuments,
    scope: Document,
    filter: Filter,
    request: PageRequest,
    attributes: frozenset[str] | None = None,
) -> Page:
    """Read one page of a list. Documents that can't be read are left out of its rows.

    `attributes`: the names of the attributes that the rows need; None for all attributes.

    Cost: one query over an index, for `size + 1` documents. The additional document shows whether there are more rows.
    """
    reader = row_reader(attributes, POSITION_ATTRIBUTES[request.order])
    condition, order, limit = conditions(scope, filter, request), sorting(request), request.size + 1
    with answering():
        projection, index = reader.projection if reader else None, index_hint(filter, request.order)
        documents = await in_thread(partial(fetch, collection, condition, projection, sort=order, limit=limit, hint=index))
    more = len(documents) > request.size
    documents = documents[: request.size]
    if request.end == "last":
        documents.reverse()
    page = tuple(bad_documents.readable(rows(documents, keys, reader)))
    bounds = () if len(page) == len(documents) else bounds_of(documents, request.order)
    # If all documents of the page are damaged, none of them has a position from which a cursor could be made. So there is no next page.
    more = more and bool(page or bounds)
    if request.end == "first":
        return Page(page, request.order, request.after is not None, more or request.before is not None, bounds)
    return Page(page, request.order, more or request.after is not None, request.before is not None, bounds)


def bounds_of(documents: list[Document], order: Order) -> tuple[SortPosition, ...]:
    """The positions of the first and the last document for which a cursor can be made. A damaged document may have no valid id or instant."""
    key, _ = SORTED_BY[order]
    positioned = [document for document in documents if isinstance(document.get(key), datetime) and isinstance(document["_id"], str)]
    return tuple(SortPosition(order, utc(document[key]), document["_id"]) for document in (positioned[:1] + positioned[-1:]))
