"""Tests how the steps of the individual change a pending verification."""

from dataclasses import replace
from itertools import product

import pytest

from domain.event import Actor, Event, EventType, Progress
from domain.result import Result
from domain.status import Phase
from tests.factories import (
    FAILED_RESULT,
    FINAL_RESULTS,
    NOON,
    WINDOWS,
    a_final_verification,
    a_verification,
    a_verification_after,
    later,
)

OPENED, STARTED, COMPLETED = Progress


def test_each_step_of_the_individual_is_an_event() -> None:
    verification = a_verification()

    verification = verification.progressed(OPENED, WINDOWS, later(minutes=1))
    verification = verification.progressed(STARTED, WINDOWS, later(minutes=2))
    verification = verification.progressed(COMPLETED, WINDOWS, later(minutes=3))

    assert verification.events[1:] == (
        Event(2, EventType.LINK_OPENED, Actor.INDIVIDUAL, later(minutes=1)),
        Event(3, EventType.CAPTURE_STARTED, Actor.INDIVIDUAL, later(minutes=2)),
        Event(4, EventType.CAPTURE_COMPLETED, Actor.INDIVIDUAL, later(minutes=3)),
    )
    assert verification.opened_at == later(minutes=1)
    assert verification.capture_started_at == later(minutes=2)
    assert verification.capture_completed_at == later(minutes=3)


def test_skipped_steps_are_recorded_at_the_same_instant_in_one_event() -> None:
    verification = a_verification_after(COMPLETED, later(minutes=3))

    assert [event.type for event in verification.events] == [EventType.CREATED, EventType.CAPTURE_COMPLETED]
    assert verification.opened_at == verification.capture_started_at == verification.capture_completed_at == later(minutes=3)


def test_a_skipped_step_does_not_move_the_steps_before_it() -> None:
    verification = a_verification_after(OPENED, later(minutes=1)).progressed(COMPLETED, WINDOWS, later(minutes=3))

    assert verification.opened_at == later(minutes=1)
    assert verification.capture_started_at == verification.capture_completed_at == later(minutes=3)


def test_a_capture_that_began_is_not_yet_complete() -> None:
    assert a_verification_after(STARTED).capture_completed_at is None
    assert a_verification_after(OPENED).capture_started_at is None


@pytest.mark.parametrize(
    ("reached", "late"),
    [(reached, late) for reached in Progress for late in Progress if [*Progress].index(late) <= [*Progress].index(reached)],
)
def test_progress_that_is_repeated_or_earlier_than_the_reached_step_changes_nothing(reached: Progress, late: Progress) -> None:
    verification = a_verification_after(reached)

    assert verification.progressed(late, WINDOWS, later(minutes=5)) is verification


@pytest.mark.parametrize(("result", "late"), list(product(FINAL_RESULTS, Progress)))
def test_progress_after_the_outcome_changes_nothing(result: Result, late: Progress) -> None:
    verification = a_final_verification(result)

    assert verification.progressed(late, WINDOWS, later(minutes=1)) is verification


def test_an_event_id_of_the_provider_is_applied_once_even_with_another_content() -> None:
    verification = a_verification().progressed(OPENED, WINDOWS, NOON, source_id="event-1")

    assert verification.events[-1].source_id == "event-1"
    assert verification.progressed(STARTED, WINDOWS, NOON, source_id="event-1") is verification
    assert verification.concluded(replace(FAILED_RESULT, source_id="event-1"), NOON).status is FAILED_RESULT.status
    assert verification.progressed(STARTED, WINDOWS, NOON, source_id="event-2").phase is Phase.CAPTURING


def test_events_without_an_event_id_are_all_different() -> None:
    assert a_verification_after(OPENED).progressed(STARTED, WINDOWS, NOON).phase is Phase.CAPTURING
