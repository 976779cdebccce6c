"""One writer at a time for each verification."""

import asyncio

import pytest

from store.turns import Turns


async def test_whoever_comes_second_waits_until_the_first_is_done() -> None:
    turns = Turns()
    done: list[str] = []

    async def take(name: str) -> None:
        async with turns.of("ver_1"):
            done.append(f"{name} begins")
            await asyncio.sleep(0)
            done.append(f"{name} ends")

    await asyncio.gather(take("first"), take("second"), take("third"))

    assert done == ["first begins", "first ends", "second begins", "second ends", "third begins", "third ends"]


async def test_the_turns_of_others_are_not_waited_for() -> None:
    turns = Turns()

    async with turns.of("ver_1"), asyncio.timeout(30), turns.of("ver_2"):
        pass


async def test_a_turn_that_ends_in_an_error_is_over() -> None:
    turns = Turns()

    with pytest.raises(ZeroDivisionError):
        async with turns.of("ver_1"):
            raise ZeroDivisionError

    async with asyncio.timeout(30), turns.of("ver_1"):
        pass


async def test_whoever_gives_up_waiting_leaves_the_queue() -> None:
    turns = Turns()
    taken: list[str] = []

    async def take(name: str) -> None:
        async with turns.of("ver_1"):
            taken.append(name)

    async with turns.of("ver_1"):
        impatient, patient = asyncio.create_task(take("impatient")), asyncio.create_task(take("patient"))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait([impatient])
    await patient

    assert taken == ["patient"]
    assert not turns._queues


async def test_a_queue_in_which_nobody_waits_is_gone() -> None:
    turns = Turns()

    async def take(key: int) -> None:
        async with turns.of(key):
            await asyncio.sleep(0)

    await asyncio.gather(*(take(number % 10) for number in range(100)))

    assert not turns._queues
