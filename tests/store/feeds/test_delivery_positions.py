"""Tests the positions of workspaces, and the leases of the processes that read their changes."""

import asyncio

from store.feeds.delivery_positions import READING_LEASE, DeliveryPosition, DeliveryPositions
from store.verifications import Store
from tests.clock import Clock
from tests.factories import NOON, later


async def test_a_position_begins_at_the_first_time(store: Store) -> None:
    positions = DeliveryPositions(store.database, store.now, "first")

    assert await positions.taken("acme", NOON) == DeliveryPosition(NOON, NOON)
    assert await positions.advance("acme", later(minutes=2))
    assert await positions.taken("acme", later(minutes=9)) == DeliveryPosition(NOON, later(minutes=2))


async def test_a_position_never_moves_back(store: Store) -> None:
    positions = DeliveryPositions(store.database, store.now, "first")
    await positions.taken("acme", NOON)
    await positions.advance("acme", later(minutes=2))
    await positions.advance("acme", later(minutes=1))

    assert await positions.taken("acme", NOON) == DeliveryPosition(NOON, later(minutes=2))


async def test_only_one_process_holds_the_lease(store: Store) -> None:
    each = [DeliveryPositions(store.database, store.now, f"process {number}") for number in range(8)]

    taken = await asyncio.gather(*(positions.taken("acme", NOON) for positions in each))

    assert sum(position is not None for position in taken) == 1


async def test_a_lease_that_has_ended_is_taken_over(store: Store, clock: Clock) -> None:
    first, second = DeliveryPositions(store.database, store.now, "first"), DeliveryPositions(store.database, store.now, "second")
    await first.taken("acme", NOON)
    clock.now = later(seconds=READING_LEASE.total_seconds() - 1)
    assert await second.taken("acme", NOON) is None

    clock.now = later(seconds=READING_LEASE.total_seconds())
    assert await second.taken("acme", NOON)
    assert not await first.advance("acme", later(minutes=5))
    assert await second.taken("acme", NOON) == DeliveryPosition(NOON, NOON)


async def test_a_lease_that_was_given_back_is_free(store: Store) -> None:
    first, second = DeliveryPositions(store.database, store.now, "first"), DeliveryPositions(store.database, store.now, "second")
    await first.taken("acme", NOON)
    await second.release("acme")
    assert await second.taken("acme", NOON) is None

    await first.release("acme")
    assert await second.taken("acme", NOON)
