"""Tests that the sweeper deletes verifications some time after their anonymization."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from domain.event import Actor
from domain.verification import Verification
from lifecycle.sweeper import Chore, sweep
from store.indexes import TOMBSTONES
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.factories import FAILED_RESULT, a_verification, retried
from tests.storing import chores_of, encode, stored_documents, storing

REMOVAL = timedelta(hours=1)


@pytest.fixture
def clock() -> Clock:
    """The real time, since MongoDB deletes tombstones by its own clock."""
    return Clock(datetime.now(UTC).replace(microsecond=0))


def removing(store: Store) -> Chore:
    """The sweeper's chore that deletes verifications an hour after their anonymization."""
    [chore] = [chore for chore in chores_of(store, None, REMOVAL) if chore.done == "removed"]
    return chore


def anonymized(at: datetime) -> Verification:
    """A failed verification that was anonymized at this instant."""
    return a_verification(at=at).concluded(FAILED_RESULT, at).anonymized(Actor.SYSTEM, at)


async def stored_ids(store: Store) -> set[str]:
    """The ids of all stored verifications."""
    return {document["_id"] for document in await stored_documents(store)}


async def test_only_verifications_that_were_anonymized_long_enough_ago_are_removed(store: Store, clock: Clock) -> None:
    old, young = anonymized(clock.now - REMOVAL), anonymized(clock.now - REMOVAL + timedelta(seconds=1))
    pending, final = a_verification(at=clock.now), a_verification(at=clock.now - REMOVAL).concluded(FAILED_RESULT, clock.now - REMOVAL)
    await store.collection.insert_many([encode(it) for it in (old, young, pending, final)])

    assert await sweep(removing(store)) == 1
    assert await stored_ids(store) == {young.id, pending.id, final.id}
    assert [found["_id"] async for found in store.database[TOMBSTONES].find()] == [old.id]


async def test_an_attempt_is_kept_while_its_chain_has_a_pending_one(store: Store, verifications: Verifications, clock: Clock) -> None:
    failed = await verifications.add(a_verification(at=clock.now - 2 * REMOVAL).concluded(FAILED_RESULT, clock.now - 2 * REMOVAL))
    clock.now -= 2 * REMOVAL
    retry = await verifications.retry(failed.id, retried)
    await verifications.change(failed.id, lambda it, at: it.anonymized(Actor.INTEGRATOR, at))
    clock.now += 2 * REMOVAL

    assert await sweep(removing(store)) == 0
    await verifications.change(retry.id, lambda it, at: it.concluded(FAILED_RESULT, at))
    assert await sweep(removing(store)) == 1

    remaining = await verifications.require(retry.id)
    assert await stored_ids(store) == {retry.id}
    assert (remaining.previous, await verifications.chains([failed.chain])) == (failed.id, [remaining])


async def test_without_the_setting_nothing_is_removed(store: Store) -> None:
    assert [chore.done for chore in chores_of(store, REMOVAL)] == ["expired", "expired without a verdict", "started", "anonymized"]


async def test_concurrent_sweepers_remove_each_verification_once(database_uri: str, store: Store, clock: Clock) -> None:
    await store.collection.insert_many([encode(anonymized(clock.now - 2 * REMOVAL)) for _ in range(60)])

    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(storing(database_uri, clock)) for _ in range(3)]
        removed = await asyncio.gather(*(sweep(removing(store)) for store in stores))

    assert sum(removed) == 60
    assert await stored_ids(store) == set()
    assert await store.database[TOMBSTONES].count_documents({}) == 60
