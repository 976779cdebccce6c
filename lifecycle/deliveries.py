"""Delivers the events of verifications to the integrators' backends: in the order of their versions, at least once, and again after failures.

Every process sends. A process claims a delivery before it sends, so that no two processes send the same event at the same time. Each workspace has
its own tasks, so that a slow backend delays no other one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import uuid4

from domain.delivery import DeliveryState, OutgoingWebhook, Receipt, WebhookDelivery, outgoing_webhook, pause_after
from domain.errors import BadDocument, InvalidInput, NotFound, Unavailable
from domain.event import Event
from domain.verification import Verification
from lifecycle.outgoing_events import OutgoingEvents
from providers.file import Deliveries
from store.feed import Feed
from store.feeds.delivery_positions import DeliveryPositions
from store.queues.deliveries import DeliveryClaim, StoredDeliveries
from store.verifications import Store

logger = logging.getLogger(__name__)

# How many webhooks of one workspace a process sends at a time. More could overload the backend.
MAX_CONCURRENT_TRIES = 8
# A try is begun only if at least this much of the lease is left: the time limit of a try, and a reserve for the write after it.
MIN_LEASE = timedelta(seconds=13)
# How often a process looks for deliveries that are due, and whether the workspaces with deliveries have changed.
POLL_SECONDS = 1.0
# How long the process waits for the tries under way when it ends.
LEAVING_SECONDS = 3.0
RESENT_TOGETHER = 200

Send = Callable[[Deliveries, OutgoingWebhook], Awaitable[Receipt]]
CurrentSections = Callable[[], Mapping[str, Deliveries]]
UNREADABLE_EVENT = Receipt(None, "this release of the gateway can't read the event")


class OutgoingWebhooks:
    """Delivers the events of all workspaces that have a section `deliveries` in the providers file.

    `sections` returns these sections by workspace, as they are now. `count` counts the tries: its arguments are "delivered", "failed" or "given up",
    and the number of the try.
    """

    def __init__(self, store: Store, feed: Feed, sections: CurrentSections, count: Callable[[str, int], object]) -> None:
        self._store = store
        self._feed = feed
        self._sections = sections
        self._count = count
        self._stored = StoredDeliveries(store)
        self._positions = DeliveryPositions(store.database, store.now, uuid4().hex)
        self._sending: set[asyncio.Task[None]] = set()
        self._leaving = False

    async def run(self, send: Send) -> None:
        """Deliver events until cancelled. Meanwhile, workspaces may gain or lose their section `deliveries`. `send` sends a webhook once."""
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                sections = self._sections()
                for workspace in [workspace for workspace, task in tasks.items() if workspace not in sections or task.done()]:
                    await ended(workspace, tasks.pop(workspace))
                for workspace in sections.keys() - tasks.keys():
                    tasks[workspace] = asyncio.create_task(self._deliver_workspace(workspace, send))
                await asyncio.sleep(POLL_SECONDS)
        finally:
            await asyncio.gather(*(ended(workspace, task) for workspace, task in tasks.items()))

    async def leave(self) -> None:
        """Wait for the tries under way, because the process is about to end. No further one is begun: other processes go on at once."""
        self._leaving = True
        while self._sending:
            await asyncio.wait([*self._sending])

    async def resend(self, workspace: str, id: str, from_version: int | None = None) -> Verification:
        """Deliver the events of a verification again, from `from_version` on; if that is None, from the first one that the backend has not accepted.

        Returns the verification. If the backend has accepted all events and `from_version` is None, nothing happens.
        Raises: NotFound; InvalidInput if the verification has no event of this version.
        """
        verification = await self._store.within(workspace).require(id)
        if from_version is not None and not 1 <= from_version <= verification.version:
            raise InvalidInput("fromVersion", f"must be 1 to {verification.version}, the version of the verification")
        first = from_version or first_missing(await self._stored.get(id))
        if first <= verification.version:
            await self._stored.resend(verification, first)
        return verification

    async def resend_failed(self, workspace: str | None, since: datetime) -> list[str]:
        """For each verification of which an event was given up since this instant: deliver its events again, from the first that was not accepted.

        `workspace`: None for all workspaces. Returns the ids of these verifications. If a verification no longer exists, its delivery is deleted. A
        verification is left out if this release can't read its document, or if a backup was restored in which it does not have the event.
        """
        resent: list[str] = []
        left: list[str] = []
        while found := await self._stored.failed_since(workspace, since, RESENT_TOGETHER, without=left):
            for delivery in found:
                id = delivery.verification_id
                try:
                    verification = await self.resend(delivery.workspace, id)
                except NotFound:
                    await self._stored.drop([id])
                except BadDocument:
                    left.append(id)
                else:
                    (resent if first_missing(delivery) <= verification.version else left).append(id)
        if left:
            logger.warning("these verifications can't be sent again: %s", ", ".join(left))
        return resent

    async def delivery(self, verification_id: str) -> WebhookDelivery | None:
        """The delivery of a verification; None if there is none. Raises: Unavailable."""
        return await self._stored.get(verification_id)

    async def newest(self, workspace: str | None, states: Sequence[DeliveryState], limit: int) -> list[WebhookDelivery]:
        """The deliveries in these states, the last changed first. `workspace`: None for all workspaces. Raises: Unavailable."""
        return await self._stored.newest(workspace, states, limit)

    async def count_waiting(self) -> int:
        """How many verifications have events that wait, in the workspaces with a backend. Raises: Unavailable."""
        return await self._stored.count_waiting([*self._sections()])

    async def oldest_waiting_seconds(self) -> float:
        """The age of the oldest event that waits, in the workspaces with a backend, in seconds; 0 if none waits. Raises: Unavailable."""
        return await self._stored.oldest_waiting_seconds([*self._sections()])

    async def _deliver_workspace(self, workspace: str, send: Send) -> None:
        wake = asyncio.Event()
        events = OutgoingEvents(self._store, self._feed, self._stored, self._positions, workspace, wake.set)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(events.run())
            tasks.create_task(self._send_due(workspace, wake, send))

    async def _send_due(self, workspace: str, wake: asyncio.Event, send: Send) -> None:
        """Send what is due, again and again, with pauses. `wake` ends a pause: it is set when events were recorded, and when a delivery ends."""
        sending: set[asyncio.Task[None]] = set()

        def finished(task: asyncio.Task[None]) -> None:
            sending.discard(task)
            self._sending.discard(task)
            wake.set()

        try:
            while True:
                wake.clear()
                for claim in await self._claimed(workspace, MAX_CONCURRENT_TRIES - len(sending)):
                    task = asyncio.create_task(self._deliver(claim, send))
                    sending.add(task)
                    self._sending.add(task)
                    task.add_done_callback(finished)
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await wake.wait()
        finally:
            if sending:
                _, late = await asyncio.wait(sending, timeout=LEAVING_SECONDS)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)

    async def _claimed(self, workspace: str, limit: int) -> list[DeliveryClaim]:
        if limit <= 0 or self._leaving:
            return []
        try:
            return await self._stored.claimed(workspace, limit)
        except Unavailable:
            logger.warning("MongoDB is unavailable; the webhooks of the workspace %s will be sent later", workspace)
            return []

    async def _deliver(self, claim: DeliveryClaim, send: Send) -> None:
        """Send the events of a claimed delivery, one after the other, until none waits or one is not accepted."""
        following: DeliveryClaim | None = claim
        try:
            while following:
                following = await self._try(following, send)
        except Unavailable:
            # The lease ends by itself. If the event was sent, it is sent again then.
            logger.warning("MongoDB is unavailable; a webhook of %s will be sent later", claim.verification_id)
        except Exception as error:
            logger.error("a webhook of %s could not be sent (%s)", claim.verification_id, type(error).__name__)

    async def _try(self, claim: DeliveryClaim, send: Send) -> DeliveryClaim | None:
        """Send the next event once. Returns the claim of the event after it; None if there is none, or this one must be sent again."""
        section = self._sections().get(claim.workspace)
        if self._leaving or not section or claim.until - self._store.now() < MIN_LEASE:
            await self._stored.released(claim)
            return None
        try:
            verification = await self._verification(claim)
            if not verification:
                await self._stored.drop([claim.verification_id])
                return None
            event = event_of(verification, claim.settled + 1)
            receipt = await send(section, outgoing_webhook(verification, event)) if event else UNREADABLE_EVENT
        except BadDocument:
            receipt = UNREADABLE_EVENT
        if not receipt.accepted:
            return await self._failed(claim, receipt)
        self._count("delivered", claim.tries + 1)
        return await self._stored.settled(claim, receipt.status)

    async def _verification(self, claim: DeliveryClaim) -> Verification | None:
        """The verification whose events are delivered; None if it was removed. Raises: BadDocument, Unavailable."""
        verifications = self._store.within(claim.workspace)
        found = await verifications.get(claim.verification_id)
        if found and found.version <= claim.settled:
            # A newly elected primary may still answer from an older state.
            await self._store.barrier.passed()
            found = await verifications.get(claim.verification_id)
        return found

    async def _failed(self, claim: DeliveryClaim, receipt: Receipt) -> DeliveryClaim | None:
        """Record a try that failed. Returns the claim of the next event if this one is given up."""
        tries, error = claim.tries + 1, receipt.error or ""
        pause = pause_after(tries)
        if pause:
            self._count("failed", tries)
            await self._stored.postponed(claim, receipt.status, error, pause)
            return None
        self._count("given up", tries)
        logger.warning("event %d of %s is given up after %d tries: %s", claim.settled + 1, claim.verification_id, tries, error)
        return await self._stored.settled(claim, receipt.status, error)


def event_of(verification: Verification, version: int) -> Event | None:
    """The event of this version; None if this release can't represent it, or it does not exist."""
    event = next(iter(verification.events_after(version - 1)), None)
    return event if event and event.version == version else None


def first_missing(delivery: WebhookDelivery | None) -> int:
    """The first version that the backend has not accepted.

    Old versions that were never to be delivered are skipped. If nothing was recorded for the verification (`delivery` is None), the result is 1.
    """
    if not delivery:
        return 1
    return min([*delivery.failed_versions, delivery.settled + 1])


async def ended(workspace: str, task: "asyncio.Task[None]") -> None:
    """End the task of a workspace, or log its error if it has failed. `OutgoingWebhooks.run` then starts a new task if one is needed."""
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return
    except Exception as error:
        logger.error("the deliveries of the workspace %s failed (%s)", workspace, type(error).__name__)
