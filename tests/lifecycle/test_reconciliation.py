"""Tests of reconciliation, against a real MongoDB and a fake of Yousign, which is a real HTTP server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from domain.event import Actor, EventType, Progress
from domain.query_budget import QueryBudget
from domain.status import Status
from domain.verification import LOST, Verification
from lifecycle.changes import Changes
from lifecycle.creation import Creation
from lifecycle.intake import Intake
from lifecycle.reconciliation import PAUSES_WHILE_FAILING, Reconciliation
from lifecycle.sweeper import sweep
from providers.choice import Providers
from providers.external import External
from providers.port import QueryablePort
from providers.reports import Report
from providers.yousign import Yousign
from store.indexes import PROVIDER_QUERIES, QUERY_BUDGETS
from store.queues.provider_queries import QUERY_LEASE
from store.verifications import Store
from tests.clock import Clock
from tests.factories import NOON, REQUEST, WINDOWS, later
from tests.fakes.yousign import FakeYousign, Fault, fake_yousign
from tests.providers.test_yousign import section
from tests.storing import GENEROUS_SECONDS, links_for_tests

FIRST_AGE = timedelta(seconds=1200)
DOCUMENT = {"full_name": "Jeanne Moreau", "born_on": "1990-01-23", "type": "passport", "issuing_country_code": "fr"}
CHANGED = (EventType.STATUS_CHANGED, Actor.PROVIDER)


class Process:
    """The parts of a gateway process that query the fake in the workspace `acme`.

    `outcomes`: how each query ended, as the process counts it, such as "away".
    """

    def __init__(self, store: Store, client: httpx2.AsyncClient, fake: FakeYousign, **changed: Any) -> None:
        self.outcomes: list[str] = []
        self.unusual: list[None] = []
        self.store = store
        self.providers = Providers(None, {"acme": Yousign(client, section(fake, **changed), lambda *_: None)})
        self.creation = Creation(store, self.providers, links_for_tests(), lambda *_: None)
        self.changes = Changes(store, self.providers, self.creation, WINDOWS, lambda: None)
        self.intake = Intake(store, self.providers, self.changes, lambda *_: None, lambda: self.unusual.append(None), 5)
        queries, count = self.creation.queries, lambda provider, outcome: self.outcomes.append(outcome)
        self.reconciliation = Reconciliation(store, self.providers, self.changes, self.intake, queries, count)
        self.querying, *self.planning = self.reconciliation.chores

    async def create(self) -> Verification:
        """Create a verification at the fake."""
        return await self.changes.create("acme", REQUEST)

    async def sweep(self) -> int:
        """Query what is due. Returns how many verifications this process changed."""
        return await sweep(self.querying)

    async def stored(self, id: str) -> Verification:
        """The verification as it is stored."""
        return await self.store.within("acme").require(id)


@pytest.fixture
async def fake() -> AsyncIterator[FakeYousign]:
    """A running fake of Yousign."""
    async with fake_yousign() as running:
        yield running


@pytest.fixture
async def another(store: Store, fake: FakeYousign) -> AsyncIterator[Callable[..., Process]]:
    """A function that makes another `Process`. The function's arguments are values of the workspace's section of the providers file."""
    async with httpx2.AsyncClient(trust_env=False, timeout=GENEROUS_SECONDS) as client:
        begun: list[Process] = []

        def begin(**changed: Any) -> Process:
            begun.append(Process(store, client, fake, **changed))
            return begun[-1]

        yield begin
        for process in begun:
            await process.creation.end()
            await process.intake.end()


@pytest.fixture
def process(another: Callable[..., Process]) -> Process:
    """A `Process` with the usual section."""
    return another()


def reads(fake: FakeYousign) -> int:
    """How many requests to show a verification the fake has received."""
    return sum(method == "GET" for method, _ in fake.requests)


async def entries(store: Store) -> list[dict[str, Any]]:
    """The entries of planned queries, as they are stored."""
    return await store.database[PROVIDER_QUERIES].find().sort("_id").to_list(None)


async def due_at(store: Store) -> list[datetime]:
    """When the planned queries are due."""
    return [entry["at"] for entry in await entries(store)]


def events(verification: Verification) -> list[tuple[EventType, Actor]]:
    """The types and actors of a verification's events after it was started."""
    return [(event.type, event.actor) for event in verification.events[2:]]


async def test_a_lost_webhook_is_made_up_for(process: Process, fake: FakeYousign, store: Store, clock: Clock) -> None:
    created = await process.create()
    fake.decide(created.provider.id or "", "verified", document=DOCUMENT)

    clock.now = NOON + FIRST_AGE - timedelta(milliseconds=1)
    assert (await process.sweep(), reads(fake)) == (0, 0)
    clock.now = NOON + FIRST_AGE
    assert await process.sweep() == 1

    stored = await process.stored(created.id)
    assert (stored.status, events(stored)) == (Status.VERIFIED, [CHANGED])
    assert stored.extracted
    assert stored.extracted.open().full_name == "Jeanne Moreau"
    assert (process.outcomes, reads(fake), await entries(store)) == (["result"], 1, [])


async def test_a_pending_verification_is_queried_again_at_the_next_age(process: Process, fake: FakeYousign, store: Store, clock: Clock) -> None:
    await process.create()
    ages = [1200, 3600, 21_600, 86_400, 259_200, 604_800, 691_199.999]

    for number, seconds in enumerate(ages):
        clock.now = later(seconds=seconds)
        await process.sweep()
        await process.sweep()
        assert reads(fake) == min(number + 1, 6)

    assert process.outcomes == ["pending"] * 6
    assert await due_at(store) == [later(days=8)]


async def test_the_return_of_the_individual_brings_the_query_forward(process: Process, fake: FakeYousign, store: Store, clock: Clock) -> None:
    created = await process.create()
    clock.now = later(seconds=100)
    await process.changes.report_progress("acme", created.id, Progress.CAPTURE_COMPLETED)

    for seconds, number in [(159.999, 0), (160, 1), (399, 1), (400, 2), (999, 2), (1000, 3), (1199, 3), (1200, 4)]:
        clock.now = later(seconds=seconds)
        await process.sweep()
        assert reads(fake) == number, seconds

    # If the same step is reported again, the planned query is due at the same instant as before.
    await process.changes.report_progress("acme", created.id, Progress.CAPTURE_COMPLETED)
    assert await due_at(store) == [later(seconds=3600)]


async def test_the_provider_decides_whether_a_link_has_expired(process: Process, fake: FakeYousign, store: Store, clock: Clock) -> None:
    created = await process.create()
    await process.changes.report_progress("acme", created.id, Progress.LINK_OPENED)
    fake.decide(created.provider.id or "", "inconclusive", ["IDVV_1121"])

    clock.now = later(minutes=16)
    await process.sweep()

    stored = await process.stored(created.id)
    assert (stored.reasons, events(stored)[-1]) == (("IDVV_1121",), CHANGED)


async def test_the_system_concludes_a_day_after_the_expiry_and_only_after_a_query(
    process: Process, fake: FakeYousign, store: Store, clock: Clock
) -> None:
    created = await process.create()
    fake.order("GET", Fault.AWAY)
    clock.now = later(days=8)

    await process.sweep()
    away = await process.stored(created.id)
    clock.now += timedelta(seconds=60)
    assert await process.sweep() == 1

    stored = await process.stored(created.id)
    assert away.status is Status.PENDING
    assert (stored.status, stored.reasons, events(stored)) == (
        Status.INCONCLUSIVE,
        ("IDVV_1101", "IDVV_1199"),
        [(EventType.STATUS_CHANGED, Actor.SYSTEM)],
    )
    assert (process.outcomes, await entries(store)) == (["away", "expired"], [])


async def test_a_verdict_takes_precedence_over_the_expiry(process: Process, fake: FakeYousign, clock: Clock) -> None:
    created = await process.create()
    fake.decide(created.provider.id or "", "failed", ["IDVV_2101"])
    clock.now = later(days=30)

    await process.sweep()

    assert events(await process.stored(created.id)) == [CHANGED]


async def test_two_processes_query_a_verification_once(another: Callable[..., Process], fake: FakeYousign, clock: Clock) -> None:
    processes = [another() for _ in range(4)]
    created = [await processes[0].create() for _ in range(3)]
    for verification in created:
        fake.decide(verification.provider.id or "", "failed", ["IDVV_2101"])
    fake.order("GET", *[Fault.SLOW] * 3)
    clock.now += FIRST_AGE

    done = await asyncio.gather(*(process.sweep() for process in processes))

    assert (sum(done), reads(fake)) == (3, 3)
    assert [events(await processes[0].stored(each.id)) for each in created] == [[CHANGED]] * 3


async def test_another_process_goes_on_when_the_lease_of_an_ended_one_is_over(
    process: Process, another: Callable[..., Process], fake: FakeYousign, clock: Clock
) -> None:
    created = await process.create()
    fake.decide(created.provider.id or "", "failed", ["IDVV_2101"])
    clock.now += FIRST_AGE
    assert await process.creation.queries.claimed("acme")

    other = another()
    assert (await other.sweep(), reads(fake)) == (0, 0)
    clock.now += QUERY_LEASE
    assert await other.sweep() == 1


async def test_a_return_during_a_query_still_brings_the_next_query_forward(process: Process, fake: FakeYousign, store: Store, clock: Clock) -> None:
    created = await process.create()
    clock.now += FIRST_AGE
    fake.order("GET", Fault.SLOW)

    querying = asyncio.create_task(process.sweep())
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not reads(fake):
            await asyncio.sleep(0.005)
    await process.changes.report_progress("acme", created.id, Progress.CAPTURE_COMPLETED)
    await querying

    assert await due_at(store) == [clock.now + timedelta(seconds=60)]


async def test_a_webhook_at_the_same_time_gives_one_outcome_event(process: Process, fake: FakeYousign, clock: Clock) -> None:
    created = [await process.create() for _ in range(10)]
    for verification in created:
        fake.decide(verification.provider.id or "", "failed", ["IDVV_2101"])
    clock.now += FIRST_AGE

    async def webhook(verification: Verification) -> None:
        task = await process.intake.receive("acme", *fake.webhook(verification.provider.id or ""))
        assert task
        await task

    await asyncio.gather(process.sweep(), *map(webhook, created))

    assert [events(await process.stored(each.id)) for each in created] == [[CHANGED]] * 10


async def test_a_webhook_that_arrives_after_the_query_changes_nothing(process: Process, fake: FakeYousign, clock: Clock) -> None:
    created = await process.create()
    fake.decide(created.provider.id or "", "verified", document=DOCUMENT)
    clock.now += FIRST_AGE
    await process.sweep()
    before = await process.stored(created.id)

    task = await process.intake.receive("acme", *fake.webhook(created.provider.id or ""))
    assert task
    await task

    assert await process.stored(created.id) == before


async def test_an_unusual_result_is_noted_and_counted(process: Process, fake: FakeYousign, clock: Clock) -> None:
    created = await process.create()
    fake.decide(created.provider.id or "", "failed", [])
    clock.now += FIRST_AGE

    await process.sweep()

    assert (await process.stored(created.id)).events[-1].note == "reasonCodes was empty for failed"
    assert process.unusual == [None]


async def test_a_final_verification_is_not_queried_any_more(process: Process, fake: FakeYousign, store: Store, clock: Clock) -> None:
    created = await process.create()
    await process.changes.close("acme", created.id, None)
    clock.now += FIRST_AGE

    assert (await process.sweep(), reads(fake), await entries(store)) == (0, 0, [])


async def test_a_verification_that_the_provider_no_longer_has_gets_a_note_and_is_left_to_the_integrator(
    process: Process, fake: FakeYousign, store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    created = await process.create()
    fake.videos.clear()
    clock.now += FIRST_AGE

    assert await process.sweep() == 1
    await process.changes.report_progress("acme", created.id, Progress.CAPTURE_COMPLETED)
    for chore in process.planning:
        assert await sweep(chore) == 0
    clock.now = later(days=60)
    await process.sweep()

    stored = await process.stored(created.id)
    assert (stored.status, events(stored)) == (
        Status.PENDING,
        [(EventType.PROVIDER_LOST, Actor.PROVIDER), (EventType.CAPTURE_COMPLETED, Actor.INDIVIDUAL)],
    )
    assert stored.events[2].note == LOST
    assert (process.outcomes, reads(fake), await entries(store)) == (["gone"], 1, [])
    assert f"no longer has {created.id}" in caplog.text
    assert (await process.changes.close("acme", created.id, None)).status is Status.INCONCLUSIVE


async def test_queries_stay_within_the_budget_of_the_minute_across_processes(
    another: Callable[..., Process], fake: FakeYousign, clock: Clock
) -> None:
    processes = [another(reads_per_minute=3, reads_per_hour=150) for _ in range(3)]
    for _ in range(10):
        await processes[0].create()
    clock.now += FIRST_AGE

    for seconds, number, left in [(0, 3, 0), (60, 3, 0), (65, 6, 0), (130, 9, 0), (195, 10, 2)]:
        clock.now = NOON + FIRST_AGE + timedelta(seconds=seconds)
        await asyncio.gather(*(process.sweep() for process in processes))
        assert reads(fake) == number
        assert (await processes[-1].reconciliation.left())["acme"].per_minute == left


async def test_queries_stay_within_the_budget_of_the_hour(another: Callable[..., Process], fake: FakeYousign, clock: Clock) -> None:
    process = another(reads_per_minute=2, reads_per_hour=3)
    for _ in range(5):
        await process.create()
    clock.now += FIRST_AGE

    await process.sweep()
    clock.now += timedelta(minutes=2)
    await process.sweep()
    assert (reads(fake), await process.reconciliation.left()) == (3, {"acme": QueryBudget(1, 0)})
    clock.now += timedelta(minutes=59)
    await process.sweep()
    assert reads(fake) == 5


async def test_creations_and_documents_do_not_count_towards_the_budget(another: Callable[..., Process], fake: FakeYousign, store: Store) -> None:
    process = another(reads_per_minute=1, reads_per_hour=1)
    created = await process.create()
    fake.decide(created.provider.id or "", "verified", document=DOCUMENT)

    task = await process.intake.receive("acme", *fake.webhook(created.provider.id or ""))
    assert task
    await task

    assert reads(fake) == 1
    assert await store.database[QUERY_BUDGETS].count_documents({}) == 0


async def test_the_longest_due_query_goes_first(another: Callable[..., Process], fake: FakeYousign, clock: Clock) -> None:
    process = another(reads_per_minute=1, reads_per_hour=150)
    created = []
    for _ in range(4):
        created.append(await process.create())
        clock.now += timedelta(seconds=1)
    clock.now += FIRST_AGE

    for _ in created:
        await process.sweep()
        clock.now += timedelta(seconds=65)

    assert [path.rpartition("/")[2] for method, path in fake.requests if method == "GET"] == [each.provider.id for each in created]


async def test_the_pause_that_the_provider_demands_is_obeyed_by_all_processes(
    process: Process, another: Callable[..., Process], fake: FakeYousign, clock: Clock
) -> None:
    created = [await process.create() for _ in range(2)]
    fake.order("GET", Fault.LIMITED)
    clock.now += FIRST_AGE

    await process.sweep()
    assert (reads(fake), process.outcomes) == (1, ["limited"])
    clock.now += timedelta(milliseconds=999)
    for each in (process, another()):
        await each.sweep()
        await each.sweep()
    assert reads(fake) == 1
    clock.now += timedelta(milliseconds=1)
    await process.sweep()
    # The verification whose query failed is queried last. So the others are queried even if this query fails again and again.
    assert [path.rpartition("/")[2] for method, path in fake.requests if method == "GET"][1:] == [each.provider.id for each in reversed(created)]


@pytest.mark.parametrize("fault", [Fault.AWAY, Fault.ERROR, Fault.CUT, Fault.BAD_BODY, Fault.BAD_SHAPE])
async def test_a_provider_that_is_away_is_queried_again_after_a_pause(
    process: Process, fake: FakeYousign, clock: Clock, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    created = await process.create()
    fake.decide(created.provider.id or "", "failed", ["IDVV_2101"])
    fake.order("GET", *[fault] * 3)
    clock.now += FIRST_AGE

    for _ in range(4):
        assert (await process.stored(created.id)).status is Status.PENDING
        await process.sweep()
        await process.sweep()
        clock.now += timedelta(seconds=900)

    assert events(await process.stored(created.id)) == [CHANGED]
    assert process.outcomes == ["away"] * 3 + ["result"]
    assert [record.levelname for record in caplog.records if "can't be queried" in record.message] == ["WARNING"]


async def test_a_query_that_is_not_answered_in_time_is_repeated(
    process: Process, fake: FakeYousign, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = await process.create()
    fake.decide(created.provider.id or "", "failed", ["IDVV_2101"])
    fake.order("GET", Fault.LATE)
    clock.now += FIRST_AGE

    with monkeypatch.context() as changed:
        changed.setattr("lifecycle.reconciliation.QUERY_SECONDS", 0.1)
        await process.sweep()
    clock.now += timedelta(seconds=60)
    await process.sweep()

    assert process.outcomes == ["away", "result"]
    assert events(await process.stored(created.id)) == [CHANGED]


async def test_a_verification_that_cant_be_read_does_not_hold_up_the_others(process: Process, fake: FakeYousign, clock: Clock) -> None:
    created = [await process.create() for _ in range(5)]
    fake.videos[created[0].provider.id or ""]["status"] = "a status of the future"
    for each in created[1:]:
        fake.decide(each.provider.id or "", "failed", ["IDVV_2101"])
    clock.now += FIRST_AGE

    await process.sweep()
    clock.now += timedelta(seconds=PAUSES_WHILE_FAILING[0])
    await process.sweep()

    assert [(await process.stored(each.id)).status for each in created] == [Status.PENDING] + [Status.FAILED] * 4


async def test_a_key_that_the_provider_does_not_accept_is_reported_once_and_tried_again_after_a_new_file(
    another: Callable[..., Process], fake: FakeYousign, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    process = another()
    created = await process.create()
    fake.decide(created.provider.id or "", "failed", ["IDVV_2101"])
    fake.api_key = "another-api-key"
    clock.now += FIRST_AGE

    for _ in range(3):
        await process.sweep()
        await process.sweep()
        clock.now += timedelta(seconds=PAUSES_WHILE_FAILING[-1])
    denied = list(process.outcomes)
    await process.sweep()

    # The key is replaced, and the providers file is read again, as at SIGHUP.
    process.providers.replace(another().providers.by_workspace)
    process.reconciliation.resume()
    await process.sweep()

    assert (denied, process.outcomes) == (["denied"] * 3, ["denied"] * 3 + ["result"])
    assert events(await process.stored(created.id)) == [CHANGED]
    assert [record.levelname for record in caplog.records if "can't be queried" in record.message] == ["WARNING"]
    assert fake.api_key not in caplog.text


async def test_a_verification_whose_provider_the_file_no_longer_names_is_not_queried_until_it_does_again(
    process: Process, fake: FakeYousign, clock: Clock
) -> None:
    created = await process.create()
    fake.decide(created.provider.id or "", "failed", ["IDVV_2101"])
    before = dict(process.providers.by_workspace)

    process.providers.replace({"acme": External()})
    clock.now += FIRST_AGE
    assert (await process.sweep(), reads(fake)) == (0, 0)
    process.providers.replace(before)
    clock.now = later(seconds=3600)
    assert await process.sweep() == 1

    assert events(await process.stored(created.id)) == [CHANGED]


async def test_queries_that_are_missing_are_planned_again(process: Process, fake: FakeYousign, store: Store, clock: Clock) -> None:
    created = [await process.create() for _ in range(3)]
    await process.changes.report_progress("acme", created[1].id, Progress.CAPTURE_COMPLETED)
    await process.changes.close("acme", created[2].id, None)
    await store.database[PROVIDER_QUERIES].drop()
    clock.now += timedelta(minutes=10)

    planned = [await sweep(chore) for chore in process.planning]
    again = [await sweep(chore) for chore in process.planning]

    assert (planned, again) == ([1, 1], [0, 0])
    assert await due_at(store) == [NOON + FIRST_AGE, later(seconds=900)]


async def test_a_process_that_drains_finishes_its_query_and_begins_no_other(
    process: Process, fake: FakeYousign, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = [await process.create() for _ in range(2)]
    for each in created:
        fake.decide(each.provider.id or "", "failed", ["IDVV_2101"])
    clock.now += FIRST_AGE
    adapter, leaving = process.providers.of("acme"), []
    assert isinstance(adapter, QueryablePort)
    read = adapter.read

    async def read_while_the_process_begins_to_drain(id: str) -> Report:
        leaving.append(asyncio.create_task(process.reconciliation.leave()))
        await asyncio.sleep(0)
        assert not leaving[0].done()
        return await read(id)

    monkeypatch.setattr(adapter, "read", read_while_the_process_begins_to_drain)
    changed = await process.sweep()
    await leaving[0]

    assert (changed, len(leaving)) == (1, 1)
    assert [(await process.stored(each.id)).status for each in created] == [Status.FAILED, Status.PENDING]


async def test_the_age_of_the_oldest_query_is_measured(process: Process, clock: Clock) -> None:
    assert await process.reconciliation.oldest_due_seconds() == 0
    await process.create()
    assert await process.reconciliation.oldest_due_seconds() == 0
    clock.now += FIRST_AGE + timedelta(seconds=7)

    assert await process.reconciliation.oldest_due_seconds() == 7
