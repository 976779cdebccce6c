"""Direct access to the database of a run, without a gateway.

The soak reads what the gateways stored. It also ends their leases and pauses early, so that a run need not wait for hours.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from store.indexes import DELIVERIES, DELIVERY_POSITIONS, INBOX, PROVIDER_QUERIES, QUERY_BUDGETS, UNFINISHED_STARTS, VERIFICATIONS
from tests.soak.plan import WORKSPACES, Fate
from tests.soak.records import Records

Document = dict[str, Any]

# The fields with the end of a lease or of a pause, by collection.
WAITS = {
    UNFINISHED_STARTS: ("until",),
    INBOX: ("next",),
    DELIVERIES: ("due", "next"),
    DELIVERY_POSITIONS: ("until",),
    PROVIDER_QUERIES: ("at", "until"),
    QUERY_BUDGETS: ("pausedUntil",),
}


class Database:
    """The collections of the gateways."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database

    def __getitem__(self, name: str) -> AsyncCollection[Document]:
        return self._database[name]

    async def started(self, fate: Fate) -> bool:
        """Whether a gateway has written the provider's id of a verification."""
        return await self[VERIFICATIONS].count_documents({"reference": fate.name, "provider.id": {"$exists": True}}) > 0

    async def awaits_application(self, video: str) -> bool:
        """Whether a webhook about this verification at the provider is in the inbox, and the verification has no outcome yet."""
        waiting = await self[INBOX].count_documents({"providerId": video, "state": "waiting"})
        return waiting > 0 and await self[VERIFICATIONS].count_documents({"provider.id": video, "status": "pending"}) > 0

    async def deliveries_begun(self) -> bool:
        """Whether the deliveries of all workspaces have begun. Events that happened before the beginning are not delivered."""
        return await self[DELIVERY_POSITIONS].count_documents({}) == len(WORKSPACES)

    async def shorten_pauses(self) -> int:
        """End the pause of every webhook to the backend that waits for its next try. Returns how many there were.

        A webhook on which a gateway is working is left alone: it has a lease.
        """
        now = datetime.now(UTC)
        moved = await self[DELIVERIES].update_many({"due": {"$gt": now}, "lease": {"$exists": False}}, {"$set": {"due": now, "next": now}})
        return moved.modified_count

    async def pass_time(self) -> None:
        """End all leases and pauses, as if time had passed. Call this only while no gateway runs: a running gateway relies on its leases."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        for name, fields in WAITS.items():
            for field in fields:
                await self[name].update_many({field: {"$gt": past}}, {"$set": {field: past}})

    async def unfinished(self) -> dict[str, int]:
        """How much work of each kind is left to the gateways. Kinds without any work left are not in the result."""
        linked = await self[VERIFICATIONS].distinct("provider.id")
        counts = {
            "verifications pending": await self[VERIFICATIONS].count_documents({"status": "pending"}),
            "verifications to start": await self[UNFINISHED_STARTS].count_documents({}),
            "webhooks to apply": await self[INBOX].count_documents({"next": {"$exists": True}, "providerId": {"$in": linked}}),
            "verifications with events to deliver": await self._undelivered(),
        }
        return {kind: count for kind, count in counts.items() if count}

    async def read_into(self, records: Records) -> None:
        """Copy all verifications, webhooks in the inbox and unfinished starts into the records."""
        records.documents = [document async for document in self[VERIFICATIONS].find()]
        records.inbox = [document async for document in self[INBOX].find()]
        records.starts = [document async for document in self[UNFINISHED_STARTS].find()]

    async def _undelivered(self) -> int:
        settled = {document["_id"]: document["settled"] async for document in self[DELIVERIES].find({}, {"settled": 1})}
        return len([1 async for document in self[VERIFICATIONS].find({}, {"version": 1}) if settled.get(document["_id"]) != document["version"]])


@asynccontextmanager
async def opened(uri: str, name: str) -> AsyncIterator[Database]:
    """A context with the database of this name."""
    async with AsyncMongoClient[Document](uri, tz_aware=True) as client:
        yield Database(client[name])
