"""Tests of creating and changing verifications, with a provider that records each verification that it starts."""

import asyncio
from datetime import datetime, timedelta

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from domain.errors import IdempotencyConflict, InvalidInput, NoProvider, NotFound, NotRetryable, RefusalCode, RetryDeleted, Unavailable
from domain.event import Actor, Progress
from domain.identity import DeclaredIdentity
from domain.request import ExternalProvider, Idempotency, ProviderReference, Request, RetryRequest
from domain.status import Status
from lifecycle.changes import Changes
from providers.choice import Providers
from providers.external import External
from providers.port import Start
from store.driver import Document
from store.indexes import VERIFICATIONS
from store.verifications import Store
from tests.clock import Clock
from tests.factories import FAILED_RESULT, INCONCLUSIVE_RESULT, NOON, REQUEST, VERIFIED_RESULT, WINDOWS, a_verification, later, retried
from tests.histories import noted
from tests.storing import changes_at, decode, encode, stored_documents, storing


class RecordingProvider:
    """A provider that records each request to start a verification. It lets other tasks run before it answers."""

    name = "recording"
    immediate = True
    queryable = False

    def __init__(self) -> None:
        self.started: list[tuple[str, Request]] = []

    def check(self, request: Request) -> None:
        """Accept every request."""

    async def start(self, start: Start) -> ProviderReference:
        """Record the request. Returns a reference whose id and link contain the verification's id."""
        await asyncio.sleep(0)
        self.started.append((start.workspace, start.request))
        return ProviderReference("recording", f"started-{start.verification_id}", f"https://provider.example/{start.verification_id}")


@pytest.fixture
def provider() -> RecordingProvider:
    return RecordingProvider()


@pytest.fixture
def ignored() -> list[None]:
    return []


@pytest.fixture
def changes(store: Store, provider: RecordingProvider, ignored: list[None]) -> Changes:
    return changes_at(store, Providers(provider), lambda: ignored.append(None))


async def test_a_provider_receives_the_whole_request(changes: Changes, provider: RecordingProvider) -> None:
    created = await changes.create("acme", REQUEST)

    assert provider.started == [("acme", REQUEST)]
    assert created.provider == ProviderReference("recording", f"started-{created.id}", f"https://provider.example/{created.id}")


async def test_a_repeated_idempotency_key_starts_nothing_at_the_provider(changes: Changes, provider: RecordingProvider) -> None:
    request = Request(REQUEST.declared, REQUEST.redirection_url, idempotency=Idempotency("order-1", "one"))
    other = Request(REQUEST.declared, REQUEST.redirection_url, idempotency=Idempotency("order-1", "two"))

    created = await changes.create("acme", request)

    assert (await changes.create("acme", request)).id == created.id
    with pytest.raises(IdempotencyConflict):
        await changes.create("acme", other)
    assert len(provider.started) == 1


async def test_a_retry_is_started_with_its_changed_and_unchanged_values(changes: Changes, provider: RecordingProvider) -> None:
    created = await changes.create("acme", REQUEST)
    await changes.report_result("acme", created.id, FAILED_RESULT)

    retried = await changes.retry("acme", created.id, RetryRequest(last_name="Valjean"))

    assert (retried.attempt, retried.previous) == (2, created.id)
    assert provider.started[1] == ("acme", Request(DeclaredIdentity("Jeanne", "Valjean"), REQUEST.redirection_url, REQUEST.reference))


async def test_a_refused_retry_is_not_started_at_the_provider(changes: Changes, provider: RecordingProvider) -> None:
    pending = await changes.create("acme", REQUEST)
    with pytest.raises(NotRetryable):
        await changes.retry("acme", pending.id, RetryRequest())
    await changes.report_result("acme", pending.id, INCONCLUSIVE_RESULT)
    with pytest.raises(InvalidInput):
        await changes.retry("acme", pending.id, RetryRequest(first_name=" "))

    assert len(provider.started) == 1


async def test_a_retry_is_started_with_its_own_link_at_the_provider_of_today(
    changes: Changes, provider: RecordingProvider, store: Store, ignored: list[None]
) -> None:
    created = await changes.create("acme", REQUEST)
    await changes.report_result("acme", created.id, FAILED_RESULT)
    today = changes_at(store, Providers(External()))

    with pytest.raises(InvalidInput, match="external is missing"):
        await today.retry("acme", created.id, RetryRequest())
    retried = await today.retry("acme", created.id, RetryRequest(external=ExternalProvider("https://provider.example/2")))
    again = await today.retry("acme", created.id, RetryRequest())

    assert retried.provider == ProviderReference("external", None, "https://provider.example/2")
    assert again == retried
    assert (await store.within("acme").require(created.id)).provider == created.provider


async def test_without_a_provider_only_existing_verifications_are_returned(changes: Changes, store: Store) -> None:
    request = Request(REQUEST.declared, REQUEST.redirection_url, idempotency=Idempotency("order-1", "one"))
    created = await changes.create("acme", request)
    unconfigured = changes_at(store, Providers(None))

    assert await unconfigured.create("acme", request) == created
    with pytest.raises(NotRetryable):
        await unconfigured.retry("acme", created.id, RetryRequest())
    failed = await unconfigured.report_result("acme", created.id, FAILED_RESULT)
    for attempt in (unconfigured.create("acme", REQUEST), unconfigured.retry("acme", created.id, RetryRequest())):
        with pytest.raises(NoProvider):
            await attempt
    assert await store.within("acme").require(created.id) == failed


async def test_an_existing_retry_is_returned_whatever_the_input(changes: Changes, provider: RecordingProvider) -> None:
    created = await changes.create("acme", REQUEST)
    await changes.report_result("acme", created.id, INCONCLUSIVE_RESULT)
    retried = await changes.retry("acme", created.id, RetryRequest())

    again = await changes.retry("acme", created.id, RetryRequest(first_name=" "))

    assert again.id == retried.id
    assert len(provider.started) == 2


async def test_only_a_different_result_counts_as_ignored(changes: Changes, ignored: list[None]) -> None:
    created = await changes.create("acme", REQUEST)

    stored = [await changes.report_result("acme", created.id, result) for result in (VERIFIED_RESULT, VERIFIED_RESULT, FAILED_RESULT)]

    assert [each.status for each in stored] == [Status.VERIFIED] * 3
    assert len(ignored) == 1


async def test_a_passed_deadline_is_applied_once(changes: Changes, store: Store, clock: Clock) -> None:
    created = await changes.create("acme", REQUEST)
    await changes.report_progress("acme", created.id, Progress.LINK_OPENED)
    assert not await changes.expire("acme", created.id)
    clock.now = NOON + WINDOWS.link

    outcomes = await asyncio.gather(*(changes.expire("acme", created.id) for _ in range(5)))

    found = await store.within("acme").require(created.id)
    assert sorted(outcomes) == [False, False, False, False, True]
    assert (found.status, found.version, found.events[-1].actor) == (Status.INCONCLUSIVE, 3, Actor.SYSTEM)


async def test_a_passed_deadline_is_applied_before_a_verification_is_returned(changes: Changes, store: Store, clock: Clock) -> None:
    verifications = store.within("acme")
    added = await verifications.add(a_verification())
    clock.now = NOON + WINDOWS.verification + timedelta(seconds=1)

    found = await changes.current(verifications, added.id)

    assert found
    assert found.status is Status.INCONCLUSIVE
    assert (await verifications.require(added.id)).status is Status.INCONCLUSIVE


async def test_a_verification_of_another_workspace_does_not_exist(changes: Changes) -> None:
    created = await changes.create("acme", REQUEST)

    for attempt in (
        changes.retry("other", created.id, RetryRequest()),
        changes.report_progress("other", created.id, Progress.LINK_OPENED),
        changes.report_result("other", created.id, FAILED_RESULT),
        changes.anonymize("other", created.id),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert not await changes.expire("other", created.id)
    assert not await changes.forget("other", created.id)


async def test_a_retry_of_an_attempt_whose_retry_was_deleted_is_refused_by_the_name_of_the_attempt(
    store: Store, changes: Changes, provider: RecordingProvider
) -> None:
    first = await changes.create("acme", REQUEST)
    await changes.report_result("acme", first.id, FAILED_RESULT)
    deleted = await changes.retry("acme", first.id, RetryRequest())
    await store.collection.delete_one({"_id": deleted.id})
    before, started = await stored_documents(store), len(provider.started)

    with pytest.raises(RetryDeleted, match=f"{first.id} was retried, and the retry was deleted") as refused:
        await changes.retry("acme", first.id, RetryRequest())

    assert deleted.id not in str(refused.value)
    assert (refused.value.refusal, refused.value.field) == (RefusalCode.NOT_RETRYABLE, None)
    assert (await stored_documents(store), len(provider.started)) == (before, started)
    with pytest.raises(RetryDeleted):
        await store.within("acme").retry(first.id, retried)


async def test_a_reader_that_loses_every_race_gets_the_stored_state(database_uri: str, clock: Clock, provider: RecordingProvider) -> None:
    async with storing(database_uri, clock, patience_seconds=0.5) as store:
        changes = changes_at(store, Providers(provider))
        added = await store.within("acme").add(a_verification())
        clock.now = later(days=8)
        faster: MongoClient[Document]
        with MongoClient(database_uri) as faster:
            collection: Collection[Document] = faster[store.database.name][VERIFICATIONS]
            beaten = 0

            def overtaken() -> datetime:
                """The clock of the store. Each time the store reads the clock for a rule, another process changes the verification first."""
                nonlocal beaten
                beaten += 1
                collection.replace_one({"_id": added.id}, encode(noted(decode(collection.find_one({"_id": added.id}) or {}), "faster")))
                return clock.now

            store.now = overtaken
            found = await changes.current(store.within("acme"), added.id)

    assert found
    assert (found.status, found.version) == (Status.PENDING, beaten + 1)
    assert beaten > 2


async def test_a_reader_whose_turn_does_not_come_is_unavailable(database_uri: str, clock: Clock, provider: RecordingProvider) -> None:
    async with storing(database_uri, clock, patience_seconds=0.1) as store:
        changes = changes_at(store, Providers(provider))
        added = await store.within("acme").add(a_verification())
        clock.now = later(days=8)

        async with store.turns.of(added.id, 0):
            with pytest.raises(Unavailable):
                await changes.current(store.within("acme"), added.id)
