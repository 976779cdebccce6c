"""Tests that the sweeper removes personal data when their retention time has ended."""

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
from lifecycle.sweeper import SWEEP_BATCH, Chore, sweep
from store.indexes import VERIFICATIONS
from store.verifications import Store, utc_now
from tests.clock import Clock
from tests.company import Company
from tests.factories import FAILED_RESULT, NOON, VERIFIED_RESULT, a_final_verification, a_verification, later
from tests.serving import serving
from tests.storing import chores_of, decode, encode, storing
from tests.wire import GENEROUS_SECONDS, following

MONTH, QUARTER = timedelta(days=30), timedelta(minutes=15)
ROW = "id version status declaredIdentity { firstName } extractedDocument { fullName } anonymizedAt events { type actor }"
UPDATED = f"subscription {{ verificationsUpdated {{ verification {{ {ROW} }} }} }}"

StoredDocuments = Collection[dict[str, Any]]


@pytest.fixture
def collection(mongo: MongoClient[dict[str, Any]], database_name: str) -> StoredDocuments:
    """The collection in which the gateways of this test store verifications."""
    return mongo[database_name][VERIFICATIONS]


@pytest.fixture
def now() -> Clock:
    """A clock that starts at the current time, because the gateway compares its clock with MongoDB's clock when it starts."""
    return Clock(utc_now())


@pytest.fixture
async def company(database_uri: str, collection: StoredDocuments, now: Clock) -> AsyncIterator[Company]:
    """A company that uses a gateway with a retention of fifteen minutes: short enough that the company's tokens are still valid after it."""
    async with serving(database_uri, now=now, sweep_seconds=0.05, retention_seconds=QUARTER.total_seconds()) as gateway:
        yield Company(gateway, collection, "acme")


def forgetting(store: Store) -> Chore:
    """The chore (a task of the sweeper) that anonymizes each verification a month after its outcome."""
    return chores_of(store, MONTH)[-1]


async def until_there_are(collection: StoredDocuments, count: int, condition: dict[str, Any]) -> None:
    """Wait until exactly this many documents meet the condition."""
    until = monotonic() + GENEROUS_SECONDS
    while collection.count_documents(condition) != count:
        assert monotonic() < until, "the sweeper did not change the verification in time"
        await asyncio.sleep(0.02)


async def test_personal_data_are_removed_after_the_retention_and_subscribers_receive_it(company: Company, now: Clock) -> None:
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


async def test_personal_data_are_kept_until_the_end_of_the_retention(store: Store, clock: Clock) -> None:
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


async def test_the_retention_begins_with_the_outcome_and_pending_verifications_are_skipped(store: Store, clock: Clock) -> None:
    old = a_verification().concluded(FAILED_RESULT, NOON)
    young = a_verification().concluded(FAILED_RESULT, later(days=6))
    pending = a_verification(at=later(days=-300))
    for verification in (old, young, pending):
        await store.within("acme").add(verification)
    clock.now = NOON + MONTH

    assert await sweep(forgetting(store)) == 1
    assert [(await store.within("acme").require(it.id)).anonymized_at for it in (old, young, pending)] == [clock.now, None, None]


async def test_without_a_retention_personal_data_are_kept(database_uri: str, collection: StoredDocuments, now: Clock) -> None:
    async with serving(database_uri, now=now, sweep_seconds=0.05) as gateway:
        company = Company(gateway, collection, "acme")
        final, overdue = await company.created(), await company.created()
        await company.result(final, "FAILED", "IDVV_2101")
        now.now += timedelta(days=3650)
        # Wait until the sweeper has expired the verification `overdue`. This shows that it has run, ten years after the outcome of `final`.
        await until_there_are(collection, 1, {"_id": overdue, "status": "inconclusive"})

    assert collection.count_documents({"declared": {"$exists": True}}) == 2


async def test_four_concurrent_sweepers_anonymize_each_verification_once(database_uri: str, collection: StoredDocuments, clock: Clock) -> None:
    collection.insert_many([encode(a_final_verification(VERIFIED_RESULT)) for _ in range(2 * SWEEP_BATCH + 50)])
    clock.now = NOON + MONTH

    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(storing(database_uri, clock)) for _ in range(4)]
        anonymized = await asyncio.gather(*(sweep(forgetting(store)) for store in stores))

    found = [*map(decode, collection.find())]
    assert sum(anonymized) == 2 * SWEEP_BATCH + 50
    assert {(it.version, it.declared, it.extracted) for it in found} == {(3, None, None)}


async def test_unreadable_documents_never_block_the_sweeper_however_many_there_are(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sweeper, "SWEEP_BATCH", 5)
    pending = [encode(a_verification(at=later(minutes=minute // 4))) for minute in range(40)]
    final = [encode(a_verification().concluded(FAILED_RESULT, later(minutes=minute // 4))) for minute in range(40)]
    damaged = [document | {"events": 7} for documents in (pending, final) for document in documents[:30]]
    await store.collection.insert_many([*damaged, *pending[30:], *final[30:]])
    clock.now = NOON + MONTH + timedelta(hours=1)

    done = [await sweep(chore) for chore in chores_of(store, MONTH)]

    assert done == [10, 0, 0, 10]
    assert await store.collection.count_documents({"status": "inconclusive"}) == 10
    assert await store.collection.count_documents({"anonymizedAt": {"$exists": True}}) == 10
    assert [await sweep(chore) for chore in chores_of(store, MONTH)] == [0, 0, 0, 0]
    assert sorted(caplog.messages) == sorted(f"events of verification {document['_id']} can't be read" for document in damaged)


async def test_a_document_without_a_workspace_does_not_block_the_sweeper(store: Store, clock: Clock) -> None:
    lost = encode(a_final_verification()) | {"provider": {}}
    del lost["workspace"]
    added = a_verification().concluded(FAILED_RESULT, later(minutes=1))
    await store.collection.insert_many([lost, encode(added)])
    clock.now = NOON + MONTH + timedelta(hours=1)

    assert await sweep(forgetting(store)) == 1


async def test_a_verification_with_an_unopenable_envelope_is_anonymized(store: Store, clock: Clock) -> None:
    await store.collection.insert_one(encode(a_final_verification()) | {"declared": {"key": "lost"}})
    clock.now = NOON + MONTH

    assert await sweep(forgetting(store)) == 1
    assert await store.collection.count_documents({"declared": {"$exists": True}}) == 0
