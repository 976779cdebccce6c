"""Reads the changes of a workspace since a time of MongoDB, for a feed that resumes or has a gap."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bson.timestamp import Timestamp
from pymongo import ASCENDING
from pymongo.errors import OperationFailure

from domain.filter import Filter
from store.driver import BlockingCollection, Document, fetch
from store.indexes import index_name
from store.query import matching, within

# MongoDB stamps a document when it executes the write, which is before the write is committed: usually a few milliseconds, at most the 15 seconds
# that a write may take. The writes of a transaction are committed later, but MongoDB aborts a transaction after 60 seconds, or up to 30 later.
STAMPING = timedelta(seconds=100)
# Older releases write no stamp. Their changes are found by `updatedAt`: the clocks of gateways may differ, and a write takes time.
OVERLAP = timedelta(seconds=60)
PAGE_ROWS = 500
# MongoDB's error code BadValue, for a hint that names no index.
MISSING_HINT = 2


@dataclass(frozen=True, slots=True)
class ChangePosition:
    """A place in the changes, in the order of the field `key`: behind the document with this value of the field and this id."""

    key: str
    value: Any
    id: str


def stamp(at: datetime) -> Timestamp:
    """The first timestamp of MongoDB that is not before this instant."""
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
    """The query for the changes behind this place.

    Only the filter's lasting conditions apply (`Filter.lasting`), because a verification may have met the others before it changed.
    """
    # One range on the key, with the ids compared only for equal keys. A query with two alternatives would need two index scans.
    behind: Document = {place.key: {"$gte": place.value}, "$or": [{place.key: {"$gt": place.value}}, {"_id": {"$gt": place.id}}]}
    unstamped = [] if place.key == "storedAt" else [{"$nor": [{"storedAt": {"$gte": stamp(at - STAMPING)}}]}]
    return within(scope, [*matching(filter.lasting), behind, *unstamped])


def fetch_changes(collection: BlockingCollection, condition: Document, key: str) -> list[Document]:
    """One page of the changes that meet the condition. Blocks, so call it in a thread. Cost: one query over an index."""
    # Without the hint, MongoDB would sort all rows that another condition of the filter selects.
    sort = [(key, ASCENDING), ("_id", ASCENDING)]
    try:
        return fetch(collection, condition, sort=sort, limit=PAGE_ROWS, hint=index_name("workspace", key, "_id"))
    except OperationFailure as failure:
        if failure.code != MISSING_HINT:
            raise
        # The index was dropped, or does not exist yet. A slow answer is better than none.
        return fetch(collection, condition, sort=sort, limit=PAGE_ROWS)


def behind(documents: list[Document], place: ChangePosition) -> ChangePosition | None:
    """The place behind a page of changes; None if no page follows."""
    # A damaged document may have an id of another type. The next page begins behind the last document that has a place.
    placed = [document for document in documents if isinstance(document["_id"], str)]
    return replace(place, value=placed[-1][place.key], id=placed[-1]["_id"]) if placed and len(documents) == PAGE_ROWS else None
