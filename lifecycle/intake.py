"""The intake of webhooks: records what providers send, and applies it to the verifications.

A webhook is recorded before it is answered, and then applied in the background. If it can't be applied, or if the process ends, the sweep of any
process applies it later. The event's id is written together with the result, so a webhook that is applied twice changes nothing the second time.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.errors import Conflict, NoProvider, Unavailable
from domain.extraction import Extraction
from domain.result import Result, is_unusual
from domain.status import Status
from domain.verification import Verification
from domain.webhook import ReceivedWebhook, WebhookState
from lifecycle.changes import Changes
from lifecycle.sweeper import SWEEP_BATCH, Chore
from providers.choice import Providers
from providers.port import QueryablePort, WebhookPort
from providers.reports import AccessDenied, BadSignature, GoneAtProvider, ProviderAway, RawDocument, Report
from providers.sandbox import Sandbox
from store.inbox import CLAIM, entry_id
from store.verifications import Store

logger = logging.getLogger(__name__)

# How long a verdict waits for the document that belongs to it. After that, the verdict is applied without the document.
DOCUMENT_SECONDS = 5.0
# The pauses before the document is read again. If the try after the last pause fails, the gateway gives up.
DOCUMENT_PAUSES = (30.0, 120.0, 600.0, 3600.0, 6 * 3600.0)
# While a webhook matches no verification, it is tried again. Each pause is as long as the age of the webhook, but at least FIRST_PAUSE and at most
# LONG_PAUSE. After UNMATCHED_AFTER, the webhook counts as unmatched, and each pause is RARE_PAUSE.
FIRST_PAUSE, LONG_PAUSE, RARE_PAUSE = timedelta(seconds=2), timedelta(minutes=1), timedelta(hours=1)
UNMATCHED_AFTER = timedelta(minutes=10)
# After an unexpected error, a webhook is applied again after ERROR_PAUSE; each later pause is four times as long. After MAX_TRIES tries, it has
# failed.
ERROR_PAUSE, MAX_TRIES = timedelta(seconds=15), 8
MAX_CONCURRENT_WEBHOOKS = 64
# A process begins to apply a webhook only if at least this much of its lease is left, because the lease must not end meanwhile. Otherwise, the
# webhook is left to the sweep.
ENOUGH_LEASE = timedelta(seconds=20)


class Reading(NamedTuple):
    """The outcome of reading an identity document from the provider.

    `again_seconds`: the shortest pause before the next try; None if no other try is needed.
    """

    document: RawDocument | None = None
    again_seconds: float | None = None


class Intake:
    """Receives and applies the webhooks of all workspaces.

    `count` counts webhooks. Its arguments are the provider's name, and the outcome: when a webhook arrives, "received", "repeated", "ignored",
    "forged" or "unavailable"; later, "applied", "unmatched", "failed" or "without document". `count_unusual` counts results with unusual codes.
    `write_seconds`: how long recording a webhook may take.
    """

    def __init__(
        self,
        store: Store,
        providers: Providers,
        changes: Changes,
        count: Callable[[str, str], None],
        count_unusual: Callable[[], None],
        write_seconds: float,
        document_pauses: tuple[float, ...] = DOCUMENT_PAUSES,
    ) -> None:
        self._store = store
        self._inbox = store.inbox
        self._providers = providers
        self._changes = changes
        self._count = count
        self._count_unusual = count_unusual
        self._write_seconds = write_seconds
        self._document_pauses = document_pauses
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_WEBHOOKS)
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def chore(self) -> Chore:
        """The sweeper's chore that applies what could not be applied at once, or what a process left behind when it ended."""
        return Chore("updated from webhooks", lambda after: self._inbox.due(SWEEP_BATCH, after), self.take_over)

    def sender(self, workspace: str) -> WebhookPort:
        """The provider that sends webhooks to this workspace. Raises: NoProvider if there is none."""
        provider = self._providers.of(workspace)
        if not isinstance(provider, WebhookPort):
            raise NoProvider
        return provider

    async def receive(self, workspace: str, content: bytes, headers: Mapping[str, str]) -> asyncio.Task[None] | None:
        """Record a webhook. When this returns, a majority of the MongoDB members has it on disk, so it will be applied even if this process ends.

        Returns the task that applies it; None if there is nothing to apply, or it was received before. The caller need not wait for the task.
        Header names are in lower case.
        Cost:   one write.
        Raises: NoProvider, BadSignature: nothing was written then. Unavailable: the webhook may have been written then.
        """
        provider = self.sender(workspace)
        try:
            webhook = provider.understand(content, headers)
        except BadSignature:
            self._count(provider.name, "forged")
            raise
        report = webhook.report if webhook.provider_id else None
        entry = ReceivedWebhook(
            entry_id(workspace, webhook.event_id),
            workspace,
            webhook.event_id,
            webhook.event_name,
            provider.name,
            webhook.provider_id,
            report.status if report else None,
            report.codes if report else (),
            webhook.sandbox,
            self._store.now(),
            WebhookState.WAITING if report else WebhookState.IGNORED,
        )
        try:
            # `add` limits the time of its own write. This limit also covers the barrier, which may wait for the write of another caller.
            async with asyncio.timeout(self._write_seconds + 1):
                recorded = await self._inbox.add(entry, self._write_seconds)
        except (Unavailable, TimeoutError):
            self._count(provider.name, "unavailable")
            raise Unavailable from None
        self._count(provider.name, "repeated" if not recorded else "received" if report else "ignored")
        return self._spawn(recorded) if recorded and report else None

    async def take_over(self, workspace: str, id: str) -> bool:
        """Apply an entry whose lease has ended, or whose next try is due. Returns whether this process did so. Raises: Unavailable."""
        return await self._apply_if(await self._inbox.claimed(id))

    async def reapply(self, id: str) -> bool:
        """Apply an entry now, whatever became of it before. Returns False if there is no such entry, or it announces no outcome."""
        found = await self._inbox.get(id)
        if not found or not found.status or not found.provider_id:
            return False
        return await self._apply_if(await self._inbox.claimed(id, even_if_early=True))

    async def apply_report(self, verification: Verification, report: Report) -> Verification:
        """Apply a result that the gateway has read from the provider without a webhook. Returns the new state.

        If a webhook brings the same result at the same time, the second of the two changes nothing. Raises: NotFound, Unavailable, Conflict.
        """
        if is_unusual(report.status, report.codes):
            self._count_unusual()
        result = Result.received(report.status, report.codes, extraction_of(report.document, self._store.now()))
        return await self._changes.report_result(verification.workspace, verification.id, result)

    async def leave(self) -> None:
        """Wait for the webhooks that are being applied, because the process is about to end."""
        if self._under_way:
            await asyncio.wait([*self._under_way])

    async def end(self) -> None:
        """Abandon the webhooks that are being applied. Other processes take them over once their leases have ended."""
        tasks = [*self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, entry: ReceivedWebhook) -> asyncio.Task[None]:
        task = asyncio.create_task(self._in_turn(entry))
        self._under_way.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        if error:
            logger.error("a webhook could not be applied (%s); it will be tried again", type(error).__name__)

    async def _in_turn(self, entry: ReceivedWebhook) -> None:
        async with self._slots:
            if self._store.now() - entry.received_at < CLAIM - ENOUGH_LEASE:
                await self._apply_if(entry)

    async def _apply_if(self, claimed: ReceivedWebhook | None) -> bool:
        """Apply an entry whose lease this process holds, and write what became of it. Returns False if there is no entry.

        Raises: Unavailable and Conflict; the entry is then tried again once the lease has ended. After another error, which is raised too, the entry
                is tried again after a pause.
        """
        if not claimed:
            return False
        try:
            settled = await self._applied(claimed)
        except (Unavailable, Conflict):
            raise
        except Exception as error:
            await self._inbox.settle(claimed, self._after_error(claimed, error))
            raise
        await self._inbox.settle(claimed, settled)
        return True

    async def _applied(self, entry: ReceivedWebhook) -> ReceivedWebhook:
        """Apply an entry. Returns its new state."""
        if not entry.status or not entry.provider_id:
            return replace(entry, state=WebhookState.IGNORED, next=None)
        verification = await self._store.within(entry.workspace).with_provider_id(entry.provider, entry.provider_id)
        if not verification:
            return self._unmatched(entry)
        reading = await self._reading(entry, entry.status, verification)
        extraction = extraction_of(reading.document, self._store.now())
        result = Result.received(entry.status, entry.codes, extraction, entry.event_id)
        if entry.state is WebhookState.APPLIED:
            # The note about unusual codes was recorded with the verdict, and is not recorded again with the document.
            result = replace(result, note=extraction.note)
        elif is_unusual(entry.status, entry.codes):
            self._count_unusual()
        stored = await self._changes.report_result(entry.workspace, verification.id, result)
        if entry.state is not WebhookState.APPLIED:
            self._count(entry.provider, "applied")
        applied = replace(entry, state=WebhookState.APPLIED, verification_id=verification.id, next=None, note=None)
        waits = stored.stands_at(result) and not stored.extracted and not stored.anonymized_at
        return self._waiting_for_document(applied, reading.again_seconds) if waits and reading.again_seconds is not None else applied

    async def _reading(self, entry: ReceivedWebhook, status: Status, verification: Verification) -> Reading:
        """Read the document that belongs to a verdict. If the provider is away, or still reports another status, the document is read again later."""
        if not status.billable or verification.extracted or verification.anonymized_at:
            return Reading()
        provider = self._providers.named(entry.workspace, entry.provider)
        if isinstance(provider, Sandbox):
            return Reading(provider.specimen(verification.declared.open() if verification.declared else None, status))
        if not isinstance(provider, QueryablePort) or not entry.provider_id:
            return Reading()
        try:
            async with asyncio.timeout(DOCUMENT_SECONDS):
                report = await provider.read(entry.provider_id)
        except GoneAtProvider:
            return Reading()
        except ProviderAway as away:
            return Reading(again_seconds=away.retry_after_seconds or 0.0)
        except (AccessDenied, TimeoutError):
            return Reading(again_seconds=0.0)
        return Reading(report.document) if report.status is status else Reading(again_seconds=0.0)

    def _waiting_for_document(self, applied: ReceivedWebhook, again_seconds: float) -> ReceivedWebhook:
        """The entry with the instant at which the document is read again; the finished entry if the document was read often enough.

        `again_seconds`: the shortest pause before the document is read again.
        """
        tries = applied.document_tries
        if tries >= len(self._document_pauses):
            self._count(applied.provider, "without document")
            return replace(applied, note="the document could not be read from the provider")
        pause = timedelta(seconds=max(self._document_pauses[tries], again_seconds))
        return replace(applied, document_tries=tries + 1, next=self._store.now() + pause)

    def _unmatched(self, entry: ReceivedWebhook) -> ReceivedWebhook:
        """The entry with the instant of its next try: the verification may not have the provider's id yet. After UNMATCHED_AFTER, it is unmatched."""
        now = self._store.now()
        age = now - entry.received_at
        if age < UNMATCHED_AFTER:
            return replace(entry, state=WebhookState.WAITING, next=now + min(max(age, FIRST_PAUSE), LONG_PAUSE))
        if entry.state is not WebhookState.UNMATCHED:
            self._count(entry.provider, "unmatched")
        return replace(entry, state=WebhookState.UNMATCHED, next=now + RARE_PAUSE)

    def _after_error(self, entry: ReceivedWebhook, error: Exception) -> ReceivedWebhook:
        note = f"it could not be applied ({type(error).__name__})"
        if entry.tries >= MAX_TRIES:
            self._count(entry.provider, "failed")
            return replace(entry, state=WebhookState.FAILED, next=None, note=note)
        return replace(entry, next=self._store.now() + ERROR_PAUSE * 4 ** (entry.tries - 1), note=note)


def extraction_of(raw: RawDocument | None, now: datetime) -> Extraction:
    """The usable values of a document that a provider sent. `now`: the current time."""
    if not raw:
        return Extraction()
    return Extraction.received(raw.full_name, raw.born_on, raw.type, raw.issuing_country_code, raw.national_identification_number, now)
