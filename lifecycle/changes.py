"""Creates and changes verifications. Mutations, the sandbox's page and the sweeper do so only through this module."""

from collections.abc import Callable
from functools import lru_cache

from uuid_utils import uuid7

from domain.deadlines import Windows
from domain.errors import AlreadyFinal, Conflict, IdempotencyConflict, NotFinal, NotFound, RefusedBefore
from domain.event import Actor, ClosingNote, Progress
from domain.request import Idempotency, ProviderReference, Request, RetryRequest
from domain.result import Result
from domain.verification import Verification
from lifecycle.creation import Creation
from providers.choice import Providers
from providers.port import ProviderPort, Start
from store.verifications import Rule, Stale, Store, Verifications

OVERDUE = frozenset({"overdue"})


class Changes:
    """Creates and changes the verifications of all workspaces, for every actor (see `domain.event.Actor`).

    Before a verification is returned or changed in another way, its deadline is applied if it has passed. A result is the exception: it takes
    precedence over the deadline.
    `erasing_references`: whether anonymization also removes the integrator's references, see `Verification.anonymized`.
    """

    def __init__(
        self,
        store: Store,
        providers: Providers,
        creation: Creation,
        windows: Windows,
        count_ignored_result: Callable[[], None],
        erasing_references: bool = False,
    ) -> None:
        self._store = store
        self._providers = providers
        self._creation = creation
        self._windows = windows
        self._count_ignored_result = count_ignored_result
        self._erasing_references = erasing_references

    async def create(self, workspace: str, request: Request) -> Verification:
        """Create a verification and start it at the provider. If the idempotency key was used before, return the existing verification.

        If the provider is reached over the network, the verification is stored first. If the provider then does not answer in time, the verification
        is returned without a link (see `Creation.begin`).
        Raises: IdempotencyConflict if the key was used with another input, or its verification was anonymized; NoProvider, InvalidInput,
                ProviderRefused.
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
        Raises: NotFound, NotRetryable, InvalidInput, NoProvider, ProviderRefused.
        """
        verifications = self._store.within(workspace)
        previous = await self.required(verifications, id)
        if not previous.can_retry and not previous.next:
            # The read may be older than a result that was acknowledged just before it. Read again behind the barrier before refusing.
            await self._store.barrier.passed()
            previous = await self.required(verifications, id)
        if previous.next:
            return await self.required(verifications, previous.next)
        successor, request, provider = new_id(), previous.retry_request(retry), self._providers.of(workspace)
        provider.check(request)
        announced = None if provider.immediate else await self._creation.announce(workspace, successor)
        reference = await self._reference(provider, Start(workspace, successor, request, request.redirection_url, previous.provider))
        stored = await verifications.retry(id, lambda old, at: old.retried(successor, retry, reference, self._windows, at))
        if announced and stored.id == successor:
            return await self._creation.begin(announced, stored)
        if announced:
            await self._creation.withdraw(announced)
        return stored

    async def report_progress(self, workspace: str, id: str, progress: Progress, source_id: str | None = None) -> Verification:
        """Record a step of the person who is being verified. Returns the new state. Raises: NotFound."""
        windows = self._windows
        return await self._store.within(workspace).change(
            id, lambda old, at: old.progressed(progress, windows, at, source_id, may_expire=not self._provider_decides(old))
        )

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

        Attempts that were anonymized before stay as they are, so a call that was interrupted can be repeated.
        Cost:   one read, and one write for each attempt that has personal data.
        Raises: NotFound; NotFinal if the newest attempt is pending. Nothing is changed then.
        """
        verifications = self._store.within(workspace)
        newest = named = await self.required(verifications, id, field="id")
        while newest.next and (later := await self.current(verifications, newest.next)):
            newest = later
        if not newest.status.final:
            raise NotFinal(newest.id)
        anonymizing, successor = self._anonymizing(Actor.INTEGRATOR), newest.next
        # If the attempt was retried since it was read, leave it as it is, and begin again: the retry has the same names.
        attempt = await verifications.change(newest.id, lambda old, at: anonymizing(old, at) if old.next == successor else old)
        if attempt.next != successor:
            return await self.anonymize_chain(workspace, id)
        named = attempt if attempt.id == id else named
        while attempt.previous and await verifications.get(attempt.previous):
            attempt = await verifications.change(attempt.previous, anonymizing)
            named = attempt if attempt.id == id else named
        return named

    async def expire(self, workspace: str, id: str) -> bool:
        """Apply the deadline of a verification for the sweeper, if it has passed. Returns whether this call changed the verification.

        If the provider decides about deadlines, this applies only the one after which the gateway no longer waits for the provider.
        """
        return await self._change_once(
            workspace, id, lambda old, at: old.expired_without_verdict(at) if self._provider_decides(old) else old.expired(at)
        )

    async def forget(self, workspace: str, id: str) -> bool:
        """Remove the personal data of a verification, at the end of their retention. Returns whether this call changed the verification.

        Raises: NotFinal.
        """
        return await self._change_once(workspace, id, self._anonymizing(Actor.SYSTEM))

    async def remove(self, workspace: str, id: str) -> bool:
        """Delete an anonymized verification from the database. Returns whether this call deleted it.

        It is kept while an attempt of its chain is pending, because a subscription that follows the chain would end.
        """
        verifications = self._store.within(workspace)
        found = await verifications.get(id)
        if not found or not found.anonymized_at or not all(attempt.status.final for attempt in await verifications.chains([found.chain])):
            return False
        try:
            await verifications.remove(found)
        except Stale:
            return False
        return True

    async def current(self, verifications: Verifications, id: str, reading: frozenset[str] | None = None) -> Verification | None:
        """The verification with this id, after its deadline was applied if it has passed; None if there is no such verification.

        `reading`: see `Verifications.page`.

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
        """Like `current`, but raises NotFound with `field`, the input field that held the id."""
        found = await self.current(verifications, id)
        if not found:
            raise NotFound(id, field)
        return found

    async def _replayed(self, verifications: Verifications, existing: Verification, idempotency: Idempotency) -> Verification:
        # A verification without a fingerprint that was not anonymized has a damaged document: its key can't be compared.
        fingerprint = existing.idempotency and existing.idempotency.fingerprint
        if existing.anonymized_at or (fingerprint is not None and fingerprint != idempotency.fingerprint):
            raise IdempotencyConflict
        if existing.refused_by_provider:
            raise RefusedBefore
        return await self.current(verifications, existing.id) or existing

    async def _reference(self, provider: ProviderPort, start: Start) -> ProviderReference:
        """The reference with which a verification is stored. If its provider is not immediate, it has no id and no link yet."""
        return await provider.start(start) if provider.immediate else ProviderReference(provider.name, None, None)

    def _provider_decides(self, verification: Verification) -> bool:
        return self._providers.decides(verification.workspace, verification.provider.name)

    def _anonymizing(self, actor: Actor) -> Rule:
        """The rule that removes the personal data of a verification."""
        return lambda old, at: old.anonymized(actor, at, self._erasing_references)

    async def _change_once(self, workspace: str, id: str, rule: Rule) -> bool:
        """Apply a rule to a verification. Returns whether this call changed it.

        If another writer is faster, the change is not repeated, because every process attempts the same change.
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


def new_id() -> str:
    """A new id for a verification. An id that is created later sorts later. Source: RFC 9562, UUID version 7."""
    return f"ver_{uuid7().hex}"


@lru_cache(1000)
def and_overdue(reading: frozenset[str]) -> frozenset[str]:
    """These attributes and `overdue`, which `current` needs to see whether a deadline has passed."""
    return reading | OVERDUE
