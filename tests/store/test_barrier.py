"""Tests of the barrier: a read after it sees every write that was acknowledged before it."""

import asyncio
from time import monotonic

from domain.errors import Unavailable
from store.driver import close_client, connect
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.commands import Commands
from tests.factories import a_verification
from tests.storing import DATA_KEYS


async def test_waiting_callers_share_a_write_that_begins_after_their_calls(store: Store, commands: Commands) -> None:
    with commands.sent(store.database.name) as sent:
        await asyncio.gather(*(store.barrier.passed() for _ in range(20)))

    assert [next(iter(command)) for command in sent] == ["update", "update"]


async def test_sequential_callers_each_write_once(store: Store, commands: Commands) -> None:
    with commands.sent(store.database.name) as sent:
        for _ in range(3):
            await store.barrier.passed()

    assert [next(iter(command)) for command in sent] == ["update"] * 3


async def test_a_missing_verification_is_reported_only_after_the_barrier(store: Store, verifications: Verifications, commands: Commands) -> None:
    added = await verifications.add(a_verification())

    with commands.sent(store.database.name) as sent:
        await verifications.get(added.id)
        await verifications.get("ver_unknown")

    assert [next(iter(command)) for command in sent] == ["find", "find", "update", "find"]


async def test_a_cancelled_caller_does_not_block_the_others(store: Store) -> None:
    impatient, patient = [asyncio.create_task(store.barrier.passed()) for _ in range(2)]
    await asyncio.sleep(0)

    impatient.cancel()

    await patient


async def test_waiting_callers_share_a_failure(clock: Clock) -> None:
    client = connect("mongodb://127.0.0.1:1/gateway", timeout_seconds=1)
    store, begun = Store(client, DATA_KEYS, clock), monotonic()

    outcomes = await asyncio.gather(*(store.barrier.passed() for _ in range(40)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 40
    # If the callers failed one after the other, the failures would take 40 seconds.
    assert monotonic() - begun < 20
    close_client(client)
