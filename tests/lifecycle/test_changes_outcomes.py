"""Tests that a verdict is not lost when it races with a deadline, a close, an anonymization or a retry. Two stores act as two processes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from domain.errors import AlreadyFinal, NotFound
from domain.event import Actor, ClosingNote, EventType, Progress
from domain.request import RetryRequest
from domain.status import Status
from domain.verification import Verification
from lifecycle.changes import Changes
from store.verifications import Store
from tests.clock import Clock
from tests.factories import FAILED_RESULT, NOON, PASSPORT, REQUEST, VERIFIED_RESULT, WINDOWS
from tests.storing import changes, storing

NOTE = ClosingNote("given up")
RACES = 15


@pytest.fixture
async def other_process(database_uri: str, clock: Clock) -> AsyncIterator[Changes]:
    """A second process on the same database."""
    async with storing(database_uri, clock) as store:
        yield changes(store)


async def opened(changes: Changes, clock: Clock) -> str:
    """Set the clock to noon, create a verification, and open its link. Returns its id."""
    clock.now = NOON
    created = await changes.create("acme", REQUEST)
    await changes.report_progress("acme", created.id, Progress.LINK_OPENED)
    return created.id


def history(verification: Verification) -> list[tuple[EventType, Actor, Status | None]]:
    """The type, the actor and the status of each event after the link was opened."""
    assert [event.version for event in verification.events] == [*range(1, verification.version + 1)]
    return [(event.type, event.actor, event.to_status) for event in verification.events[2:]]


async def test_a_verdict_that_races_with_the_deadline_is_the_status(store: Store, other_process: Changes, clock: Clock) -> None:
    here, orders = changes(store), set()
    for _ in range(RACES):
        id = await opened(here, clock)
        clock.now = NOON + WINDOWS.link

        await asyncio.gather(other_process.expire("acme", id), here.report_result("acme", id, VERIFIED_RESULT))

        found = await store.within("acme").require(id)
        assert (found.status, found.extracted, found.billable) == (Status.VERIFIED, PASSPORT, True)
        orders.add(tuple(history(found)))

    verdict = (EventType.STATUS_CHANGED, Actor.PROVIDER, Status.VERIFIED)
    assert orders <= {(verdict,), ((EventType.STATUS_CHANGED, Actor.SYSTEM, Status.INCONCLUSIVE), verdict)}


async def test_a_verdict_that_races_with_a_close_stands_or_is_ignored(store: Store, other_process: Changes, clock: Clock) -> None:
    here = changes(store)
    for _ in range(RACES):
        id = await opened(here, clock)

        closed, reported = await asyncio.gather(
            other_process.close("acme", id, NOTE), here.report_result("acme", id, VERIFIED_RESULT), return_exceptions=True
        )

        found = await store.within("acme").require(id)
        assert isinstance(reported, Verification)
        assert found.billable is True
        if isinstance(closed, AlreadyFinal):
            assert history(found) == [(EventType.STATUS_CHANGED, Actor.PROVIDER, Status.VERIFIED)]
        else:
            assert history(found) == [
                (EventType.STATUS_CHANGED, Actor.INTEGRATOR, Status.INCONCLUSIVE),
                (EventType.RESULT_IGNORED, Actor.PROVIDER, Status.VERIFIED),
            ]


async def test_a_verdict_that_races_with_an_anonymization_stores_no_document_after_it(store: Store, other_process: Changes, clock: Clock) -> None:
    here = changes(store)
    for _ in range(RACES):
        id = await opened(here, clock)
        clock.now = NOON + WINDOWS.link
        await here.expire("acme", id)

        await asyncio.gather(other_process.anonymize("acme", id), here.report_result("acme", id, VERIFIED_RESULT))

        found = await store.within("acme").require(id)
        assert (found.status, found.extracted, found.declared) == (Status.VERIFIED, None, None)
        assert sorted(type.name for type, _, _ in history(found)) == ["ANONYMIZED", "STATUS_CHANGED", "STATUS_CHANGED"]


async def test_a_late_verdict_after_a_retry_belongs_to_its_own_attempt(store: Store, clock: Clock) -> None:
    here = changes(store)
    id = await opened(here, clock)
    clock.now = NOON + WINDOWS.link
    retry = await here.retry("acme", id, RetryRequest())
    clock.now = NOON + timedelta(days=30)

    late = await here.report_result("acme", id, VERIFIED_RESULT)

    successor = await store.within("acme").require(retry.id)
    assert (late.status, late.completed_at, late.next) == (Status.VERIFIED, clock.now, retry.id)
    assert (successor.status, successor.version) == (Status.PENDING, 1)


async def test_a_close_is_stored_encrypted_and_repeating_it_changes_nothing(store: Store, clock: Clock) -> None:
    here = changes(store)
    id = await opened(here, clock)

    closed = await here.close("acme", id, NOTE)
    again = await here.close("acme", id, ClosingNote("another note"))

    document = await store.collection.find_one({"_id": id})
    found = await store.within("acme").require(id)
    assert closed == again == found
    assert found.closing_note == NOTE
    assert document
    assert document["closingNote"].keys() == {"key", "nonce", "data"}
    assert "given up" not in repr(document)


async def test_a_close_is_refused_after_a_deadline_or_a_result_and_in_another_workspace(store: Store, clock: Clock) -> None:
    here = changes(store)
    overdue, failed = await opened(here, clock), await opened(here, clock)
    await here.report_result("acme", failed, FAILED_RESULT)
    clock.now = NOON + WINDOWS.link

    for id in (overdue, failed):
        with pytest.raises(AlreadyFinal):
            await here.close("acme", id, NOTE)
    with pytest.raises(NotFound):
        await here.close("other", failed, NOTE)

    assert history(await store.within("acme").require(overdue)) == [(EventType.STATUS_CHANGED, Actor.SYSTEM, Status.INCONCLUSIVE)]
