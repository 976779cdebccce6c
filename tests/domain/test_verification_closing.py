"""Tests that an integrator can close a pending verification, and what can still happen to it afterwards."""

from itertools import product

import pytest

from domain.errors import AlreadyFinal
from domain.event import Actor, ClosingNote, Event, EventType, Progress
from domain.result import Result
from domain.status import Phase, RecommendedAction, Status
from tests.factories import FINAL_RESULTS, NOON, VERIFIED_RESULT, a_final_verification, a_verification, a_verification_after, later, retried

OPENED = Progress.LINK_OPENED
NOTE = ClosingNote("Jeanne Moreau moved abroad")


@pytest.mark.parametrize(("progress", "note"), list(product([None, *Progress], [None, NOTE])))
def test_a_pending_verification_can_be_closed_in_any_phase(progress: Progress | None, note: ClosingNote | None) -> None:
    pending = a_verification_after(progress)

    closed = pending.closed_by_integrator(note, later(minutes=5))

    outcome = Event(
        pending.version + 1,
        EventType.STATUS_CHANGED,
        Actor.INTEGRATOR,
        later(minutes=5),
        Status.PENDING,
        Status.INCONCLUSIVE,
        closing_note=note,
    )
    assert closed.events == (*pending.events, outcome)
    assert (closed.status, closed.reasons, closed.completed_at, closed.phase) == (Status.INCONCLUSIVE, (), later(minutes=5), Phase.DONE)
    assert (closed.closed, closed.closing_note, closed.billable, closed.due) == (True, note, False, None)
    assert (closed.can_retry, closed.recommended_action) == (True, RecommendedAction.CREATE_RETRY)


def test_a_closed_verification_is_returned_unchanged_when_it_is_closed_again() -> None:
    closed = a_verification().closed_by_integrator(NOTE, NOON)
    before, retry = retried(closed)
    anonymized = before.anonymized(Actor.INTEGRATOR, NOON)

    for each in (closed, before, anonymized):
        assert each.closed_by_integrator(ClosingNote("another note"), later(days=400)) is each
    assert retry.closed_by_integrator(None, NOON).closed


@pytest.mark.parametrize("result", FINAL_RESULTS)
def test_a_verification_with_a_result_cannot_be_closed(result: Result) -> None:
    with pytest.raises(AlreadyFinal):
        a_final_verification(result).closed_by_integrator(NOTE, NOON)


def test_a_passed_deadline_takes_precedence_over_a_close() -> None:
    overdue = a_verification_after(OPENED)

    assert overdue.closed_by_integrator(NOTE, later(minutes=15)) == overdue.expired(later(minutes=15))
    assert overdue.closed_by_integrator(NOTE, later(minutes=15, milliseconds=-1)).closed
    with pytest.raises(AlreadyFinal):
        overdue.expired(later(minutes=15)).closed_by_integrator(NOTE, later(minutes=16))


@pytest.mark.parametrize("result", [*FINAL_RESULTS, Result(Status.INCONCLUSIVE)])
def test_a_result_after_the_close_is_ignored_but_decides_whether_the_provider_charges(result: Result) -> None:
    closed = a_verification().closed_by_integrator(NOTE, NOON)

    late = closed.concluded(result, later(minutes=5))
    second = late.concluded(Result.reported(Status.FAILED, ["OTHER"]), later(minutes=6))

    assert (late.status, late.reasons, late.completed_at, late.extracted) == (Status.INCONCLUSIVE, (), NOON, None)
    assert (late.events[-1].type, late.events[-1].to_status) == (EventType.RESULT_IGNORED, result.status)
    assert "Jeanne" not in (late.events[-1].note or "")
    assert (late.billable, second.billable) == (result.status.billable, result.status.billable)
    assert late.concluded(result, later(minutes=7)) is late


def test_an_ignored_result_of_another_verification_does_not_change_what_the_provider_charges() -> None:
    failed = a_final_verification(Result.reported(Status.INCONCLUSIVE, ["IDVV_1314"])).concluded(VERIFIED_RESULT, NOON)

    assert failed.billable is False


def test_anonymization_removes_the_closing_note_for_good() -> None:
    closed = a_verification().closed_by_integrator(NOTE, NOON)

    anonymized = closed.anonymized(Actor.INTEGRATOR, later(days=1))

    assert anonymized.closing_note is None
    assert anonymized.closed
    assert "Jeanne" not in repr(anonymized)
    assert [event.version for event in anonymized.events] == [1, 2, 3]
