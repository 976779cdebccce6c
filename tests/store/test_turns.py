"""Tests that only one task at a time can change a verification."""

import asyncio

import pytest

from domain.errors import Unavailable
from store.turns import Turns


async def test_tasks_take_their_turns_one_after_the_other() -> None:
    turns = Turns()
    done: list[str] = []

    async def take(name: str) -> None:
        async with turns.of("ver_1", 30):
            done.append(f"{name} begins")
            await asyncio.sleep(0)
            done.append(f"{name} ends")

    await asyncio.gather(take("first"), take("second"), take("third"))

    assert done == ["first begins", "first ends", "second begins", "second ends", "third begins", "third ends"]


async def test_turns_of_other_keys_are_independent() -> None:
    turns = Turns()

    async with turns.of("ver_1", 30), asyncio.timeout(30), turns.of("ver_2", 30):
        pass


async def test_an_error_ends_the_turn() -> None:
    turns = Turns()

    with pytest.raises(ZeroDivisionError):
        async with turns.of("ver_1", 30):
            raise ZeroDivisionError

    async with asyncio.timeout(30), turns.of("ver_1", 30):
        pass


async def test_a_cancelled_task_leaves_the_queue() -> None:
    turns = Turns()
    taken: list[str] = []

    async def take(name: str) -> None:
        async with turns.of("ver_1", 30):
            taken.append(name)

    async with turns.of("ver_1", 30):
        impatient, patient = asyncio.create_task(take("impatient")), asyncio.create_task(take("patient"))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait([impatient])
    await patient

    assert taken == ["patient"]
    assert not turns._queues


async def test_a_task_whose_turn_does_not_come_in_time_is_refused_as_unavailable() -> None:
    turns = Turns()

    async with turns.of("ver_1", 30):
        with pytest.raises(Unavailable):
            async with turns.of("ver_1", 0.01):
                pass

    async with turns.of("ver_1", 0):
        pass
    assert not turns._queues


async def test_an_empty_queue_is_deleted() -> None:
    turns = Turns()

    async def take(key: int) -> None:
        async with turns.of(key, 30):
            await asyncio.sleep(0)

    await asyncio.gather(*(take(number % 10) for number in range(100)))

    assert not turns._queues


async def test_the_tasks_that_wait_are_counted() -> None:
    turns = Turns()
    async with turns.of("ver_1", 30), turns.of("ver_2", 30):
        others = [asyncio.create_task(leave(turns, "ver_1")) for _ in range(3)]
        await asyncio.sleep(0)
        waiting = turns.waiting
    await asyncio.gather(*others)

    assert (waiting, turns.waiting) == (3, 0)


async def leave(turns: Turns, key: str) -> None:
    """Take a turn and give it up at once."""
    async with turns.of(key, 30):
        pass
