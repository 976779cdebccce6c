"""Tests of `Listener`, which stores the changes that a subscriber has not received yet."""

import asyncio

import pytest

from domain.errors import Lagged, NotFound
from domain.event import Progress
from store.listener import Change, Listener
from tests.factories import FAILED_RESULT, WINDOWS, a_verification, later
from tests.storing import GENEROUS_SECONDS

OPENED, STARTED, COMPLETED = Progress


async def test_a_change_is_received_once() -> None:
    listener, verification = Listener(max_changes=3), a_verification()

    listener.offer(Change(verification, 0))

    assert await listener.changes(GENEROUS_SECONDS) == [Change(verification, 0)]
    assert await listener.changes(timeout_seconds=0) == []


async def test_a_waiting_reader_receives_a_change_at_once() -> None:
    listener, verification = Listener(max_changes=3), a_verification()
    waiting = asyncio.create_task(listener.changes(GENEROUS_SECONDS))
    await asyncio.sleep(0)

    listener.offer(Change(verification, 0))

    assert await waiting == [Change(verification, 0)]


async def test_a_slow_reader_gets_the_latest_state_with_all_events_it_missed() -> None:
    listener, created = Listener(max_changes=3), a_verification()
    opened = created.progressed(OPENED, WINDOWS, later(minutes=1))
    started = opened.progressed(STARTED, WINDOWS, later(minutes=2))

    listener.offer(Change(opened, 1))
    listener.offer(Change(started, 2))

    assert await listener.changes(GENEROUS_SECONDS) == [Change(started, 1)]


async def test_an_older_state_does_not_replace_a_later_one() -> None:
    listener, created = Listener(max_changes=3), a_verification()
    opened = created.progressed(OPENED, WINDOWS, later(minutes=1))

    listener.offer(Change(opened, 1))
    listener.offer(Change(created, 0))

    [change] = await listener.changes(GENEROUS_SECONDS)
    assert change.verification == opened


async def test_changes_are_ordered_by_the_first_change_of_each_verification() -> None:
    listener, first, second = Listener(max_changes=3), a_verification(), a_verification()

    listener.offer(Change(first, 0))
    listener.offer(Change(second, 0))
    listener.offer(Change(first.progressed(OPENED, WINDOWS, later(minutes=1)), 1))

    assert [change.verification.id for change in await listener.changes(GENEROUS_SECONDS)] == [first.id, second.id]


async def test_a_full_listener_still_accepts_changes_of_its_verifications() -> None:
    listener = Listener(max_changes=3)

    for verification in [a_verification() for _ in range(3)]:
        for progress in Progress:
            verification = verification.progressed(progress, WINDOWS, later(minutes=1))
            listener.offer(Change(verification, verification.version - 1))

    assert len(await listener.changes(GENEROUS_SECONDS)) == 3


async def test_a_reader_lags_if_too_many_verifications_change() -> None:
    listener = Listener(max_changes=3)

    for _ in range(4):
        listener.offer(Change(a_verification(), 0))

    with pytest.raises(Lagged):
        await listener.changes(GENEROUS_SECONDS)


async def test_reading_makes_room_for_further_changes() -> None:
    listener = Listener(max_changes=3)

    for _ in range(10):
        listener.offer(Change(a_verification(), 0))

        assert len(await listener.changes(GENEROUS_SECONDS)) == 1


async def test_all_listeners_share_the_same_change_object() -> None:
    listeners, change = [Listener(max_changes=3) for _ in range(3)], Change(a_verification(), 0)

    for listener in listeners:
        listener.offer(change)

    for listener in listeners:
        [received] = await listener.changes(GENEROUS_SECONDS)
        assert received is change


async def test_changes_can_be_taken_without_waiting() -> None:
    listener, verification = Listener(max_changes=3), a_verification()

    assert listener.taken() == []
    listener.offer(Change(verification, 0))

    assert listener.taken() == [Change(verification, 0)]
    assert listener.taken() == []


async def test_a_cancelled_reader_loses_no_change() -> None:
    listener, verification = Listener(max_changes=3), a_verification()
    waiting = asyncio.create_task(listener.changes())
    await asyncio.sleep(0)

    listener.offer(Change(verification, 0))
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await listener.changes(GENEROUS_SECONDS) == [Change(verification, 0)]


async def test_a_reader_can_wait_again_after_a_timeout() -> None:
    listener, verification = Listener(max_changes=3), a_verification()

    assert await listener.changes(-1) == []
    waiting = asyncio.create_task(listener.changes(GENEROUS_SECONDS))
    await asyncio.sleep(0)
    listener.offer(Change(verification, 0))

    assert await waiting == [Change(verification, 0)]


async def test_a_follower_of_a_deleted_verification_gets_the_earlier_changes_and_then_an_error() -> None:
    listener, verification = Listener(max_changes=3), a_verification()

    listener.offer(Change(verification, 0))
    listener.lose(verification.id)
    listener.offer(Change(a_verification(), 0))

    assert await listener.changes(GENEROUS_SECONDS) == [Change(verification, 0)]
    for _ in range(2):
        with pytest.raises(NotFound, match=verification.id):
            await listener.changes(GENEROUS_SECONDS)


async def test_a_waiting_follower_of_a_deleted_verification_is_woken() -> None:
    listener = Listener(max_changes=3)
    waiting = asyncio.create_task(listener.changes(GENEROUS_SECONDS))
    await asyncio.sleep(0)

    listener.lose("ver_1")

    with pytest.raises(NotFound):
        await waiting


async def test_a_removal_takes_the_place_of_an_unread_change_and_wakes_the_reader() -> None:
    listener, removed, kept = Listener(max_changes=3), a_verification(), a_verification()
    waiting = asyncio.create_task(listener.changes(GENEROUS_SECONDS))
    await asyncio.sleep(0)

    listener.offer(Change(removed, 0))
    listener.offer(Change(kept, 0))
    listener.remove(removed.id)

    assert await waiting == [Change(kept, 0)]
    assert listener.removals() == [removed.id]
    assert listener.removals() == []


async def test_a_verification_that_was_removed_and_restored_is_a_removal_and_a_change() -> None:
    listener, verification = Listener(max_changes=3), a_verification()

    listener.remove(verification.id)
    listener.offer(Change(verification, 0))

    assert await listener.changes(GENEROUS_SECONDS) == [Change(verification, 0)]
    assert listener.removals() == [verification.id]


async def test_removals_count_towards_the_maximum() -> None:
    listener = Listener(max_changes=2)

    listener.offer(Change(a_verification(), 0))
    listener.remove("ver_1")
    listener.remove("ver_2")

    with pytest.raises(Lagged):
        await listener.changes(GENEROUS_SECONDS)


async def test_a_restored_version_replaces_an_unread_later_one_and_is_kept_until_it_is_read() -> None:
    listener = Listener(max_changes=10)
    first = a_verification()
    opened = first.progressed(Progress.LINK_OPENED, WINDOWS, later(minutes=1))
    failed = first.concluded(FAILED_RESULT, later(minutes=2))

    listener.offer(Change(opened, 1))
    listener.offer(Change(first, 0, restored=1))
    [restored] = listener.taken()
    listener.offer(Change(first, 0, restored=1))
    listener.offer(Change(failed, 1))
    [merged] = listener.taken()

    assert restored == Change(first, 0, restored=1)
    assert merged == Change(failed, 0, restored=1)


async def test_the_lowest_version_that_was_read_after_gaps_is_kept_until_it_is_read() -> None:
    listener = Listener(max_changes=10)
    first = a_verification()
    failed = first.concluded(FAILED_RESULT, later(minutes=2))

    listener.offer(Change(first, 0, found=1))
    listener.offer(Change(failed, 1, found=2))
    listener.offer(Change(failed, 1))

    assert listener.taken() == [Change(failed, 0, found=1)]


async def test_a_waiting_reader_of_a_workspace_ends_when_all_verifications_were_replaced() -> None:
    listener = Listener(max_changes=3)
    reading = asyncio.create_task(listener.changes())
    await asyncio.sleep(0)

    listener.replace()

    with pytest.raises(Lagged, match="all verifications were replaced"):
        await reading
