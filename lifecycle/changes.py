"""Creates and changes verifications. All other code does so through this module, except `creation.py`, which records the outcomes of starts."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import lru_cache

from uuid_utils import uuid7

from domain.deadlines import Windows
from domain.errors import AlreadyFinal, Conflict, DomainError, IdempotencyConflict, NotFinal, NotFound, RefusedBefore, RetryDeleted, Unavailable
from domain.event import Actor, ClosingNote, Progress
from domain.request import Idempotency, ProviderReference, Request, RetryRequest
from domain.result import Result
from domain.verification import Verification
from lifecycle.archive import Archive
from lifecycle.creation import Creation
from providers.choice import Providers
from providers.port import ProviderPort, Start
from store.verifications import Rule, Stale, Store, Verifications

OVERDUE = frozenset({"overdue"})


class Changes:
    """Creates and changes the verifications of all workspaces, for every actor (see `domain.event.Actor`).

    Before a verification is returned or changed, its deadline is applied if it has passed, unless the provider decides about deadlines. A result is
    the exception: it takes precedence over the deadline.

    `count_ignored_result` is called for each result that was ignored. `erasing_references`: whether anonymization also removes the integrator's own
    references (`Verification.anonymized`). `archive`: where verifications are recorded before they are deleted; None if they are not.
    """

    def __init__(
        self,
        store: Store,
        providers: Providers,
        creation: Creation,
        windows: Windows,
        count_ignored_result: Callable[[], None],
        erasing_references: bool = False,
        archive: Archive | None = None,
    ) -> None:
        self._store = store
        self._providers = providers
        self._creation = creation
        self._windows = windows
        self._count_ignored_result = count_ignored_result
        self._erasing_references = erasing_references
        self._archive = archive

    async def create(self, workspace: str, request: Request) -> Verification:
        """Create a verification and start it at the provider. If the idempotency key was used before, return the existing verification.

        If the provider is reached over the network, the verification is stored first. If the provider then does not answer in time, the verification
        is returned without a link (see `Creation.begin`).
        Raises: IdempotencyConflict if the key was used with another input, or its verification was anonymized; RefusedBefore if the provider refused
                the existing verification; NoProvider, InvalidInput, ProviderRefused.
        """
        verifications, idempotency = self._store.within(workspace), request.idempotency
        if idempotency and (existing := await verifications.with_key(idempotency.key)):
            return await self._replayed(verifications, existing, idempotency)
        provider, id = self._providers.of(workspace), new_id()
        provider.check(request)
        announced = None if provider.immediate else await self._creation.announce(workspace, id)
        reference = await self._reference(provider, Start(workspace, id, request, request.redirection_url))
        created = Verification.created(id, workspace, request, reference, self._windows, self._store.now())
        stored = await verifications.add(created)
        if stored is created or not idempotency:
            return await self._creation.begin(announced, stored) if announced else stored
        if announced:
            await self._creation.withdraw(announced)
        return await self._replayed(verifications, stored, idempotency)

    async def retry(self, workspace: str, id: str, retry: RetryRequest) -> Verification:
        """Create the next attempt and start it at the provider, as `create` does.

        If there is a next attempt already, return it, whatever the input is.
        Raises: NotFound, NotRetryable, RetryDeleted, InvalidInput, NoProvider, ProviderRefused.
        """
        verifications = self._store.within(workspace)
        previous = await self.required(verifications, id)
        if not previous.can_retry and not previous.next:
            # The read may be older than a result that was acknowledged just before it. Read again behind the barrier before refusing.
            await self._store.barrier.passed()
            previous = await self.required(verifications, id)
        if previous.next:
            if existing := await self.current(verifications, previous.next):
                return existing
            raise RetryDeleted(id)
        successor, request, provider = new_id(), previous.retry_request(retry), self._providers.of(workspace)
        provider.check(request)
        announced = None if provider.immediate else await self._creation.announce(workspace, successor)
        reference = await self._reference(provider, Start(workspace, successor, request, request.redirection_url, previous.provider))
        try:
            stored = await verifications.retry(id, lambda old, at: old.retried(successor, retry, reference, self._windows, at))
        except DomainError:
            # The retry was not stored. After any other error, it may have been stored: the entry stays, and the sweep starts the retry if it exists.
            if announced:
                await self._creation.withdraw(announced)
            raise
        if announced and stored.id == successor:
            return await self._creation.begin(announced, stored)
        if announced:
            await self._creation.withdraw(announced)
        return stored

    async def report_progress(self, workspace: str, id: str, progress: Progress, source_id: str | None = None) -> Verification:
        """Record a step of the person who is being verified. Returns the new state. Raises: NotFound.

        After a step, the provider may be queried earlier for a result. If MongoDB is unavailable, the query stays planned as it was before the step.
        """
        windows = self._windows
        stored = await self._store.within(workspace).change(
            id, lambda old, at: old.progressed(progress, windows, at, source_id, may_expire=not self._provider_decides(old))
        )
        if self._provider_decides(stored):
            with suppress(Unavailable):
                await self._creation.queries.plan(stored)
        return stored

    async def report_result(self, workspace: str, id: str, result: Result) -> Verification:
        """Record the provider's result. Returns the new state. A result that was ignored is counted. Raises: NotFound."""
        stored = await self._store.within(workspace).change(id, lambda old, at: old.concluded(result, at))
        if not stored.stands_at(result):
            self._count_ignored_result()
        return stored

    def awaits_individual(self, verification: Verification) -> bool:
        """Whether the individual can still be verified: the status is not final, and no deadline has passed about which the gateway decides.

        Nothing is changed.
        """
        if verification.status.final:
            return False
        return self._provider_decides(verification) or not verification.overdue(self._store.now())

    async def close(self, workspace: str, id: str, note: ClosingNote | None) -> Verification:
        """Close a verification for the integrator. Returns the new state. Raises: NotFound, AlreadyFinal."""
        verifications = self._store.within(workspace)
        await self.required(verifications, id)
        stored = await verifications.change(id, lambda old, at: old.closed_by_integrator(note, at, may_expire=not self._provider_decides(old)))
        if not stored.closed:
            # The deadline passed between the read and the change, and took precedence.
            raise AlreadyFinal(id, stored.status)
        return stored

    async def anonymize(self, workspace: str, id: str) -> Verification:
        """Remove the personal data of a verification for the integrator. Returns the new state. Raises: NotFound, NotFinal."""
        verifications = self._store.within(workspace)
        await self.required(verifications, id, field="id")
        return await verifications.change(id, self._anonymizing(Actor.INTEGRATOR))

    async def anonymize_chain(self, workspace: str, id: str) -> Verification:
        """Remove the personal data of all attempts of a chain for the integrator, the newest attempt first. Returns the attempt `id`.

        The attempts are found by their chain, so that none is left out because an attempt between them was deleted. Attempts that were anonymized
        before stay as they are, so a call that was interrupted can be repeated.

        Cost:   two reads of the chain, each behind the barrier, and one write for each attempt that has personal data.
        Raises: NotFound; NotFinal if an attempt is pending; BadDocument if an attempt can't be read. Nothing is changed then, unless that
                attempt appeared meanwhile.
        """
        verifications = self._store.within(workspace)
        chain = (await self.required(verifications, id, field="id")).chain
        anonymizing = self._anonymizing(Actor.INTEGRATOR)
        while True:
            attempts = await self._final_attempts(verifications, chain)
            left = [attempt for attempt in attempts if anonymizing(attempt, self._store.now()) is not attempt]
            if not left:
                break
            for attempt in reversed(left):
                if not await self._anonymized_unless_retried(verifications, attempt, anonymizing):
                    break
        named = next((attempt for attempt in attempts if attempt.id == id), None)
        if not named:
            raise NotFound(id, "id")
        return named

    async def expire(self, workspace: str, id: str) -> bool:
        """Apply the deadline of a verification for the sweeper, if it has passed. Returns whether this call changed the verification.

        If the provider decides about deadlines, a verification expires here only if the provider has never accepted it. The gateway can't query the
        provider about such a verification.
        """

        def rule(old: Verification, at: datetime) -> Verification:
            if self._provider_decides(old):
                return old if old.started else old.expired_without_verdict(at)
            return old.expired(at)

        return await self._change_once(workspace, id, rule)

    async def expire_after_query(self, workspace: str, id: str) -> bool:
        """Apply the deadline after which the gateway no longer waits for the provider, if it has passed. Returns whether this call changed the
        verification. Call this only right after the provider was queried, and had no result.
        """
        return await self._change_once(workspace, id, Verification.expired_without_verdict)

    async def report_loss(self, workspace: str, id: str) -> Verification:
        """Record that the provider no longer has the verification. Returns the new state. Raises: NotFound."""
        return await self._store.within(workspace).change(id, Verification.lost)

    async def forget(self, workspace: str, id: str) -> bool:
        """Remove the personal data of a verification, at the end of their retention. Returns whether this call changed the verification.

        Raises: NotFinal.
        """
        return await self._change_once(workspace, id, self._anonymizing(Actor.SYSTEM))

    async def remove(self, workspace: str, id: str, may_go: Callable[[Verification], bool]) -> int:
        """Archive and delete a chain, if `id` is its newest attempt and `may_go` is true for all attempts.

        Returns how many verifications this call deleted. A chain is only deleted as a whole. If one attempt were deleted alone, the subscriptions to
        its chain would end, although another attempt may be pending, and the attempt before the deleted one could not be retried.
        Raises: BadDocument if an attempt can't be read; OSError if the archive can't be written. Nothing is deleted then.
        """
        verifications = self._store.within(workspace)
        found = await verifications.get(id)
        attempts = await verifications.whole_chain(found.chain) if found else []
        if not attempts or attempts[-1].id != id or not all(map(may_go, attempts)):
            return 0
        if self._archive:
            await self._archive.write(attempts, self._store.now(), self._erasing_references)
        try:
            await verifications.remove(*attempts)
        except Stale:
            return 0
        return len(attempts)

    async def current(self, verifications: Verifications, id: str, reading: frozenset[str] | None = None) -> Verification | None:
        """The verification with this id, after its deadline was applied if it has passed; None if there is no such verification.

        `reading`: the names of the attributes to read; None for all.

        If the provider decides about deadlines, none is applied. If the deadline can't be applied, because other processes keep changing the
        verification, its stored state is returned.

        Cost:   one read by primary key; if the deadline has passed, also a second read, and a write if it is applied.
        Raises: Unavailable.
        """
        found = await verifications.get(id, None if reading is None else and_overdue(reading))
        if found and found.overdue(self._store.now()):
            try:
                return await verifications.change(id, lambda old, at: old if self._provider_decides(old) else old.expired(at))
            except Conflict:
                return await verifications.get(id, reading)
        return found

    async def required(self, verifications: Verifications, id: str, field: str = "verificationId") -> Verification:
        """The verification with this id, after its deadline was applied if it has passed (see `current`).

        Raises: NotFound with `field`, the input field that held the id.
        """
        found = await self.current(verifications, id)
        if not found:
            raise NotFound(id, field)
        return found

    async def _replayed(self, verifications: Verifications, existing: Verification, idempotency: Idempotency) -> Verification:
        # If a verification without a fingerprint was not anonymized, its document is damaged. Its input can't be compared, so it counts as equal.
        fingerprint = existing.idempotency and existing.idempotency.fingerprint
        if existing.anonymized_at or (fingerprint is not None and fingerprint != idempotency.fingerprint):
            raise IdempotencyConflict
        if existing.refused_by_provider:
            raise RefusedBefore
        return await self.current(verifications, existing.id) or existing

    async def _reference(self, provider: ProviderPort, start: Start) -> ProviderReference:
        """The reference with which a verification is stored. If its provider is reached over the network, the reference has no id and no link yet."""
        return await provider.start(start) if provider.immediate else ProviderReference(provider.name, None, None)

    def _provider_decides(self, verification: Verification) -> bool:
        return self._providers.decides(verification.workspace, verification.provider.name)

    def _anonymizing(self, actor: Actor) -> Rule:
        """The rule that removes the personal data of a verification."""
        return lambda old, at: old.anonymized(actor, at, self._erasing_references)

    async def _final_attempts(self, verifications: Verifications, chain: str) -> list[Verification]:
        """All attempts of a chain, after their deadlines were applied if they have passed. Raises: NotFinal if one is pending; BadDocument."""
        # Without the barrier, the read may be older than a retry that was acknowledged just before it.
        await self._store.barrier.passed()
        attempts = await verifications.whole_chain(chain)
        for place, attempt in enumerate(attempts):
            if not attempt.status.final:
                attempts[place] = await self.current(verifications, attempt.id) or attempt
                if not attempts[place].status.final:
                    raise NotFinal(attempt.id)
        return attempts

    async def _anonymized_unless_retried(self, verifications: Verifications, attempt: Verification, anonymizing: Rule) -> bool:
        """Anonymize an attempt, unless it was retried since it was read. Returns False if it was retried.

        The retry has copies of the attempt's personal data, so the caller must anonymize the retry first.
        """
        try:
            changed = await verifications.change(attempt.id, lambda old, at: anonymizing(old, at) if old.next == attempt.next else old)
        except NotFound:
            # The attempt was deleted meanwhile.
            return True
        return changed.next == attempt.next

    async def _change_once(self, workspace: str, id: str, rule: Rule) -> bool:
        """Apply a rule to a verification. Returns whether this call changed it.

        If another writer is faster, the change is not repeated, because the next sweep attempts it again if it is still needed.
        """
        verifications = self._store.within(workspace)
        old = await verifications.get(id)
        if not old or (new := rule(old, self._store.now())) is old:
            return False
        try:
            await verifications.replace(old, new)
        except Stale:
            return False
        return True


def anonymized_by(verification: Verification, instant: datetime) -> bool:
    """Whether the verification was anonymized at this instant or earlier. An instant that can't be read counts as missing."""
    return isinstance(verification.anonymized_at, datetime) and verification.anonymized_at <= instant


def completed_by(verification: Verification, instant: datetime) -> bool:
    """Whether the verification has had its outcome since this instant or earlier. An instant that can't be read counts as missing."""
    return verification.status.final and isinstance(verification.completed_at, datetime) and verification.completed_at <= instant


def new_id() -> str:
    """A new id for a verification. An id that is created later sorts later. Source: RFC 9562, UUID version 7."""
    return f"ver_{uuid7().hex}"


@lru_cache(1000)
def and_overdue(reading: frozenset[str]) -> frozenset[str]:
    """These attributes and `overdue`, which `current` needs to see whether a deadline has passed."""
    return reading | OVERDUE
