"""Tests of `Waking`, which limits how many readers are woken in a turn of the event loop."""

import asyncio

from store.feeds.waking import WAKES_PER_TURN, Waking

FEW = 3


async def futures(number: int) -> list["asyncio.Future[None]"]:
    """Futures on which readers could wait."""
    return [asyncio.get_running_loop().create_future() for _ in range(number)]


def woken(waiting: list["asyncio.Future[None]"]) -> int:
    """How many of the readers were woken. Those must be the first ones."""
    done = [each.done() for each in waiting]
    assert done == sorted(done, reverse=True)
    return sum(done)


async def test_few_readers_are_woken_at_once() -> None:
    waking, waiting = Waking(), await futures(FEW)

    for each in waiting:
        waking.wake(each)

    assert woken(waiting) == FEW


async def test_many_readers_are_woken_in_several_turns_in_their_order() -> None:
    waking, waiting = Waking(), await futures(2 * WAKES_PER_TURN + FEW)

    for each in waiting:
        waking.wake(each)
    by_turn = [woken(waiting)]
    while by_turn[-1] < len(waiting):
        await asyncio.sleep(0)
        by_turn.append(woken(waiting))

    assert by_turn == [WAKES_PER_TURN, 2 * WAKES_PER_TURN, len(waiting)]


async def test_a_reader_that_arrives_later_waits_behind_the_earlier_ones() -> None:
    waking, waiting = Waking(), await futures(2 * WAKES_PER_TURN + FEW)
    for each in waiting[:-1]:
        waking.wake(each)

    await asyncio.sleep(0)
    waking.wake(waiting[-1])

    assert woken(waiting) == 2 * WAKES_PER_TURN
    await asyncio.sleep(0)
    assert woken(waiting) == len(waiting)


async def test_a_reader_that_was_cancelled_or_woken_twice_takes_no_place() -> None:
    waking, waiting = Waking(), await futures(WAKES_PER_TURN + FEW)
    cancelled, *others = waiting
    cancelled.cancel()

    for each in [cancelled, others[0], *others]:
        waking.wake(each)

    assert woken(others) == WAKES_PER_TURN


async def test_the_limit_is_that_of_one_turn() -> None:
    waking = Waking()
    for _ in range(3):
        waiting = await futures(WAKES_PER_TURN)
        for each in waiting:
            waking.wake(each)

        assert woken(waiting) == WAKES_PER_TURN
        await asyncio.sleep(0)


async def test_readers_that_were_cancelled_while_they_wait_do_not_stop_the_others() -> None:
    waking, waiting = Waking(), await futures(2 * WAKES_PER_TURN + FEW)
    for each in waiting:
        waking.wake(each)

    for each in waiting[WAKES_PER_TURN : 2 * WAKES_PER_TURN]:
        each.cancel()
    await asyncio.sleep(0)

    assert woken(waiting) == len(waiting)
