"""What a subscriber has not been sent yet."""

import asyncio

import pytest

from domain.errors import Lagged
from domain.event import Progress
from store.listener import Change, Listener
from tests.factories import WINDOWS, a_verification, later
from tests.storing import GENEROUS_SECONDS

OPENED, STARTED, COMPLETED = Progress


async def test_a_change_is_told_once() -> None:
    listener, verification = Listener(most=3), a_verification()

    listener.offer(Change(verification, 0))

    assert await listener.changes(GENEROUS_SECONDS) == [Change(verification, 0)]
    assert await listener.changes(timeout_seconds=0) == []


async def test_whoever_waits_hears_of_a_change_at_once() -> None:
    listener, verification = Listener(most=3), a_verification()
    waiting = asyncio.create_task(listener.changes(GENEROUS_SECONDS))
    await asyncio.sleep(0)

    listener.offer(Change(verification, 0))

    assert await waiting == [Change(verification, 0)]


async def test_a_slow_reader_gets_the_latest_state_since_the_first_event_it_missed() -> None:
    listener, created = Listener(most=3), a_verification()
    opened = created.progressed(OPENED, WINDOWS, later(minutes=1))
    started = opened.progressed(STARTED, WINDOWS, later(minutes=2))

    listener.offer(Change(opened, 1))
    listener.offer(Change(started, 2))

    assert await listener.changes(GENEROUS_SECONDS) == [Change(started, 1)]


async def test_a_state_that_comes_late_is_not_told_in_place_of_a_later_one() -> None:
    listener, created = Listener(most=3), a_verification()
    opened = created.progressed(OPENED, WINDOWS, later(minutes=1))

    listener.offer(Change(opened, 1))
    listener.offer(Change(created, 0))

    [change] = await listener.changes(GENEROUS_SECONDS)
    assert change.verification == opened


async def test_changes_come_in_the_order_of_the_first_of_each() -> None:
    listener, first, second = Listener(most=3), a_verification(), a_verification()

    listener.offer(Change(first, 0))
    listener.offer(Change(second, 0))
    listener.offer(Change(first.progressed(OPENED, WINDOWS, later(minutes=1)), 1))

    assert [change.verification.id for change in await listener.changes(GENEROUS_SECONDS)] == [first.id, second.id]


async def test_as_many_verifications_as_are_kept_may_change_however_often() -> None:
    listener = Listener(most=3)

    for verification in [a_verification() for _ in range(3)]:
        for progress in Progress:
            verification = verification.progressed(progress, WINDOWS, later(minutes=1))
            listener.offer(Change(verification, verification.version - 1))

    assert len(await listener.changes(GENEROUS_SECONDS)) == 3


async def test_a_reader_for_whom_more_would_have_to_be_kept_has_lagged() -> None:
    listener = Listener(most=3)

    for _ in range(4):
        listener.offer(Change(a_verification(), 0))

    with pytest.raises(Lagged):
        await listener.changes(GENEROUS_SECONDS)


async def test_what_was_read_makes_room() -> None:
    listener = Listener(most=3)

    for _ in range(10):
        listener.offer(Change(a_verification(), 0))

        assert len(await listener.changes(GENEROUS_SECONDS)) == 1


async def test_what_is_offered_to_many_is_one_object_for_all() -> None:
    listeners, change = [Listener(most=3) for _ in range(3)], Change(a_verification(), 0)

    for listener in listeners:
        listener.offer(change)

    for listener in listeners:
        [told] = await listener.changes(GENEROUS_SECONDS)
        assert told is change


async def test_what_is_there_can_be_taken_without_waiting() -> None:
    listener, verification = Listener(most=3), a_verification()

    assert listener.taken() == []
    listener.offer(Change(verification, 0))

    assert listener.taken() == [Change(verification, 0)]
    assert listener.taken() == []


async def test_whoever_gives_up_waiting_loses_nothing() -> None:
    listener, verification = Listener(most=3), a_verification()
    waiting = asyncio.create_task(listener.changes())
    await asyncio.sleep(0)

    listener.offer(Change(verification, 0))
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await listener.changes(GENEROUS_SECONDS) == [Change(verification, 0)]


async def test_a_time_that_was_up_does_not_keep_from_waiting_again() -> None:
    listener, verification = Listener(most=3), a_verification()

    assert await listener.changes(-1) == []
    waiting = asyncio.create_task(listener.changes(GENEROUS_SECONDS))
    await asyncio.sleep(0)
    listener.offer(Change(verification, 0))

    assert await waiting == [Change(verification, 0)]
