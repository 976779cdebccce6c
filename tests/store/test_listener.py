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

    listener.offer(verification, since=0)

    assert await listener.changes(GENEROUS_SECONDS) == [Change(verification, 0)]
    assert await listener.changes(timeout_seconds=0) == []


async def test_whoever_waits_hears_of_a_change_at_once() -> None:
    listener, verification = Listener(most=3), a_verification()
    waiting = asyncio.create_task(listener.changes(GENEROUS_SECONDS))
    await asyncio.sleep(0)

    listener.offer(verification, since=0)

    assert await waiting == [Change(verification, 0)]


async def test_a_slow_reader_gets_the_latest_state_since_the_first_event_it_missed() -> None:
    listener, created = Listener(most=3), a_verification()
    opened = created.progressed(OPENED, WINDOWS, later(minutes=1))
    started = opened.progressed(STARTED, WINDOWS, later(minutes=2))

    listener.offer(opened, since=1)
    listener.offer(started, since=2)

    assert await listener.changes(GENEROUS_SECONDS) == [Change(started, 1)]


async def test_a_state_that_comes_late_is_not_told_in_place_of_a_later_one() -> None:
    listener, created = Listener(most=3), a_verification()
    opened = created.progressed(OPENED, WINDOWS, later(minutes=1))

    listener.offer(opened, since=1)
    listener.offer(created, since=0)

    [change] = await listener.changes(GENEROUS_SECONDS)
    assert change.verification == opened


async def test_changes_come_in_the_order_of_the_first_of_each() -> None:
    listener, first, second = Listener(most=3), a_verification(), a_verification()

    listener.offer(first, since=0)
    listener.offer(second, since=0)
    listener.offer(first.progressed(OPENED, WINDOWS, later(minutes=1)), since=1)

    assert [change.verification.id for change in await listener.changes(GENEROUS_SECONDS)] == [first.id, second.id]


async def test_as_many_verifications_as_are_kept_may_change_however_often() -> None:
    listener = Listener(most=3)

    for verification in [a_verification() for _ in range(3)]:
        for progress in Progress:
            verification = verification.progressed(progress, WINDOWS, later(minutes=1))
            listener.offer(verification, since=verification.version - 1)

    assert len(await listener.changes(GENEROUS_SECONDS)) == 3


async def test_a_reader_for_whom_more_would_have_to_be_kept_has_lagged() -> None:
    listener = Listener(most=3)

    for _ in range(4):
        listener.offer(a_verification(), since=0)

    with pytest.raises(Lagged):
        await listener.changes(GENEROUS_SECONDS)


async def test_what_was_read_makes_room() -> None:
    listener = Listener(most=3)

    for _ in range(10):
        listener.offer(a_verification(), since=0)

        assert len(await listener.changes(GENEROUS_SECONDS)) == 1
