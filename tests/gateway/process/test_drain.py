"""Deadlines of what is being answered, and the wait until nothing is."""

import asyncio

import pytest

from gateway.process.drain import UnderWay

LONG_SECONDS = 60.0


async def held(under_way: UnderWay, seconds: float, released: asyncio.Event) -> None:
    """Be under way until released."""
    with under_way.within(seconds):
        await released.wait()


async def turned() -> None:
    """Let the loop turn until what was begun is under way."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_what_begins_right_after_another_ended_is_waited_for_too() -> None:
    under_way, released = UnderWay(), asyncio.Event()
    with under_way.within(LONG_SECONDS):
        pass

    task = asyncio.create_task(held(under_way, LONG_SECONDS, released))
    await turned()
    done = asyncio.create_task(under_way.done())
    await turned()

    assert not done.done()
    released.set()
    await asyncio.gather(task, done)


async def test_where_nothing_is_under_way_nobody_waits() -> None:
    await UnderWay().done()


async def test_what_takes_too_long_is_ended_with_a_time_out() -> None:
    under_way = UnderWay()

    with pytest.raises(TimeoutError):
        await held(under_way, 0.0, asyncio.Event())

    await under_way.done()


async def test_who_is_hurried_ends_earlier() -> None:
    under_way = UnderWay()
    task = asyncio.create_task(held(under_way, LONG_SECONDS, asyncio.Event()))
    await turned()

    under_way.hurry(asyncio.get_running_loop().time())

    with pytest.raises(TimeoutError):
        await task


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    under_way = UnderWay()
    task = asyncio.create_task(held(under_way, LONG_SECONDS, asyncio.Event()))
    await turned()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await under_way.done()


async def test_what_ends_in_time_is_not_disturbed_afterwards() -> None:
    under_way, released = UnderWay(), asyncio.Event()
    released.set()

    await held(under_way, 0.0, released)
    await asyncio.sleep(0.25)

    await under_way.done()
