"""Reads the changes of a workspace since a time of MongoDB, for a feed that resumes or has a gap."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from bson.timestamp import Timestamp
from pymongo import ASCENDING
from pymongo.errors import OperationFailure

from domain.filter import Filter
from domain.verification import Verification
from store.driver import BlockingCollection, Document, fetch
from store.indexes import index_name
from store.query import ever_matching, matching, within

# How long after its stamp (`storedAt`, see the glossary) a write may become visible to readers. MongoDB sets the stamp when it executes a write. The
# write becomes visible when it is committed: usually some milliseconds later, at most after the time limit of a write (18 seconds by default). The
# writes of a transaction are committed at its end. MongoDB aborts a transaction after 60 seconds, or up to 30 seconds later. The rest is leeway.
STAMPING = timedelta(seconds=100)
# Older releases write no stamp. Their changes are found by `updatedAt`. The search begins this long before the requested time, because the clocks of
# gateways may differ, and a write takes time.
OVERLAP = timedelta(seconds=60)
PAGE_ROWS = 100
# The error code of MongoDB (BadValue) if a hint names an index that does not exist.
MISSING_HINT = 2


@dataclass(frozen=True, slots=True)
class ChangePosition:
    """How far the changes have been read, in the order of the field `key`: up to the document with this value of the field and this id."""

    key: str
    value: Any
    id: str


@dataclass(frozen=True, slots=True)
class ChangedPage:
    """A page of changes. `seconds`: how long MongoDB took for it. `behind`: the position behind the page; None if the page is the last."""

    rows: list[Verification]
    seconds: float
    behind: ChangePosition | None


def stamp(at: datetime) -> Timestamp:
    """The lowest stamp (`storedAt`) that MongoDB can have written in the second of this instant. The seconds of a BSON timestamp are whole.

    A query for stamps from this one on misses no write at this instant or later. It may also find writes from earlier in the same second.
    """
    return Timestamp(int(at.timestamp()), 0)


def changed_since(at: datetime) -> Document:
    """The condition that a document was changed after this time of MongoDB, or shortly before it."""
    return {"$or": [{"storedAt": {"$gte": stamp(at - STAMPING)}}, {"updatedAt": {"$gte": at - OVERLAP}}]}


def beginnings(at: datetime) -> list[ChangePosition]:
    """The two positions at which to begin reading the changes after this time of MongoDB.

    The first is for documents with `storedAt`, the second for documents that older releases wrote, which have only `updatedAt`.
    """
    return [ChangePosition("storedAt", stamp(at - STAMPING), ""), ChangePosition("updatedAt", at - OVERLAP, "")]


def condition(scope: Document, filter: Filter, at: datetime, place: ChangePosition) -> Document:
    """The query for the changes that come after the position `place`.

    The filter's lasting conditions (`Filter.lasting`) apply unchanged. The other conditions (`ever_matching`) are also met by a verification that met
    them only before it changed, because the feed must report that such a verification has left the list.
    """
    # The range on the key stands outside of `$or`, so that one index scan suffices. With both alternatives inside, MongoDB would need two.
    behind: Document = {place.key: {"$gte": place.value}, "$or": [{place.key: {"$gt": place.value}}, {"_id": {"$gt": place.id}}]}
    unstamped = [] if place.key == "storedAt" else [{"$nor": [{"storedAt": {"$gte": stamp(at - STAMPING)}}]}]
    return within(scope, [*matching(filter.lasting), *ever_matching(filter), behind, *unstamped])


def timed_changes(collection: BlockingCollection, condition: Document, key: str) -> tuple[list[Document], float]:
    """One page of the changes that meet the condition, and the seconds that it took. Blocks, so call it in a thread."""
    begun = perf_counter()
    return fetch_changes(collection, condition, key), perf_counter() - begun


def fetch_changes(collection: BlockingCollection, condition: Document, key: str) -> list[Document]:
    """One page of the changes that meet the condition. Blocks, so call it in a thread. Cost: one query over an index."""
    # Without the hint, MongoDB may use the index of another condition of the filter, and would then have to sort all rows that it finds there.
    sort = [(key, ASCENDING), ("_id", ASCENDING)]
    try:
        return fetch(collection, condition, sort=sort, limit=PAGE_ROWS, hint=index_name("workspace", key, "_id"))
    except OperationFailure as failure:
        if failure.code != MISSING_HINT:
            raise
        # The index was dropped, or does not exist yet. A slow answer is better than none.
        return fetch(collection, condition, sort=sort, limit=PAGE_ROWS)


def behind(documents: list[Document], place: ChangePosition) -> ChangePosition | None:
    """The position after a page of changes, at which the next page begins; None if no page follows."""
    # A damaged document may have an id that is no text, which a position can't name. So the next page begins after the last document whose id is one.
    placed = [document for document in documents if isinstance(document["_id"], str)]
    return replace(place, value=placed[-1][place.key], id=placed[-1]["_id"]) if placed and len(documents) == PAGE_ROWS else None
