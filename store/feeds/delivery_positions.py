"""The positions of the outgoing webhooks: up to which time the changes of a workspace were recorded as deliveries, and which process records them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from domain.deadlines import whole_milliseconds
from store.driver import Collection, Database, Document, answering
from store.indexes import DELIVERY_POSITIONS

# One process at a time reads the changes of a workspace. This process holds a lease of this length, and extends it in time. If the process crashes,
# the lease ends, and another process takes over.
READING_LEASE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class DeliveryPosition:
    """Every change that was committed before `at`, a time of MongoDB, was recorded. Changes before `since` are not delivered at all."""

    since: datetime
    at: datetime


class DeliveryPositions:
    """The positions of all workspaces. Every write is acknowledged by a majority. All methods raise Unavailable if MongoDB does not answer.

    `owner`: the name of this process in its leases.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], owner: str) -> None:
        self._now = now
        self._owner = owner
        self._collection: Collection = database[DELIVERY_POSITIONS]

    async def taken(self, workspace: str, now: datetime) -> DeliveryPosition | None:
        """Take the lease of a workspace. Returns its position, or None if another process holds the lease.

        `now`: MongoDB's time, at which the deliveries of the workspace begin if it has no position yet.
        """
        free = {"$or": [{"until": {"$lte": self._now()}}, {"by": self._owner}]}
        with answering():
            try:
                found = await self._collection.find_one_and_update(
                    {"_id": workspace, **free},
                    {"$set": self._lease(), "$setOnInsert": {"since": now, "at": now}},
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                # The workspace has a position that does not meet the condition, so the upsert tried to insert a second one: another process holds the
                # lease.
                return None
        return DeliveryPosition(found["since"], found["at"])

    async def advance(self, workspace: str, at: datetime | None = None) -> bool:
        """Extend the lease, and move the position forward to `at`, if that is passed. Returns whether this process still held the lease."""
        moved: Document = {"$max": {"at": at}} if at else {}
        with answering():
            written = await self._collection.update_one({"_id": workspace, "by": self._owner}, {"$set": self._lease(), **moved})
        return written.matched_count == 1

    async def release(self, workspace: str) -> None:
        """End the lease, so that another process can take it at once."""
        with answering():
            await self._collection.update_one({"_id": workspace, "by": self._owner}, {"$unset": {"by": ""}, "$set": {"until": self._now()}})

    def _lease(self) -> Document:
        return {"by": self._owner, "until": whole_milliseconds(self._now()) + READING_LEASE}
