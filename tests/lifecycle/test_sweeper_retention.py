"""Personal data go when their time is over, by themselves and for good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from domain.event import Actor
from lifecycle import sweeper
from lifecycle.sweeper import BATCH, Chore, chores, sweep
from store.indexes import VERIFICATIONS
from store.verifications import Store, utc_now
from tests.clock import Clock
from tests.company import Company
from tests.factories import FAILED_RESULT, NOON, VERIFIED_RESULT, a_final_verification, a_verification, later
from tests.serving import serving
from tests.storing import changes, decode, encode, storing
from tests.wire import GENEROUS_SECONDS, following

MONTH, QUARTER = timedelta(days=30), timedelta(minutes=15)
ROW = "id version status declaredIdentity { firstName } extractedDocument { fullName } anonymizedAt events { type actor }"
UPDATED = f"subscription {{ verificationsUpdated {{ verification {{ {ROW} }} }} }}"

Kept = Collection[dict[str, Any]]


@pytest.fixture
def collection(mongo: MongoClient[dict[str, Any]], database_name: str) -> Kept:
    """All verifications that this test's gateways keep."""
    return mongo[database_name][VERIFICATIONS]


@pytest.fixture
def now() -> Clock:
    """A clock that stands at the time of the test's beginning, so that the gateway agrees with MongoDB while it starts."""
    return Clock(utc_now())


@pytest.fixture
async def company(database_uri: str, collection: Kept, now: Clock) -> AsyncIterator[Company]:
    """A company whose personal data are kept for no longer than a token lives."""
    async with serving(database_uri, now=now, sweep_seconds=0.05, retention_seconds=QUARTER.total_seconds()) as gateway:
        yield Company(gateway, collection, "acme")


def forgetting(store: Store) -> Chore:
    """The chore of anonymizing what is older than a month."""
    return chores(store, changes(store), MONTH)[1]


async def until_there_are(collection: Kept, count: int, condition: dict[str, Any]) -> None:
    """Wait until so many meet a condition."""
    until = monotonic() + GENEROUS_SECONDS
    while collection.count_documents(condition) != count:
        assert monotonic() < until, "nobody swept"
        await asyncio.sleep(0.02)


async def test_some_time_after_the_outcome_the_person_is_forgotten_and_whoever_follows_is_told(company: Company, now: Clock) -> None:
    id = await company.created()
    await company.result(id, "VERIFIED", extractedDocument={"fullName": "Jeanne Moreau"})

    async with following(company.gateway, company.token(), UPDATED) as updates:
        await updates.next()
        now.now += QUARTER
        *_, item = await updates.until(lambda item: item["verification"] is not None and item["verification"]["version"] == 3)

    update = item["verification"]
    assert (update["id"], update["status"]) == (id, "VERIFIED")
    assert (update["declaredIdentity"], update["extractedDocument"]) == (None, None)
    assert update["events"][-1] == {"type": "ANONYMIZED", "actor": "SYSTEM"}
    assert company.kept()[0].keys().isdisjoint({"declared", "extracted"})


async def test_a_millisecond_before_its_time_everything_is_still_there(store: Store, clock: Clock) -> None:
    added = await store.within("acme").add(a_final_verification(VERIFIED_RESULT))

    clock.now = NOON + MONTH - timedelta(milliseconds=1)
    early = await sweep(forgetting(store))
    before = await store.within("acme").require(added.id)
    clock.now = NOON + MONTH
    in_time = await sweep(forgetting(store))
    after = await store.within("acme").require(added.id)

    assert (early, in_time) == (0, 1)
    assert before == added
    assert after == added.anonymized(Actor.SYSTEM, clock.now)


async def test_time_counts_from_the_outcome_and_pending_ones_are_left_alone(store: Store, clock: Clock) -> None:
    old = a_verification().concluded(FAILED_RESULT, NOON)
    young = a_verification().concluded(FAILED_RESULT, later(days=6))
    pending = a_verification(at=later(days=-300))
    for verification in (old, young, pending):
        await store.within("acme").add(verification)
    clock.now = NOON + MONTH

    assert await sweep(forgetting(store)) == 1
    assert [(await store.within("acme").require(it.id)).anonymized_at for it in (old, young, pending)] == [clock.now, None, None]


async def test_without_a_retention_time_personal_data_stay(database_uri: str, collection: Kept, now: Clock) -> None:
    async with serving(database_uri, now=now, sweep_seconds=0.05) as gateway:
        company = Company(gateway, collection, "acme")
        kept, overdue = await company.created(), await company.created()
        await company.result(kept, "FAILED", "IDVV_2101")
        now.now += timedelta(days=3650)
        # The sweeper has come by when the deadline of the other has been applied.
        await until_there_are(collection, 1, {"_id": overdue, "status": "inconclusive"})

    assert collection.count_documents({"declared": {"$exists": True}}) == 2


async def test_four_sweepers_at_once_anonymize_each_once(database_uri: str, collection: Kept, clock: Clock) -> None:
    collection.insert_many([encode(a_final_verification(VERIFIED_RESULT)) for _ in range(2 * BATCH + 50)])
    clock.now = NOON + MONTH

    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(storing(database_uri, clock)) for _ in range(4)]
        anonymized = await asyncio.gather(*(sweep(forgetting(store)) for store in stores))

    found = [*map(decode, collection.find())]
    assert sum(anonymized) == 2 * BATCH + 50
    assert {(it.version, it.declared, it.extracted) for it in found} == {(3, None, None)}


async def test_those_that_can_not_be_read_are_in_nobodys_way_however_many_they_are(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sweeper, "BATCH", 5)
    pending = [encode(a_verification(at=later(minutes=minute // 4))) for minute in range(40)]
    final = [encode(a_verification().concluded(FAILED_RESULT, later(minutes=minute // 4))) for minute in range(40)]
    spoiled = [document | {"events": 7} for documents in (pending, final) for document in documents[:30]]
    await store.collection.insert_many([*spoiled, *pending[30:], *final[30:]])
    clock.now = NOON + MONTH + timedelta(hours=1)

    done = [await sweep(chore) for chore in chores(store, changes(store), MONTH)]

    assert done == [10, 10]
    assert await store.collection.count_documents({"status": "inconclusive"}) == 10
    assert await store.collection.count_documents({"anonymizedAt": {"$exists": True}}) == 10
    assert [await sweep(chore) for chore in chores(store, changes(store), MONTH)] == [0, 0]
    assert sorted(caplog.messages) == sorted(f"events of verification {document['_id']} can't be read" for document in spoiled)


async def test_one_of_no_workspace_is_in_nobodys_way(store: Store, clock: Clock) -> None:
    lost = encode(a_final_verification()) | {"provider": {}}
    del lost["workspace"]
    added = a_verification().concluded(FAILED_RESULT, later(minutes=1))
    await store.collection.insert_many([lost, encode(added)])
    clock.now = NOON + MONTH + timedelta(hours=1)

    assert await sweep(forgetting(store)) == 1


async def test_one_that_can_not_be_opened_is_anonymized_all_the_same(store: Store, clock: Clock) -> None:
    await store.collection.insert_one(encode(a_final_verification()) | {"declared": {"key": "lost"}})
    clock.now = NOON + MONTH

    assert await sweep(forgetting(store)) == 1
    assert await store.collection.count_documents({"declared": {"$exists": True}}) == 0
