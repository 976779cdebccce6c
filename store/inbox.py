"""The inbox: what providers sent by webhook. An entry is kept for INBOX_DAYS after the webhook was received, also after the entry was applied.

An entry has only the values that the gateway uses. The body of the webhook and data of identity documents are not stored. Every write is acknowledged
by a majority. An entry with an instant in `next` is unfinished: until that instant, a process holds the entry's lease, or the entry waits for its
next try. From that instant on, any process may claim the entry.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from domain.deadlines import whole_milliseconds
from domain.status import Status
from domain.webhook import ReceivedWebhook, WebhookState
from store.barrier import Barrier
from store.driver import Collection, Database, Document, answering, patient
from store.due import Due, read_due
from store.indexes import INBOX

# How long a process may work on an entry before another process may claim it. The reads and writes that apply one webhook take less.
CLAIM = timedelta(seconds=45)
# For the metrics, the items of a backlog are counted only up to this number, so that the count of a long backlog stays cheap.
MAX_BACKLOG = 10_000
STATES_BY_NAME = {state.value: state for state in WebhookState}
STATUSES_OF_WEBHOOKS = {status.value: status for status in Status}


class Inbox:
    """The entries of all workspaces. All methods raise Unavailable if MongoDB does not answer."""

    def __init__(self, database: Database, now: Callable[[], datetime], barrier: Barrier) -> None:
        self._collection: Collection = database[INBOX]
        self._now = now
        self._barrier = barrier

    async def add(self, webhook: ReceivedWebhook, within_seconds: float) -> ReceivedWebhook | None:
        """Write an entry. Returns the entry; None if the event was received before. If the entry is unfinished, the caller holds its lease.

        When this returns, the entry is on the disks of a majority, also if the event was received before.
        `within_seconds`: the time limit of the write.

        Cost: one write.
        """
        received_at = whole_milliseconds(webhook.received_at)
        entry = replace(webhook, received_at=received_at, next=received_at + CLAIM if webhook.state is WebhookState.WAITING else None)
        with answering(), patient(within_seconds):
            try:
                await self._collection.insert_one(to_document(entry))
            except DuplicateKeyError:
                # Another process received the same event, and its write of the entry may not have reached a majority yet.
                await self._barrier.passed()
                return None
        return entry

    async def due(self, limit: int, after: Due | None = None) -> list[Due]:
        """The entries that a process may claim now, the earliest first; if `after` is passed, only those behind it. Cost: one query over an index."""
        return await read_due(self._collection, "next", self._now(), {}, limit, after)

    async def claimed(self, id: str, even_if_early: bool = False) -> ReceivedWebhook | None:
        """Claim an entry: take its lease, if its next try is due and no process holds the lease. Returns the entry; None if it was not claimed.

        `even_if_early`: claim the entry in any case, even if it is finished, its next try is not due yet, or another process holds the lease.
        """
        now = whole_milliseconds(self._now())
        condition: Document = {"_id": id} if even_if_early else {"_id": id, "next": {"$lte": now}}
        with answering():
            found = await self._collection.find_one_and_update(condition, {"$set": {"next": now + CLAIM}, "$inc": {"tries": 1}}, return_document=True)
        return to_webhook(found) if found else None

    async def settle(self, claimed: ReceivedWebhook, settled: ReceivedWebhook) -> None:
        """Write the new state of a claimed entry (`settled`), unless another process has claimed the entry since."""
        changed: dict[str, Any] = to_document(settled)
        removed = {name: "" for name in to_document(claimed) if name not in changed}
        with answering():
            await self._collection.update_one(
                {"_id": claimed.id, "next": claimed.next}, {"$set": changed, **({"$unset": removed} if removed else {})}
            )

    async def get(self, id: str) -> ReceivedWebhook | None:
        """The entry with this id; None if there is none. Cost: one read by primary key."""
        with answering():
            found = await self._collection.find_one({"_id": id})
        return to_webhook(found) if found else None

    async def newest(
        self, workspace: str | None, states: Sequence[WebhookState], limit: int, behind: ReceivedWebhook | None = None
    ) -> list[ReceivedWebhook]:
        """The entries in these states, the newest first; if `behind` is passed, only older ones. `workspace`: None for all workspaces.

        Cost: one query over an index.
        """
        condition: Document = {"state": {"$in": [state.value for state in states]}}
        if workspace is not None:
            condition["workspace"] = workspace
        if behind:
            received_at = behind.received_at
            condition["$or"] = [{"receivedAt": {"$lt": received_at}}, {"receivedAt": received_at, "_id": {"$lt": behind.id}}]
        with answering():
            documents = await self._collection.find(condition).sort([("receivedAt", -1), ("_id", -1)]).limit(limit).to_list(None)
        return [to_webhook(document) for document in documents]

    async def count_waiting(self) -> int:
        """How many entries wait to be applied; at most MAX_BACKLOG. Cost: one count over the entries of an index."""
        with answering():
            return await self._collection.count_documents({"state": WebhookState.WAITING.value}, limit=MAX_BACKLOG)

    async def oldest_waiting_seconds(self) -> float:
        """The age of the oldest entry that waits to be applied, in seconds; 0 if there is none. Cost: one query over an index."""
        with answering():
            oldest = await self._collection.find_one({"state": WebhookState.WAITING.value}, sort=[("receivedAt", 1)])
        return (self._now() - oldest["receivedAt"]).total_seconds() if oldest else 0.0


def entry_id(workspace: str, event_id: str) -> str:
    """The id of the entry of an event. A workspace contains no slash."""
    return f"{workspace}/{event_id}"


def to_document(webhook: ReceivedWebhook) -> Document:
    """The document of an entry. Values that are None are left out."""
    values = {
        "_id": webhook.id,
        "workspace": webhook.workspace,
        "eventId": webhook.event_id,
        "eventName": webhook.event_name,
        "provider": webhook.provider,
        "providerId": webhook.provider_id,
        "status": webhook.status and webhook.status.value,
        "codes": list(webhook.codes),
        "sandbox": webhook.sandbox,
        "receivedAt": webhook.received_at,
        "state": webhook.state.value,
        "tries": webhook.tries,
        "documentTries": webhook.document_tries,
        "next": webhook.next,
        "verificationId": webhook.verification_id,
        "note": webhook.note,
    }
    return {name: value for name, value in values.items() if value is not None}


def to_webhook(document: Document) -> ReceivedWebhook:
    """The entry in a document. A state that this release does not have reads as FAILED, and a status that it does not have as None."""
    return ReceivedWebhook(
        id=document["_id"],
        workspace=document["workspace"],
        event_id=document["eventId"],
        event_name=document["eventName"],
        provider=document["provider"],
        provider_id=document.get("providerId"),
        status=STATUSES_OF_WEBHOOKS.get(document.get("status", "")),
        codes=tuple(document["codes"]),
        sandbox=document["sandbox"],
        received_at=document["receivedAt"],
        state=STATES_BY_NAME.get(document["state"], WebhookState.FAILED),
        tries=document["tries"],
        document_tries=document["documentTries"],
        next=document.get("next"),
        verification_id=document.get("verificationId"),
        note=document.get("note"),
    )
