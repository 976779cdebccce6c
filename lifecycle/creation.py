"""Starts verifications at providers over the network: when they are created, again after failures, and for other processes that have ended.

A provider may have no means of recognizing a repeated request. So one process at a time works on a verification (see `store/queues/starts.py`), and
after requests that were not answered, the request is repeated only a few times.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import timedelta
from itertools import chain, repeat

import stamina

from domain.errors import DomainError, ProviderRefused, Unavailable
from domain.verification import Verification
from lifecycle.observed_links import ObservedLinks
from providers.choice import Providers
from providers.port import Start
from providers.reports import AccessDenied, ProviderAway
from store.due import Due
from store.queues.provider_queries import ProviderQueries
from store.queues.starts import Starts, UnfinishedStart
from store.verifications import Rule, Store

logger = logging.getLogger(__name__)

# How long a mutation waits for the provider: normally, and after the process has begun to end.
WAIT_SECONDS = 5.0
LATE_WAIT_SECONDS = 1.0
# The pauses between the requests for one verification. The last one is repeated.
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
MAX_SPREAD = 1.2
# The pause after an error that only an operator can correct, which takes minutes: AccessDenied (such as a wrong API key) or a DomainError.
DENIED_SECONDS = 300.0
# After this many requests for one verification were left unanswered, no further one is sent: the provider may have executed each of them, and so
# have started several verifications.
MAX_UNANSWERED = 3
# While a process has this many verifications to start, it takes over no more from other processes.
MAX_UNDER_WAY = 500


class Creation:
    """Starts verifications at their providers.

    `count` counts what the requests led to. Its arguments are the name of the provider, and "started", "refused", "unanswered" (given up after
    MAX_UNANSWERED), "orphaned" (started twice; no link leads to one of the two), "away" (ProviderAway) or "denied" (AccessDenied).
    `pauses`: the pauses between requests, in seconds. `queries`: where the query for the result of a started verification is planned.
    """

    def __init__(
        self,
        store: Store,
        providers: Providers,
        links: ObservedLinks,
        count: Callable[[str, str], None],
        pauses: tuple[float, ...] = PAUSES,
        queries: ProviderQueries | None = None,
    ) -> None:
        self._store = store
        self._providers = providers
        self._links = links
        self._count = count
        self._pauses = pauses
        self._starts = Starts(store)
        self.queries = queries or ProviderQueries(store)
        self._under_way: dict[str, asyncio.Task[Verification | None]] = {}
        self._leaving = asyncio.Event()
        # Set when the providers file was read again. The pauses of starts that wait for an operator then end at once. With the next sweep
        # (`_must_release`), the leases of such starts in other processes end too.
        self._resumed = asyncio.Event()
        self._must_release = False

    async def announce(self, workspace: str, id: str) -> UnfinishedStart:
        """Write the entry (`store/queues/starts.py`) for a verification that is about to be stored and must then be started. Raises: Unavailable."""
        return await self._starts.add(workspace, id)

    async def withdraw(self, start: UnfinishedStart) -> None:
        """Remove the entry that `announce` wrote, because the verification was not stored."""
        await self._starts.remove(start.verification_id)

    async def begin(self, start: UnfinishedStart, created: Verification) -> Verification:
        """Start a verification that was stored. Returns its state once the provider has accepted it.

        If that takes too long (WAIT_SECONDS, or LATE_WAIT_SECONDS), or if the pause before the next request is longer than WAIT_SECONDS, this returns
        the pending verification, and the process goes on in the background.
        Raises: ProviderRefused.
        """
        paused = asyncio.Event()
        task, pause = self._spawn(start, paused), asyncio.create_task(paused.wait())
        seconds = LATE_WAIT_SECONDS if self._leaving.is_set() else WAIT_SECONDS
        try:
            await asyncio.wait({task, pause}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
        if not task.done() or task.cancelled():
            return created
        if isinstance(task.exception(), ProviderRefused):
            return task.result() or created
        return created if task.exception() else task.result() or created

    def resume(self) -> None:
        """End the pauses of all starts that wait until an operator corrects the providers file. Call this when the file was read again.

        In this process, the pauses end at once; in other processes, the leases of such starts end with the next sweep.
        """
        self._resumed.set()
        self._resumed = asyncio.Event()
        self._must_release = True

    async def due(self, limit: int, after: Due | None = None) -> list[Due]:
        """The verifications that a process had not started when it ended, and those that must be tried again.

        After `resume`, this first ends the leases of all starts that wait for an operator. Raises: Unavailable.
        """
        if self._must_release:
            self._must_release = False
            try:
                await self._starts.release_denied()
            except Unavailable:
                self._must_release = True
                raise
        return await self._starts.due(limit, after)

    async def take_over(self, workspace: str, id: str) -> bool:
        """Start, in the background, a verification that another process had not started when it ended.

        Returns False if this process did not take it over: another process was faster, this process is ending, or it has too many starts under way.
        Raises: Unavailable.
        """
        if self._leaving.is_set() or id in self._under_way or len(self._under_way) >= MAX_UNDER_WAY:
            return False
        start = await self._starts.taken_over(id)
        if start:
            self._spawn(start, asyncio.Event())
        return start is not None

    async def unfinished(self) -> tuple[int, float]:
        """How many verifications are not started yet, and the age of the oldest in seconds. Raises: Unavailable."""
        return await self._starts.unfinished()

    async def leave(self) -> None:
        """Wait for the requests under way, because the process is about to end. Other processes take over all verifications that are not started."""
        self._leaving.set()
        if self._under_way:
            await asyncio.wait([*self._under_way.values()])

    async def end(self) -> None:
        """Abandon the requests under way. Other processes take over their verifications once the leases have ended."""
        self._leaving.set()
        tasks = [*self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, start: UnfinishedStart, paused: asyncio.Event) -> "asyncio.Task[Verification | None]":
        task = asyncio.create_task(self._finished(start, paused))
        self._under_way[start.verification_id] = task
        task.add_done_callback(lambda done: self._done(start.verification_id, done))
        return task

    def _done(self, id: str, task: "asyncio.Task[Verification | None]") -> None:
        self._under_way.pop(id, None)
        error = None if task.cancelled() else task.exception()
        if error and not isinstance(error, ProviderRefused):
            logger.error("%s could not be started (%s); it will be tried again", id, type(error).__name__)

    async def _finished(self, start: UnfinishedStart, paused: asyncio.Event) -> Verification | None:
        """Send the request to the provider until it succeeds or must not be repeated. Returns the new state of the verification; None if another
        process has to go on.

        `paused`: set when the pause before the next request is too long for the mutation that waits.
        """
        for pause in chain(self._pauses, repeat(self._pauses[-1])):
            try:
                return await self._attempt(start)
            except ProviderAway as away:
                denied, seconds, unanswered = False, max(pause, away.retry_after_seconds or 0), start.unanswered - (not away.maybe_executed)
            except ProviderRefused:
                raise
            except (AccessDenied, DomainError) as error:
                # A domain error: this release can't read the stored request, the provider can't use the request, or the provider's answer can't be
                # recorded.
                logger.warning("%s can't be started in the workspace %s: %s", start.verification_id, start.workspace, error)
                denied, seconds, unanswered = True, DENIED_SECONDS, start.unanswered - 1
            # Many verifications may wait for the same provider. Random pauses spread their next requests over time.
            following = await self._paused(start, seconds * random.uniform(1, MAX_SPREAD), unanswered, denied, paused)
            if not following:
                return None
            start = following
        return None

    async def _paused(self, start: UnfinishedStart, seconds: float, unanswered: int, denied: bool, paused: asyncio.Event) -> UnfinishedStart | None:
        """Extend the lease, pause, and count the next request. Returns the new entry; None if another process has to go on.

        `unanswered`: how many requests were left unanswered until now. `denied`: whether only an operator can help.
        """
        extended = await self._starts.extended(start, timedelta(seconds=seconds), unanswered, denied=denied)
        if not extended:
            return None
        if seconds > WAIT_SECONDS:
            paused.set()
        if unanswered < MAX_UNANSWERED and await self._interrupted(seconds, denied):
            await self._starts.released(extended)
            return None
        # A request is counted only right before it is sent: if this process is killed during the pause, no request is under way. The write fails if
        # `Starts.release_denied` has ended this lease during the pause, and another process has taken over.
        return await self._starts.extended(extended, timedelta(0), unanswered + 1)

    async def _attempt(self, start: UnfinishedStart) -> Verification | None:
        """Send the request to the provider once, and record its answer. Returns the new state; None if the verification does not exist.

        Raises: ProviderAway, AccessDenied if the request may be repeated; ProviderRefused if it must not.
        """
        verification = await self._store.within(start.workspace).get(start.verification_id)
        if not verification or verification.started or verification.status.final:
            # The process that started the verification may have ended before it planned the query for the result.
            await self._finish(start, verification)
            return verification
        name = verification.provider.name
        if start.unanswered > MAX_UNANSWERED:
            logger.warning("%s is given up: the provider left %d requests to start it unanswered", start.verification_id, MAX_UNANSWERED)
            return await self._settled(start, name, "unanswered", Verification.unanswered)
        provider = self._providers.named(start.workspace, name)
        if not provider:
            raise AccessDenied("the workspace no longer has the provider of this verification")
        try:
            reference = await provider.start(await self._start_of(verification))
        except ProviderRefused as refused:
            field = refused.field
            await self._settled(start, name, "refused", lambda old, at: old.refused(field, at))
            raise
        except (ProviderAway, AccessDenied) as error:
            self._count(name, "denied" if isinstance(error, AccessDenied) else "away")
            raise
        stored = await self._settled(start, name, "started", lambda old, at: old.accepted(reference, at))
        if stored.provider.id != reference.id:
            logger.warning("%s was started twice; the second verification at the provider has no link and will expire there", stored.id)
            self._count(name, "orphaned")
        return stored

    async def _start_of(self, verification: Verification) -> Start:
        previous = verification.previous and await self._store.within(verification.workspace).get(verification.previous)
        same = previous and previous.provider.name == verification.provider.name
        return Start(
            verification.workspace,
            verification.id,
            verification.start_request(),
            self._links.redirection_url(verification),
            previous.provider if previous and same else None,
        )

    async def _settled(self, start: UnfinishedStart, provider: str, outcome: str, rule: Rule) -> Verification:
        """Record the outcome. Returns the new state. Repeats the write until MongoDB answers, because the provider does not give its answer twice."""

        async def record() -> Verification:
            stored = await self._store.within(start.workspace).change(start.verification_id, rule)
            await self._finish(start, stored)
            return stored

        stored = await stamina.AsyncRetryingCaller(attempts=None, timeout=None)(Unavailable, record)
        self._count(provider, outcome)
        return stored

    async def _finish(self, start: UnfinishedStart, verification: Verification | None) -> None:
        """Plan the query for the result, and remove the entry after that, so that no crash loses the query."""
        if verification and self._providers.decides(verification.workspace, verification.provider.name):
            await self.queries.plan(verification)
        await self._starts.remove(start.verification_id)

    async def _interrupted(self, seconds: float, denied: bool) -> bool:
        """Pause. Returns whether the pause was cut short: because the process is about to end, or, for a denied start, because of `resume`."""
        events = [self._leaving, *([self._resumed] if denied else [])]
        waiting = [asyncio.create_task(event.wait()) for event in events]
        try:
            done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        return bool(done)
