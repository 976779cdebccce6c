"""Unfinished starts: verifications that are stored, but not yet started at their provider, which is reached over the network.

An entry is written before its verification, and removed once the verification is started or has an outcome. So no crash loses a verification that
must be started. One process at a time works on an entry: this process holds a lease, and must extend the lease before it ends.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.deadlines import whole_milliseconds
from store.driver import Collection, Document, answering
from store.due import Due
from store.indexes import UNFINISHED_STARTS
from store.verifications import Store

# How long a lease is valid. A process extends its lease for each request to the provider, which takes seconds. So if a lease was not extended in
# time, its process has ended.
LEASE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class UnfinishedStart:
    """A verification that must be started at its provider. `since`: when its entry was written. `until`: the end of the lease.

    `unanswered`: how many requests the provider may have executed although it did not answer. A request is counted right before it is sent, after the
    pause that precedes it. So a process that is killed during the pause leaves no unsent request counted.
    """

    workspace: str
    verification_id: str
    since: datetime
    until: datetime
    unanswered: int = 1


class Starts:
    """The MongoDB collection of unfinished starts. Every write is acknowledged by a majority."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._collection: Collection = store.database[UNFINISHED_STARTS]

    async def add(self, workspace: str, verification_id: str) -> UnfinishedStart:
        """Write the entry of a verification that is about to be stored. The caller holds the lease. Raises: Unavailable."""
        now = whole_milliseconds(self._store.now())
        start = UnfinishedStart(workspace, verification_id, now, now + LEASE)
        entry = {"_id": verification_id, "workspace": workspace, "since": start.since, "until": start.until, "unanswered": 1}
        with answering():
            await self._collection.insert_one(entry)
        return start

    async def due(self, limit: int, after: Due | None = None) -> list[Due]:
        """The entries whose lease has ended, the earliest end first; if `after` is passed, only the entries that follow it. Raises: Unavailable."""
        beyond = {"$or": [{"until": {"$gt": after.at}}, {"until": after.at, "_id": {"$gt": after.id}}]} if after else {}
        with answering():
            query = {"until": {"$lte": self._store.now()}, **beyond}
            entries = await self._collection.find(query).sort([("until", 1), ("_id", 1)]).limit(limit).to_list(None)
        return [Due(entry["until"], entry["workspace"], entry["_id"]) for entry in entries]

    async def taken_over(self, verification_id: str) -> UnfinishedStart | None:
        """Take the lease of an entry, if it has ended. Returns the new entry; None if another process was faster. Raises: Unavailable.

        This method counts the request that the new holder then sends in `unanswered`.
        """
        now = whole_milliseconds(self._store.now())
        with answering():
            found = await self._collection.find_one_and_update(
                {"_id": verification_id, "until": {"$lte": now}},
                {"$set": {"until": now + LEASE}, "$inc": {"unanswered": 1}, "$unset": {"denied": ""}},
            )
        return UnfinishedStart(found["workspace"], found["_id"], found["since"], now + LEASE, found["unanswered"] + 1) if found else None

    async def extended(self, start: UnfinishedStart, wait: timedelta, unanswered: int, *, denied: bool = False) -> UnfinishedStart | None:
        """Extend a lease: it then ends LEASE after the pause `wait`, which begins now. `unanswered`: the entry's new value.

        `denied`: whether the pause is for an operator to correct the providers file. `release_denied` ends such a pause.

        Returns the new entry; None if another process took it over. Raises: Unavailable.
        """
        return await self._replaced(start, whole_milliseconds(self._store.now()) + wait + LEASE, unanswered, denied)

    async def released(self, start: UnfinishedStart) -> None:
        """End the lease now, so that another process can take over at once. Call this only during a pause between requests. Raises: Unavailable."""
        await self._replaced(start, whole_milliseconds(self._store.now()), start.unanswered)

    async def release_denied(self) -> None:
        """End the leases of all entries that wait for an operator, also those of other processes, so that any process can take over at once.

        A process that holds such a lease sends nothing during the pause, and extends the lease before the next request. Raises: Unavailable.
        """
        released: Document = {"$set": {"until": whole_milliseconds(self._store.now())}, "$unset": {"denied": ""}}
        with answering():
            await self._collection.update_many({"denied": True}, released)

    async def remove(self, verification_id: str) -> None:
        """Remove the entry of a verification that needs no start any more. Raises: Unavailable."""
        with answering():
            await self._collection.delete_one({"_id": verification_id})

    async def unfinished(self) -> tuple[int, float]:
        """How many entries there are, and the age of the oldest in seconds (0 if there are none). Raises: Unavailable."""
        with answering():
            count = await self._collection.estimated_document_count()
            oldest = await self._collection.find_one({}, sort=[("since", 1)])
        return count, (self._store.now() - oldest["since"]).total_seconds() if oldest else 0.0

    async def _replaced(self, start: UnfinishedStart, until: datetime, unanswered: int, denied: bool = False) -> UnfinishedStart | None:
        changed: Document = {"$set": {"until": until, "unanswered": unanswered}}
        changed |= {"$set": {**changed["$set"], "denied": True}} if denied else {"$unset": {"denied": ""}}
        with answering():
            found = await self._collection.find_one_and_update({"_id": start.verification_id, "until": start.until}, changed)
        return UnfinishedStart(start.workspace, start.verification_id, start.since, until, unanswered) if found else None
