"""Tests of unfinished starts: the entries of verifications that are not started at their provider yet."""

import asyncio
from datetime import timedelta

import pytest

from store.queues.starts import LEASE, Starts
from store.verifications import Store
from tests.clock import Clock
from tests.storing import storing

WAIT = timedelta(seconds=10)


@pytest.fixture
def starts(store: Store) -> Starts:
    """The collection of unfinished starts, in a database that only this test uses."""
    return Starts(store)


async def test_an_entry_is_due_when_its_lease_has_ended(starts: Starts, clock: Clock) -> None:
    await starts.add("acme", "ver_1")

    clock.now += LEASE - timedelta(milliseconds=1)
    assert await starts.due(10) == []
    assert await starts.taken_over("ver_1") is None
    clock.now += timedelta(milliseconds=1)
    assert [entry.id for entry in await starts.due(10)] == ["ver_1"]


async def test_batches_contain_each_entry_once_in_the_order_of_their_leases(starts: Starts, clock: Clock) -> None:
    for seconds, ids in enumerate([("ver_3", "ver_1", "ver_4"), ("ver_2", "ver_5")]):
        clock.now += timedelta(seconds=seconds)
        for id in ids:
            await starts.add("acme", id)
    clock.now += LEASE

    found, last = [], None
    while batch := await starts.due(2, last):
        found += [entry.id for entry in batch]
        last = batch[-1]

    assert found == ["ver_1", "ver_3", "ver_4", "ver_2", "ver_5"]


async def test_one_of_many_processes_takes_an_entry_over(database_uri: str, clock: Clock) -> None:
    async with storing(database_uri, clock) as one, storing(database_uri, clock) as other:
        processes = [Starts(store) for store in (one, other) for _ in range(10)]
        await processes[0].add("acme", "ver_1")
        clock.now += LEASE

        taken = [start for start in await asyncio.gather(*(process.taken_over("ver_1") for process in processes)) if start]

    assert [(start.workspace, start.verification_id, start.unanswered, start.until) for start in taken] == [("acme", "ver_1", 2, clock.now + LEASE)]


async def test_a_lease_is_extended_over_the_pause_only_by_its_holder(starts: Starts, clock: Clock) -> None:
    held = await starts.add("acme", "ver_1")

    extended = await starts.extended(held, WAIT, 2)

    assert extended
    assert (extended.since, extended.until, extended.unanswered) == (held.since, clock.now + WAIT + LEASE, 2)
    assert await starts.extended(held, WAIT, 2) is None
    clock.now = extended.until
    assert await starts.taken_over("ver_1")
    assert await starts.extended(extended, WAIT, 2) is None


async def test_a_released_entry_is_due_at_once_and_counts_no_request(starts: Starts) -> None:
    paused = await starts.extended(await starts.add("acme", "ver_1"), WAIT, 0)
    assert paused
    await starts.released(paused)

    taken = await starts.taken_over("ver_1")

    assert taken
    assert taken.unanswered == 1


async def test_a_removed_entry_is_neither_due_nor_counted(starts: Starts, clock: Clock) -> None:
    held = await starts.add("acme", "ver_1")

    await starts.remove("ver_1")

    clock.now += LEASE
    assert (await starts.due(10), await starts.taken_over("ver_1"), await starts.extended(held, WAIT, 1)) == ([], None, None)
    assert await starts.unfinished() == (0, 0.0)
