"""The deliveries: how far the events of each verification were delivered to the integrator's backend.

There is one document for each verification that has events to deliver. An instant in `due` means that events wait: a process may claim the document
from then on. The process that has claimed the document holds a lease, and `due` is the end of the lease. Every write is acknowledged by a majority.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from bson.timestamp import Timestamp
from pymongo import ReturnDocument, UpdateOne

from domain.deadlines import whole_milliseconds
from domain.delivery import DeliveryState, WebhookDelivery
from domain.verification import Verification
from store.driver import Collection, Document, answering
from store.inbox import MAX_BACKLOG
from store.indexes import DELIVERIES
from store.stored_verification import document_of
from store.verifications import Store

# How long a claim is valid. A process begins a try only if the rest of its lease is long enough for the whole try. So once a lease has ended, the
# process that held it sends nothing more.
SENDING_LEASE = timedelta(seconds=30)
# How far the clock of a gateway may be behind MongoDB's. `/readyz` and `gateway check` report greater differences.
CLOCK_DIFFERENCE = timedelta(seconds=5)

DELIVERY_STATES = {state.value: state for state in DeliveryState}
STATE: Document = {
    "$cond": [
        {"$gt": ["$version", "$settled"]},
        DeliveryState.WAITING.value,
        {"$cond": [{"$gt": [{"$size": "$failed"}, 0]}, DeliveryState.FAILED.value, DeliveryState.DELIVERED.value]},
    ]
}


@dataclass(frozen=True, slots=True)
class NewEvents:
    """Events of a verification that must be delivered: those up to `version`. `at`: when the verification was last changed.

    `before`: if nothing was recorded for the verification yet, its events up to this version are not delivered, because they are too old.
    """

    verification_id: str
    version: int
    before: int
    at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryClaim:
    """A delivery that this process may send until `until`, the end of its lease. `lease`: the random name of the lease.

    `settled`: the events up to this version were delivered or given up. `tries`: how often the event after `settled` was sent without success.
    """

    verification_id: str
    workspace: str
    settled: int
    tries: int
    lease: str
    until: datetime


def new_events(verification: Verification, since: datetime) -> NewEvents | None:
    """The events of a verification that must be delivered in a workspace whose deliveries begin at `since`; None if all events are older.

    The last event is older if MongoDB's time of the last write and `updatedAt` are both before `since`. For earlier events, there is only the time by
    a gateway's clock, which may differ. In case of doubt, an event is delivered. So a few events from before `since` may be delivered too.
    """
    stored_at = document_of(verification).get("storedAt")
    written_at = stored_at.as_datetime() if isinstance(stored_at, Timestamp) else verification.updated_at
    if max(written_at, verification.updated_at) < since:
        return None
    older = max((event.version for event in verification.events if event.at < since - CLOCK_DIFFERENCE), default=0)
    return NewEvents(verification.id, verification.version, min(older, verification.version - 1), verification.updated_at)


class StoredDeliveries:
    """The deliveries of all workspaces. All methods raise Unavailable if MongoDB does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._collection: Collection = store.database[DELIVERIES]

    async def record(self, workspace: str, events: Sequence[NewEvents]) -> None:
        """Record that these events must be delivered. Recording them again changes nothing. Cost: one bulk write."""
        if events:
            now = self._now()
            with answering():
                await self._collection.bulk_write([recording(workspace, each, now) for each in events], ordered=False)

    async def claimed(self, workspace: str, limit: int) -> list[DeliveryClaim]:
        """Claim up to `limit` deliveries of a workspace that are due, the longest due first.

        Cost: one query over an index, and one write for each delivery.
        """
        with answering():
            due = self._collection.find({"workspace": workspace, "due": {"$lte": self._now()}}, {"due": 1}).sort([("due", 1), ("_id", 1)])
            candidates = await due.limit(limit).to_list(None)
        claims = [await self._claimed(candidate) for candidate in candidates]
        return [claim for claim in claims if claim]

    async def settled(self, claim: DeliveryClaim, status: int | None, error: str | None = None) -> DeliveryClaim | None:
        """Record that the event after `claim.settled` was delivered, or given up if there is an error.

        `status`: the HTTP status of the response to the last try; None if there was no response.
        Returns the claim of the next event; None if no event waits, or if the claim has ended.
        """
        version, now = claim.settled + 1, self._now()
        lease, until = uuid4().hex, now + SENDING_LEASE
        outcome = (
            {"failed": {"$concatArrays": ["$failed", [version]]}, "failedAt": now} if error else {"delivered": {"$max": ["$delivered", version]}}
        )
        more = {"$gt": ["$version", version]}
        following = {
            "due": when(more, until),
            "next": when(more, now),
            "since": when(more, "$since"),
            "lease": when(more, lease),
            "state": STATE,
        }
        values = {"settled": version, "tries": 0, "changedAt": now, **last_try(status, error), **outcome}
        found = await self._updated(claim, [{"$set": values}, {"$set": following}])
        return to_claim(found) if found and found["version"] > version else None

    async def postponed(self, claim: DeliveryClaim, status: int | None, error: str, pause: timedelta) -> None:
        """Record that a try failed. The event is due again after the pause. `status`: the HTTP status of the response; None if there was none."""
        now = self._now()
        values = {"tries": claim.tries + 1, "changedAt": now, "next": now + pause, "due": now + pause, "lease": "$$REMOVE", **last_try(status, error)}
        await self._updated(claim, [{"$set": values}])

    async def released(self, claim: DeliveryClaim) -> None:
        """End the claim, so that another process can send the event at once."""
        await self._updated(claim, [{"$set": {"due": self._now(), "lease": "$$REMOVE"}}])

    async def drop(self, verification_ids: Sequence[str]) -> None:
        """Delete the deliveries of verifications that were removed."""
        if verification_ids:
            with answering():
                await self._collection.delete_many({"_id": {"$in": list(verification_ids)}})

    async def resend(self, verification: Verification, from_version: int) -> None:
        """Record that the events from this version on must be delivered, also those that were delivered or given up before."""
        now = self._now()
        values = {
            "settled": from_version - 1,
            "failed": {"$filter": {"input": {"$ifNull": ["$failed", []]}, "cond": {"$lt": ["$$this", from_version]}}},
            "version": {"$max": ["$version", verification.version]},
            "workspace": {"$literal": verification.workspace},
            "delivered": {"$ifNull": ["$delivered", 0]},
            **dict.fromkeys(("next", "due", "since", "changedAt"), now),
            "tries": 0,
            "lease": "$$REMOVE",
        }
        derived = {"state": STATE, "failedAt": when({"$gt": [{"$size": "$failed"}, 0]}, "$failedAt")}
        with answering():
            await self._collection.update_one({"_id": verification.id}, [{"$set": values}, {"$set": derived}], upsert=True)

    async def get(self, verification_id: str) -> WebhookDelivery | None:
        """The delivery of a verification; None if there is none. Cost: one read by primary key."""
        with answering():
            found = await self._collection.find_one({"_id": verification_id})
        return to_delivery(found) if found else None

    async def newest(self, workspace: str | None, states: Sequence[DeliveryState], limit: int) -> list[WebhookDelivery]:
        """The deliveries in these states, the last changed first. `workspace`: None for all workspaces.

        Cost: one query over an index; for all workspaces, also one that finds their names.
        """
        with answering():
            workspaces = await self._collection.distinct("workspace") if workspace is None else [workspace]
            condition = {"workspace": {"$in": workspaces}, "state": {"$in": [state.value for state in states]}}
            found = await self._collection.find(condition).sort([("changedAt", -1), ("_id", -1)]).limit(limit).to_list(None)
        return [to_delivery(document) for document in found]

    async def failed_since(self, workspace: str | None, at: datetime, limit: int, without: Sequence[str] = ()) -> list[WebhookDelivery]:
        """The deliveries of which an event was given up since this instant, and not sent again. `workspace`: None for all workspaces.

        `without`: ids of verifications to leave out. Cost: one query over an index; for all workspaces, also one that finds their names.
        """
        with answering():
            workspaces = await self._collection.distinct("workspace") if workspace is None else [workspace]
            condition: Document = {"workspace": {"$in": workspaces}, "failedAt": {"$gte": at}, **({"_id": {"$nin": [*without]}} if without else {})}
            found = self._collection.find(condition).sort([("failedAt", 1), ("_id", 1)])
            return [to_delivery(document) for document in await found.limit(limit).to_list(None)]

    async def count_waiting(self, workspaces: Sequence[str]) -> int:
        """How many verifications in these workspaces have events that wait; at most MAX_BACKLOG. Cost: one count over the entries of an index."""
        with answering():
            return await self._collection.count_documents({"workspace": {"$in": list(workspaces)}, "since": {"$exists": True}}, limit=MAX_BACKLOG)

    async def oldest_waiting_seconds(self, workspaces: Sequence[str]) -> float:
        """The age of the oldest event that waits in these workspaces, in seconds; 0 if none waits. Cost: one query over an index."""
        condition = {"workspace": {"$in": list(workspaces)}, "since": {"$exists": True}}
        with answering():
            found = await self._collection.find_one(condition, sort=[("since", 1)])
        return max(0.0, (self._now() - found["since"]).total_seconds()) if found else 0.0

    async def _claimed(self, candidate: Document) -> DeliveryClaim | None:
        condition = {"_id": candidate["_id"], "due": candidate["due"]}
        lease = {"due": self._now() + SENDING_LEASE, "lease": uuid4().hex}
        with answering():
            found = await self._collection.find_one_and_update(condition, {"$set": lease}, return_document=ReturnDocument.AFTER)
        return to_claim(found) if found else None

    async def _updated(self, claim: DeliveryClaim, stages: list[Document]) -> Document | None:
        """Update a claimed delivery. Returns its new document; None if the claim has ended."""
        condition = {"_id": claim.verification_id, "lease": claim.lease}
        with answering():
            found: Document | None = await self._collection.find_one_and_update(condition, stages, return_document=ReturnDocument.AFTER)
        return found

    def _now(self) -> datetime:
        return whole_milliseconds(self._store.now())


def recording(workspace: str, events: NewEvents, now: datetime) -> UpdateOne:
    """The write that records events of a verification. If earlier events already wait, it changes only `version`, the newest event to deliver."""
    present = {
        "workspace": {"$literal": workspace},
        "version": {"$ifNull": ["$version", events.before]},
        "settled": {"$ifNull": ["$settled", events.before]},
        "delivered": {"$ifNull": ["$delivered", 0]},
        "failed": {"$ifNull": ["$failed", []]},
        "tries": {"$ifNull": ["$tries", 0]},
    }
    begins = {"$and": [{"$eq": ["$version", "$settled"]}, {"$gt": [events.version, "$version"]}]}
    waiting = {
        **{field: {"$cond": [begins, now, f"${field}"]} for field in ("due", "next", "changedAt")},
        "since": {"$cond": [begins, events.at, "$since"]},
        "version": {"$max": ["$version", events.version]},
    }
    return UpdateOne({"_id": events.verification_id}, [{"$set": present}, {"$set": waiting}, {"$set": {"state": STATE}}], upsert=True)


def when(condition: Document, value: Any) -> Document:
    """An expression of MongoDB: the value if the condition is true; otherwise the field is removed."""
    return {"$cond": [condition, value, "$$REMOVE"]}


def last_try(status: int | None, error: str | None) -> Document:
    """The fields that show how the last try ended. Without `$literal`, MongoDB would take an error that begins with a dollar sign for a field."""
    return {
        "lastStatus": "$$REMOVE" if status is None else status,
        "lastError": "$$REMOVE" if error is None else {"$literal": error},
    }


def to_claim(document: Document) -> DeliveryClaim:
    """The claim that is stored in this document."""
    return DeliveryClaim(document["_id"], document["workspace"], document["settled"], document["tries"], document["lease"], document["due"])


def to_delivery(document: Document) -> WebhookDelivery:
    """The delivery that is stored in this document."""
    return WebhookDelivery(
        verification_id=document["_id"],
        workspace=document["workspace"],
        state=DELIVERY_STATES[document["state"]],
        version=document["version"],
        settled=document["settled"],
        delivered_version=document["delivered"],
        failed_versions=tuple(document["failed"]),
        tries=document["tries"],
        next_try_at=document.get("next"),
        last_status=document.get("lastStatus"),
        last_error=document.get("lastError"),
        changed_at=document.get("changedAt"),
    )
