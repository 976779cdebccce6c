"""Tests that the sweeper deletes verifications some time after their anonymization."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from domain.errors import InvalidInput, NotFound
from domain.event import Actor
from domain.request import RetryRequest
from domain.verification import Verification
from lifecycle.sweeper import Chore, sweep
from store.indexes import TOMBSTONES
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.factories import FAILED_RESULT, REQUEST, a_verification, retried
from tests.storing import changes, chores_of, encode, stored_documents, storing

REMOVAL = timedelta(hours=1)


@pytest.fixture
def clock() -> Clock:
    """A clock that starts at the real time. With an earlier clock, MongoDB, which uses its own clock, would delete tombstones too soon."""
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


async def a_chain(store: Store, length: int) -> list[str]:
    """Create a chain of failed attempts. Returns their ids."""
    here = changes(store)
    ids = [(await here.create("acme", REQUEST)).id]
    while len(ids) < length:
        await here.report_result("acme", ids[-1], FAILED_RESULT)
        ids.append((await here.retry("acme", ids[-1], RetryRequest())).id)
    await here.report_result("acme", ids[-1], FAILED_RESULT)
    return ids


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a_chain_is_removed_as_a_whole_once_all_its_attempts_are_old_enough(store: Store, clock: Clock, order: tuple[int, ...]) -> None:
    ids, here = await a_chain(store, 3), changes(store)

    for place in order:
        await here.anonymize("acme", ids[place])
        clock.now += REMOVAL - timedelta(seconds=1)
        assert await sweep(removing(store)) == 0
        assert await stored_ids(store) == set(ids)
        clock.now += timedelta(seconds=1) if place == order[-1] else timedelta()

    assert await sweep(removing(store)) == 3
    assert await stored_ids(store) == set()
    assert {found["_id"] async for found in store.database[TOMBSTONES].find()} == set(ids)


async def test_a_chain_is_kept_while_an_attempt_is_pending(store: Store, verifications: Verifications, clock: Clock) -> None:
    failed = await verifications.add(a_verification(at=clock.now).concluded(FAILED_RESULT, clock.now))
    retry = await verifications.retry(failed.id, retried)
    await changes(store).anonymize("acme", failed.id)
    clock.now += 2 * REMOVAL

    assert await sweep(removing(store)) == 0
    await changes(store).report_result("acme", retry.id, FAILED_RESULT)
    await changes(store).anonymize("acme", retry.id)
    assert await sweep(removing(store)) == 0
    clock.now += REMOVAL
    assert await sweep(removing(store)) == 2


@pytest.mark.parametrize("gone", range(3))
async def test_the_rest_of_a_chain_is_removed_if_an_attempt_was_deleted(store: Store, clock: Clock, gone: int) -> None:
    ids = await a_chain(store, 3)
    await changes(store).anonymize_chain("acme", ids[0])
    await store.collection.delete_one({"_id": ids[gone]})
    clock.now += REMOVAL

    assert await sweep(removing(store)) == 2
    assert await stored_ids(store) == set()


async def test_a_chain_with_an_unreadable_attempt_is_kept_and_blocks_no_other(store: Store, clock: Clock) -> None:
    damaged, readable = await a_chain(store, 2), await a_chain(store, 2)
    for ids in (damaged, readable):
        await changes(store).anonymize_chain("acme", ids[0])
    await store.collection.update_one({"_id": damaged[0]}, {"$set": {"status": "suspended"}})
    clock.now += REMOVAL

    assert await sweep(removing(store)) == 2
    assert await stored_ids(store) == set(damaged)


async def test_a_removal_that_races_with_a_retry_removes_the_whole_chain_or_nothing(database_uri: str, store: Store, clock: Clock) -> None:
    names = RetryRequest(first_name="Jeanne", last_name="Moreau")
    async with storing(database_uri, clock) as other:
        for _ in range(15):
            ids = await a_chain(store, 2)
            await changes(store).anonymize_chain("acme", ids[0])
            clock.now += REMOVAL

            removed, retry = await asyncio.gather(sweep(removing(other)), changes(store).retry("acme", ids[1], names), return_exceptions=True)

            left = await stored_ids(store)
            if isinstance(retry, Verification):
                assert (removed, left) == (0, {*ids, retry.id})
                await store.collection.delete_many({})
            else:
                assert isinstance(retry, NotFound | InvalidInput)
                assert (removed, left) == (2, set())


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
