"""The deadlines of requests that are under way, and how a process ends: it announces its end, and waits for these requests."""

import asyncio

import pytest

from gateway.process.drain import Drain, UnderWay

LONG_SECONDS = 60.0


async def held(under_way: UnderWay, seconds: float, released: asyncio.Event) -> None:
    """A request that is under way until `released` is set. `seconds`: its deadline, after which it is cancelled."""
    with under_way.within(seconds):
        await released.wait()


async def turned() -> None:
    """Let the event loop run for a few turns, so that newly created tasks start."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_request_that_begins_right_after_another_ended_is_waited_for() -> None:
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


async def test_without_requests_there_is_no_wait() -> None:
    await UnderWay().done()


async def test_a_request_that_takes_too_long_ends_with_a_timeout() -> None:
    under_way = UnderWay()

    with pytest.raises(TimeoutError):
        await held(under_way, 0.0, asyncio.Event())

    await under_way.done()


async def test_a_request_whose_deadline_is_shortened_ends_earlier() -> None:
    under_way = UnderWay()
    task = asyncio.create_task(held(under_way, LONG_SECONDS, asyncio.Event()))
    await turned()

    under_way.hurry(asyncio.get_running_loop().time())

    with pytest.raises(TimeoutError):
        await task


async def test_a_cancellation_from_elsewhere_stays_a_cancellation() -> None:
    under_way = UnderWay()
    task = asyncio.create_task(held(under_way, LONG_SECONDS, asyncio.Event()))
    await turned()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await under_way.done()


async def test_a_task_is_not_cancelled_after_its_request_has_ended() -> None:
    under_way, released = UnderWay(), asyncio.Event()
    released.set()

    await held(under_way, 0.0, released)
    await asyncio.sleep(0.25)

    await under_way.done()


async def test_the_end_is_announced_before_the_process_drains() -> None:
    drain, left = Drain(delay_seconds=0.2), asyncio.Event()

    async def leave() -> None:
        left.set()

    with drain.holding(leave):
        leading = asyncio.create_task(drain.lead_out())
        await turned()
        announced = drain.announced, drain.begun, left.is_set()
        await leading

    assert announced == (True, False, False)
    assert (drain.begun, left.is_set()) == (True, True)
