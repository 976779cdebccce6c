"""The queries that are due at providers: when the gateway reads the state of a pending verification from its provider.

There is one entry for each pending verification whose provider can be queried. An entry says when the next query is due. This instant follows from
the verification's own instants, so a lost entry can be written again at any time. A process claims an entry before it queries the provider. While the
process holds the lease, no other process queries the same verification.

Every write is acknowledged by a majority.
"""

from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pymongo import ReturnDocument

from domain.deadlines import whole_milliseconds
from domain.query_schedule import QuerySchedule
from domain.verification import Verification
from store.driver import Collection, Document, aggregate, answering
from store.due import Due
from store.indexes import PROVIDER_QUERIES
from store.verifications import Store

# How long a process may work on an entry. A query and the writes after it take less.
QUERY_LEASE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class QueryClaim:
    """An entry that this process has claimed. `due`: since when the query is due. `tries`: how many queries in a row have failed.

    `until`, `lease`: the end of the lease, and its random name.
    """

    verification_id: str
    workspace: str
    due: datetime
    tries: int
    until: datetime
    lease: str


class ProviderQueries:
    """The entries of all workspaces. `schedule`: when verifications are queried. All methods raise Unavailable if MongoDB does not answer."""

    def __init__(self, store: Store, schedule: QuerySchedule | None = None) -> None:
        self._store = store
        self._collection: Collection = store.database[PROVIDER_QUERIES]
        self.schedule = schedule or QuerySchedule()

    async def plan(self, verification: Verification) -> bool:
        """Write when the verification is queried next, unless an earlier query is planned already. Returns False if it can't be queried.

        A second call with the same verification changes nothing. Cost: one write by primary key.
        """
        if not verification.can_be_queried:
            return False
        now = whole_milliseconds(self._store.now())
        update = {
            "$min": {"at": self.schedule.next_after(verification, now)},
            "$setOnInsert": {"workspace": verification.workspace, "tries": 0},
        }
        with answering():
            await self._collection.update_one({"_id": verification.id}, update, upsert=True)
        return True

    async def without_entry(self, pending: Sequence[Due]) -> list[Due]:
        """Those of the `pending` verifications that have no entry. Cost: one query by primary keys."""
        with answering():
            found = await self._collection.find({"_id": {"$in": [each.id for each in pending]}}, {"_id": 1}).to_list(None)
        present = {entry["_id"] for entry in found}
        return [each for each in pending if each.id not in present]

    async def due_workspaces(self) -> dict[str, datetime]:
        """The workspaces in which queries are due, and since when the first of them is due. Cost: one query over the entries that are due."""
        due: list[Document] = [{"$match": {"at": {"$lte": self._store.now()}}}, {"$group": {"_id": "$workspace", "at": {"$min": "$at"}}}]
        with answering():
            return {found["_id"]: found["at"] for found in await aggregate(self._collection, due).to_list(None)}

    async def claimed(self, workspace: str) -> QueryClaim | None:
        """Claim the entry of this workspace that has been due longest. Returns None if no entry is due. Cost: one write over an index."""
        now = whole_milliseconds(self._store.now())
        until, lease = now + QUERY_LEASE, uuid4().hex
        condition = {"workspace": workspace, "at": {"$lte": now}, "$or": [{"until": {"$exists": False}}, {"until": {"$lte": now}}]}
        with answering():
            found = await self._collection.find_one_and_update(
                condition,
                {"$set": {"at": until, "until": until, "lease": lease}},
                sort=[("at", 1), ("_id", 1)],
                return_document=ReturnDocument.BEFORE,
            )
        return QueryClaim(found["_id"], workspace, found["at"], found["tries"], until, lease) if found else None

    async def settle(self, claim: QueryClaim, at: datetime, tries: int = 0) -> None:
        """End the claim. The next query is due at this instant; earlier if an earlier one was planned during the claim.

        `tries`: how many queries in a row have failed.
        """
        planned = {"$cond": [{"$lt": ["$at", claim.until]}, {"$min": ["$at", whole_milliseconds(at)]}, whole_milliseconds(at)]}
        stages: list[Document] = [{"$set": {"at": planned, "tries": tries}}, {"$unset": ["until", "lease"]}]
        with answering():
            await self._collection.update_one({"_id": claim.verification_id, "lease": claim.lease}, stages)

    async def drop(self, claim: QueryClaim) -> None:
        """Remove the entry of a verification that is not queried any more."""
        with answering():
            await self._collection.delete_one({"_id": claim.verification_id, "lease": claim.lease})

    async def hurry(self, workspaces: Several[str]) -> None:
        """Make queries of these workspaces due now, if their last try failed."""
        condition: Document = {"workspace": {"$in": [*workspaces]}, "tries": {"$gt": 0}, "lease": {"$exists": False}}
        with answering():
            await self._collection.update_many(condition, {"$min": {"at": whole_milliseconds(self._store.now())}})

    async def oldest_due_seconds(self) -> float:
        """For how long the oldest query has been due, in seconds; 0 if none is due. Cost: one query over an index."""
        with answering():
            oldest: Mapping[str, Any] | None = await self._collection.find_one({}, sort=[("at", 1)])
        return max(0.0, (self._store.now() - oldest["at"]).total_seconds()) if oldest else 0.0
