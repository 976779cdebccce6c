"""Tests of starting verifications at a provider over the network, against a real MongoDB and a fake of Yousign, which is a real HTTP server."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from domain.errors import InvalidInput, NotRetryable, ProviderRefused
from domain.event import Actor, EventType
from domain.identity import DeclaredIdentity
from domain.request import Idempotency, RetryRequest
from domain.requirements import Requirements
from domain.status import Status
from domain.verification import NOT_ANSWERED, Verification
from lifecycle.changes import Changes
from lifecycle.creation import Creation
from lifecycle.sweeper import Chore, Periods, chores, sweep
from providers.choice import Providers
from providers.yousign import Yousign
from store.indexes import PROVIDER_ID, UNFINISHED_STARTS
from store.queues.starts import LEASE, Starts, UnfinishedStart
from store.verifications import Store
from tests.clock import Clock
from tests.factories import INCONCLUSIVE_RESULT, REQUEST, VERIFIED_RESULT, WINDOWS
from tests.fakes.yousign import FakeYousign, Fault, fake_yousign
from tests.providers.test_yousign import section
from tests.storing import GENEROUS_SECONDS, links_for_tests

PAUSES = (0.01, 0.02)
PATIENCE_SECONDS = 1.0
KEYED = replace(REQUEST, idempotency=Idempotency("order-1", "one"))
TOO_YOUNG = replace(KEYED, requirements=Requirements(min_age=130))


class Process:
    """The parts of a gateway process that create verifications in the workspace `acme`, and take over unfinished starts of other processes.

    `outcomes`: what the requests to the provider led to, as `Creation` counts it, such as "started".
    """

    def __init__(self, store: Store, providers: Providers, pauses: tuple[float, ...] = PAUSES) -> None:
        self.outcomes: list[str] = []
        self.providers = providers
        self.creation = Creation(store, providers, links_for_tests(), lambda provider, outcome: self.outcomes.append(outcome), pauses)
        self.changes = Changes(store, providers, self.creation, WINDOWS, lambda: None)
        self._store = store

    @property
    def taking_over(self) -> Chore:
        """The sweeper's chore that starts the verifications that other processes left unfinished."""
        return next(chore for chore in chores(self._store, self.providers, self.changes, self.creation, Periods()) if chore.done == "started")

    async def idle(self) -> None:
        """Wait until this process is not starting any verification."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            while self.creation._under_way:
                await asyncio.sleep(0.01)


@pytest.fixture
async def fake() -> AsyncIterator[FakeYousign]:
    """A running fake of Yousign."""
    async with fake_yousign() as running:
        running.late_seconds = 1.5 * PATIENCE_SECONDS
        yield running


@pytest.fixture
async def another(store: Store, fake: FakeYousign) -> AsyncIterator[Callable[..., Process]]:
    """A function that makes another `Process`. Each has its own adapter for the fake."""
    async with httpx2.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:
        begun: list[Process] = []

        def begin(pauses: tuple[float, ...] = PAUSES, **changed: Any) -> Process:
            yousign = Yousign(client, section(fake, **changed), lambda *_: None)
            begun.append(Process(store, Providers(None, {"acme": yousign}), pauses))
            return begun[-1]

        yield begin
        for process in begun:
            await process.creation.end()


@pytest.fixture
def process(another: Callable[..., Process]) -> Process:
    """A `Process` with the usual arguments."""
    return another()


async def entries(store: Store) -> list[dict[str, Any]]:
    """The stored entries of unfinished starts (see `store/queues/starts.py`)."""
    return await store.database[UNFINISHED_STARTS].find().to_list(None)


async def stored(store: Store, id: str) -> Verification:
    """The verification as it is stored."""
    return await store.within("acme").require(id)


def steps(verification: Verification) -> list[tuple[EventType, Actor]]:
    """The types and actors of a verification's events."""
    return [(event.type, event.actor) for event in verification.events]


CREATED = (EventType.CREATED, Actor.INTEGRATOR)
STARTED = (EventType.PROVIDER_STARTED, Actor.PROVIDER)


async def test_a_created_verification_has_the_link_and_the_id_of_the_provider(process: Process, fake: FakeYousign, store: Store) -> None:
    created = await process.changes.create("acme", REQUEST)

    [video] = fake.videos.values()
    assert created == await stored(store, created.id)
    assert (created.provider.name, created.provider.id, created.provider.url) == ("yousign", video["id"], video["verification_url"])
    assert (created.status, steps(created)) == (Status.PENDING, [CREATED, STARTED])
    assert (await entries(store), process.outcomes) == ([], ["started"])


@pytest.mark.parametrize(
    ("fault", "created_at_provider"),
    [
        (Fault.SLOW, 1),
        (Fault.LATE, 2),
        (Fault.CUT, 2),
        (Fault.ERROR, 1),
        (Fault.AWAY, 1),
        (Fault.BAD_BODY, 1),
        (Fault.BAD_SHAPE, 1),
    ],
)
async def test_a_fault_of_the_provider_delays_the_start(
    process: Process, fake: FakeYousign, store: Store, fault: Fault, created_at_provider: int
) -> None:
    fake.order("POST", fault)

    created = await process.changes.create("acme", REQUEST)

    assert steps(created) == [CREATED, STARTED]
    assert created.provider.id in fake.videos
    assert (len(fake.videos), await entries(store)) == (created_at_provider, [])


async def test_the_provider_waits_as_long_as_it_demands(process: Process, fake: FakeYousign) -> None:
    fake.order("POST", Fault.LIMITED)
    began = asyncio.get_running_loop().time()

    created = await process.changes.create("acme", REQUEST)

    assert created.provider.url
    # The fake demands a pause of one second (Retry-After). The pauses of this process would be shorter.
    assert asyncio.get_running_loop().time() - began >= 1


async def test_a_creation_that_takes_long_is_returned_without_a_link_and_goes_on(
    process: Process, fake: FakeYousign, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.creation.WAIT_SECONDS", 0.05)
    fake.order("POST", Fault.SLOW)

    created = await process.changes.create("acme", KEYED)
    replayed = await process.changes.create("acme", KEYED)

    assert (created.provider.id, created.verification_url, created.version) == (None, None, 1)
    assert (replayed.id, replayed.status) == (created.id, Status.PENDING)
    await process.idle()
    assert steps(await stored(store, created.id)) == [CREATED, STARTED]
    assert len(fake.videos) == 1


async def test_requests_that_are_never_answered_are_repeated_twice(process: Process, fake: FakeYousign, store: Store) -> None:
    fake.order("POST", *[Fault.CUT] * 4)

    created = await process.changes.create("acme", REQUEST)

    assert (created.status, created.reasons) == (Status.INCONCLUSIVE, ())
    assert steps(created)[1:] == [(EventType.STATUS_CHANGED, Actor.SYSTEM)]
    assert created.events[-1].note == NOT_ANSWERED
    assert (len(fake.videos), await entries(store)) == (3, [])
    assert process.outcomes == ["away"] * 3 + ["unanswered"]
    assert (await process.changes.retry("acme", created.id, RetryRequest())).attempt == 2


async def test_requests_that_were_not_executed_are_repeated_more_often(process: Process, fake: FakeYousign) -> None:
    fake.order("POST", *[Fault.ERROR, Fault.AWAY] * 4, Fault.CUT, Fault.ERROR)

    created = await process.changes.create("acme", REQUEST)

    assert (created.provider.url is not None, len(fake.videos)) == (True, 2)


async def test_a_refusal_concludes_the_verification_and_its_key_answers_the_same(process: Process, fake: FakeYousign, store: Store) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await process.changes.create("acme", TOO_YOUNG)
    with pytest.raises(ProviderRefused) as replayed:
        await process.changes.create("acme", TOO_YOUNG)

    [document] = await store.collection.find().to_list(None)
    verification = await stored(store, document["_id"])
    assert (str(refused.value), refused.value.field) == ("min_age: This value should be less than or equal to 120.", "requirements.minAge")
    assert str(refused.value) not in str(replayed.value)
    assert (verification.status, verification.reasons, verification.can_retry) == (Status.INCONCLUSIVE, (), True)
    assert steps(verification)[1:] == [(EventType.STATUS_CHANGED, Actor.PROVIDER)]
    assert verification.events[-1].note == "the provider refused requirements.minAge"
    assert "This value" not in str(document)
    assert (await entries(store), len(fake.requests), process.outcomes) == ([], 1, ["refused"])


async def test_a_name_that_the_provider_does_not_accept_is_refused_before_anything_is_stored(
    process: Process, fake: FakeYousign, store: Store
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await process.changes.create("acme", replace(REQUEST, declared=DeclaredIdentity("Jeanne", "Мороз")))

    assert refused.value.field == "lastName"
    assert (await store.collection.count_documents({}), await entries(store), fake.requests) == (0, [], [])


async def test_a_key_that_the_provider_does_not_accept_leaves_the_verification_pending(
    another: Callable[..., Process], fake: FakeYousign, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("lifecycle.creation.WAIT_SECONDS", 10 * GENEROUS_SECONDS - 1)
    process = another(api_key="a-key-that-is-wrong")

    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(GENEROUS_SECONDS):
            created = await process.changes.create("acme", REQUEST)

    assert (await stored(store, created.id)).status is Status.PENDING
    assert process.outcomes == ["denied"]
    assert any("acme" in message and "API key" in message for message in caplog.messages)
    assert "a-key-that-is-wrong" not in caplog.text
    # After the provider has refused the key, the process makes a long pause. Its lease lasts longer than the pause, so that no other process takes
    # the verification over meanwhile and sends the next request at once.
    [entry] = await entries(store)
    assert entry["until"] - entry["since"] > 2 * LEASE
    assert len(fake.requests) == 1


@pytest.mark.parametrize("ended", [False, True])
async def test_denied_starts_are_due_at_once_after_the_file_was_read_again(
    another: Callable[..., Process], fake: FakeYousign, store: Store, ended: bool
) -> None:
    process, other, reloaded = another(api_key="a-key-that-is-wrong"), another(api_key="a-key-that-is-wrong"), another()
    created = [await each.changes.create("acme", REQUEST) for each in (process, other)]
    if ended:
        await process.creation.end()
        process = reloaded

    # `process` now uses the file with the right key, as after SIGHUP. `other` still uses the wrong key.
    process.providers.replace(reloaded.providers.by_workspace)
    process.creation.resume()
    async with asyncio.timeout(GENEROUS_SECONDS):
        while len(fake.videos) < 2:
            await sweep(process.taking_over)
            await asyncio.sleep(0.01)
    await process.idle()
    other.creation.resume()
    await other.idle()

    assert [(await stored(store, each.id)).provider.id in fake.videos for each in created] == [True, True]
    assert (len(fake.videos), await entries(store)) == (2, [])


async def test_a_denied_start_that_another_process_has_taken_over_is_not_sent_after_the_pause(
    another: Callable[..., Process], fake: FakeYousign, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.creation.DENIED_SECONDS", 1.0)
    monkeypatch.setattr("lifecycle.creation.WAIT_SECONDS", 0.1)
    process, starts = another(api_key="a-key-that-is-wrong"), Starts(store)
    created = await process.changes.create("acme", REQUEST)

    await starts.release_denied()
    taken = await starts.taken_over(created.id)
    await process.idle()

    assert taken
    assert (taken.unanswered, len(fake.requests)) == (1, 1)


async def test_a_retry_that_is_refused_after_its_announcement_leaves_no_start_behind(
    process: Process, fake: FakeYousign, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await process.changes.create("acme", REQUEST)
    await store.within("acme").change(first.id, lambda old, at: old.expired(at + WINDOWS.verification))
    announce = process.creation.announce

    async def late_verdict_after_the_announcement(workspace: str, id: str) -> UnfinishedStart:
        announced = await announce(workspace, id)
        await process.changes.report_result("acme", first.id, VERIFIED_RESULT)
        return announced

    monkeypatch.setattr(process.creation, "announce", late_verdict_after_the_announcement)
    with pytest.raises(NotRetryable):
        await process.changes.retry("acme", first.id, RetryRequest())

    assert (len(fake.videos), await entries(store)) == (1, [])


async def test_a_verification_is_not_started_while_the_index_of_the_providers_ids_is_missing(
    process: Process, fake: FakeYousign, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.creation.WAIT_SECONDS", 0.5)
    await store.collection.drop_index(PROVIDER_ID)

    created = await process.changes.create("acme", REQUEST)
    before = await stored(store, created.id)
    await store.index_repair.round()
    await process.idle()

    assert (before.provider.id, len(fake.videos)) == (None, 1)
    assert (await stored(store, created.id)).provider.id in fake.videos
    assert await entries(store) == []


async def test_a_closed_verification_still_records_the_id_of_the_provider(process: Process, fake: FakeYousign, store: Store) -> None:
    fake.order("POST", Fault.SLOW)
    creating = asyncio.create_task(process.changes.create("acme", REQUEST))
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not fake.requests:
            await asyncio.sleep(0.005)
    [document] = await store.collection.find().to_list(None)
    await process.changes.report_result("acme", document["_id"], INCONCLUSIVE_RESULT)

    created = await creating

    assert (created.status, created.reasons, created.verification_url) == (Status.INCONCLUSIVE, INCONCLUSIVE_RESULT.reasons, None)
    assert created.provider.id in fake.videos
    assert steps(created)[-1] == STARTED


async def test_a_verification_that_is_final_before_the_next_request_is_not_requested_again(
    another: Callable[..., Process], fake: FakeYousign, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.creation.WAIT_SECONDS", 0.1)
    process = another(pauses=(0.5,))
    fake.order("POST", Fault.AWAY)
    created = await process.changes.create("acme", REQUEST)

    await process.changes.report_result("acme", created.id, INCONCLUSIVE_RESULT)
    await process.idle()

    assert (len(fake.requests), fake.videos, await entries(store)) == (1, {}, [])


async def test_a_retry_names_the_previous_attempt(process: Process, fake: FakeYousign) -> None:
    first = await process.changes.create("acme", replace(REQUEST, requirements=Requirements(min_age=18)))
    await process.changes.report_result("acme", first.id, INCONCLUSIVE_RESULT)

    second = await process.changes.retry("acme", first.id, RetryRequest())
    again = await process.changes.retry("acme", first.id, RetryRequest())

    body = fake.bodies[second.provider.id or ""]
    assert (body["previous_attempt_id"], body["min_age"]) == (first.provider.id, 18)
    assert (again, steps(second), len(fake.videos)) == (second, [CREATED, STARTED], 2)


async def test_twenty_creations_at_once_end_with_twenty_links(process: Process, fake: FakeYousign, store: Store) -> None:
    fake.order("POST", *[Fault.CUT, Fault.ERROR, Fault.SLOW, Fault.AWAY, Fault.BAD_BODY, Fault.LATE] * 3)

    created = await asyncio.gather(*(process.changes.create("acme", REQUEST) for _ in range(20)))
    await process.idle()

    found = [await stored(store, verification.id) for verification in created]
    assert all(verification.provider.id in fake.videos for verification in found)
    assert len({verification.provider.id for verification in found}) == 20
    assert (await store.collection.count_documents({}), await entries(store)) == (20, [])


@asynccontextmanager
async def abandoned(process: Process, fake: FakeYousign, store: Store) -> AsyncIterator[str]:
    """Yields the id of a verification whose process ended before the provider's answer arrived. The provider has executed the request."""
    fake.order("POST", Fault.LATE)
    creating = asyncio.create_task(process.changes.create("acme", REQUEST))
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not fake.videos:
            await asyncio.sleep(0.005)
    await process.creation.end()
    yield (await creating).id


async def test_another_process_takes_over_after_the_lease_has_ended(
    process: Process, another: Callable[..., Process], fake: FakeYousign, store: Store, clock: Clock
) -> None:
    async with abandoned(process, fake, store) as id:
        others = [another(), another()]
        early = [await sweep(other.taking_over) for other in others]
        clock.now += LEASE

        late = await asyncio.gather(*(sweep(other.taking_over) for other in others))
        for other in others:
            await other.idle()

    verification = await stored(store, id)
    assert (early, sorted(late)) == ([0, 0], [0, 1])
    assert verification.provider.id == [*fake.videos][1]
    assert (steps(verification), len(fake.videos), await entries(store)) == ([CREATED, STARTED], 2, [])


async def test_three_processes_that_end_count_as_three_unanswered_requests(
    another: Callable[..., Process], fake: FakeYousign, store: Store, clock: Clock
) -> None:
    async with abandoned(another(), fake, store) as id:
        for _ in range(2):
            fake.order("POST", Fault.LATE)
            clock.now += LEASE
            next_one = another()
            before = len(fake.videos)
            assert await sweep(next_one.taking_over) == 1
            async with asyncio.timeout(GENEROUS_SECONDS):
                while len(fake.videos) == before:
                    await asyncio.sleep(0.005)
            await next_one.creation.end()
        clock.now += LEASE
        last = another()
        await sweep(last.taking_over)
        await last.idle()

    verification = await stored(store, id)
    assert (len(fake.videos), last.outcomes) == (3, ["unanswered"])
    assert (verification.status, verification.events[-1].note) == (Status.INCONCLUSIVE, NOT_ANSWERED)


async def test_a_process_that_ends_during_a_pause_leaves_no_request_unanswered(
    another: Callable[..., Process], fake: FakeYousign, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.creation.WAIT_SECONDS", 0.05)
    process = another(pauses=(60.0,))
    fake.order("POST", Fault.AWAY, Fault.CUT, Fault.AWAY, Fault.AWAY, Fault.AWAY)
    created = await process.changes.create("acme", REQUEST)
    for requests in range(2, 6):
        await process.creation.end()
        clock.now += timedelta(hours=1)
        process = another(pauses=(60.0,))
        assert await sweep(process.taking_over) == 1
        async with asyncio.timeout(GENEROUS_SECONDS):
            while len(fake.requests) < requests or not (await entries(store))[0]["until"] > clock.now + LEASE:
                await asyncio.sleep(0.005)

    [entry] = await entries(store)
    await process.creation.leave()
    last = another()
    await sweep(last.taking_over)
    await last.idle()

    assert entry["unanswered"] == 1
    assert (len(fake.requests), last.outcomes) == (6, ["started"])
    assert (await stored(store, created.id)).status is Status.PENDING


async def test_a_request_that_cannot_be_read_is_neither_sent_nor_counted(
    another: Callable[..., Process], fake: FakeYousign, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.creation.WAIT_SECONDS", 0.05)
    process = another(pauses=(60.0,))
    fake.order("POST", Fault.AWAY)
    created = await process.changes.create("acme", REQUEST)
    await process.creation.leave()
    await store.collection.update_one({"_id": created.id}, {"$set": {"requirements": {"minAge": "eighteen"}}})

    for _ in range(5):
        clock.now += timedelta(hours=1)
        next_one = another()
        assert await sweep(next_one.taking_over) == 1
        await next_one.creation.leave()

    [entry] = await entries(store)
    assert (entry["unanswered"], len(fake.requests)) == (0, 1)
    assert (await stored(store, created.id)).status is Status.PENDING


async def test_an_entry_whose_verification_was_never_stored_is_removed(process: Process, fake: FakeYousign, store: Store, clock: Clock) -> None:
    await process.creation.announce("acme", "ver_never_stored")
    clock.now += LEASE

    await sweep(process.taking_over)
    await process.idle()

    assert (await entries(store), fake.requests) == ([], [])


async def test_a_process_that_ends_leaves_what_waits_to_others_at_once(
    another: Callable[..., Process], fake: FakeYousign, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.creation.WAIT_SECONDS", 0.1)
    ending, other = another(pauses=(60.0,)), another()
    fake.order("POST", Fault.AWAY)
    created = await ending.changes.create("acme", REQUEST)

    await ending.creation.leave()
    await sweep(other.taking_over)
    await other.idle()

    assert steps(await stored(store, created.id)) == [CREATED, STARTED]
    assert (len(fake.videos), await entries(store)) == (1, [])


async def test_a_process_that_ends_finishes_the_request_under_way(process: Process, fake: FakeYousign, store: Store) -> None:
    fake.order("POST", Fault.SLOW)
    creating = asyncio.create_task(process.changes.create("acme", REQUEST))
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not fake.requests:
            await asyncio.sleep(0.005)

    await process.creation.leave()

    assert (await creating).provider.id in fake.videos
    assert await entries(store) == []


async def test_a_second_start_of_the_same_verification_changes_nothing(process: Process, fake: FakeYousign, store: Store) -> None:
    fake.order("POST", Fault.SLOW)
    creating = asyncio.create_task(process.changes.create("acme", REQUEST))
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not fake.requests:
            await asyncio.sleep(0.005)
    [document] = await store.collection.find().to_list(None)
    theirs = replace((await stored(store, document["_id"])).provider, id="theirs", url="https://provider.example/theirs")
    await store.within("acme").change(document["_id"], lambda old, at: old.accepted(theirs, at))

    created = await creating

    assert (created.provider, steps(created)) == (theirs, [CREATED, STARTED])
    assert process.outcomes == ["started", "orphaned"]


async def test_the_unfinished_ones_are_counted_with_the_age_of_the_oldest(process: Process, clock: Clock) -> None:
    assert await process.creation.unfinished() == (0, 0.0)
    await process.creation.announce("acme", "ver_1")
    clock.now += timedelta(seconds=30)
    await process.creation.announce("acme", "ver_2")

    assert await process.creation.unfinished() == (2, 30.0)


async def test_an_id_that_another_verification_has_is_not_recorded_and_another_start_is_requested(
    another: Callable[..., Process], fake: FakeYousign, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.creation.DENIED_SECONDS", 0.01)
    monkeypatch.setattr(store, "patience_seconds", 0.2)
    process = another()
    first = await process.changes.create("acme", REQUEST)
    ids = iter([first.provider.id, "another-id"])
    monkeypatch.setattr("tests.fakes.yousign.uuid4", lambda: next(ids, "more"))

    second = await process.changes.create("acme", REQUEST)

    assert second.provider.id not in (None, first.provider.id)
    assert steps(await stored(store, second.id)) == [CREATED, STARTED]
