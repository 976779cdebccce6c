"""Tests the deadlines of links and verifications, and what happens when they pass."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest

from domain.deadlines import Windows
from domain.event import Actor, Event, EventType, Progress
from domain.result import Result
from domain.status import Phase, Status
from tests.factories import (
    FAILED_RESULT,
    FINAL_RESULTS,
    NOON,
    PASSPORT,
    VERIFIED_RESULT,
    WINDOWS,
    a_verification,
    a_verification_after,
    later,
    retried,
)

OPENED, STARTED, COMPLETED = Progress
REFUSED = Result.reported(Status.INCONCLUSIVE, ["IDVV_3001"])
UNKNOWN_RESULT = Result.reported(Status.FAILED, ["IDVV_9999"])


@pytest.mark.parametrize(
    ("progress", "due"),
    [(None, later(days=7)), (OPENED, later(minutes=15)), (STARTED, later(days=7)), (COMPLETED, None)],
)
def test_each_phase_has_its_own_deadline(progress: Progress | None, due: datetime | None) -> None:
    assert a_verification_after(progress).due == due


@pytest.mark.parametrize("result", FINAL_RESULTS)
def test_a_final_verification_has_no_deadline(result: Result) -> None:
    verification = a_verification_after(OPENED).concluded(result, NOON)

    assert verification.due is None
    assert verification.expired(later(days=8)) is verification


@pytest.mark.parametrize(
    ("progress", "deadline", "reasons"),
    [
        (None, later(days=7), ("IDVV_1101", "IDVV_1199")),
        (OPENED, later(minutes=15), ("IDVV_1121",)),
        (STARTED, later(days=7), ("IDVV_1199",)),
    ],
)
def test_a_verification_becomes_inconclusive_at_the_instant_of_its_deadline(
    progress: Progress | None, deadline: datetime, reasons: tuple[str, ...]
) -> None:
    verification = a_verification_after(progress)

    expired = verification.expired(deadline)

    assert (expired.status, expired.reasons, expired.completed_at) == (Status.INCONCLUSIVE, reasons, deadline)
    assert expired.events[-1] == Event(
        verification.version + 1, EventType.STATUS_CHANGED, Actor.SYSTEM, deadline, Status.PENDING, Status.INCONCLUSIVE, reasons
    )


@pytest.mark.parametrize("before", [timedelta(milliseconds=1), timedelta(microseconds=1), timedelta(days=30)])
@pytest.mark.parametrize(("progress", "deadline"), [(None, later(days=7)), (OPENED, later(minutes=15)), (STARTED, later(days=7))])
def test_nothing_changes_before_the_deadline(progress: Progress | None, deadline: datetime, before: timedelta) -> None:
    verification = a_verification_after(progress)

    assert not verification.overdue(deadline - before)
    assert verification.expired(deadline - before) is verification


def test_the_link_is_valid_for_fifteen_minutes_after_it_was_opened() -> None:
    verification = a_verification_after(OPENED, later(days=1))

    assert verification.link_expires_at == verification.due == later(days=1, minutes=15)


def test_a_link_that_would_outlive_its_verification_expires_with_it() -> None:
    verification = a_verification_after(OPENED, later(days=7, minutes=-5))

    assert verification.link_expires_at == later(days=7, minutes=10)
    assert verification.due == later(days=7)
    assert verification.expired(later(days=7)).reasons == ("IDVV_1199",)


def test_a_link_that_expires_just_before_its_verification_has_its_own_reason() -> None:
    verification = a_verification_after(OPENED, later(days=7, minutes=-15, milliseconds=-1))

    assert verification.expired(later(days=7)).reasons == ("IDVV_1121",)


def test_a_deadline_that_is_applied_late_keeps_its_reason_and_records_the_time_of_the_write() -> None:
    expired = a_verification_after(OPENED).expired(later(days=30))

    assert expired.reasons == ("IDVV_1121",)
    assert expired.completed_at == expired.updated_at == later(days=30)


def test_a_complete_capture_never_expires() -> None:
    verification = a_verification_after(COMPLETED)

    assert verification.expired(later(days=365)) is verification


@pytest.mark.parametrize("progress", [None, STARTED, COMPLETED])
def test_the_links_deadline_is_shown_only_while_the_individual_is_in_session(progress: Progress | None) -> None:
    assert a_verification_after(progress).link_expires_at is None
    assert a_verification_after(OPENED).concluded(FAILED_RESULT, NOON).link_expires_at is None


def test_opening_the_link_again_does_not_move_the_deadline() -> None:
    verification = a_verification_after(OPENED)

    assert verification.progressed(OPENED, WINDOWS, later(minutes=10)) is verification


def test_a_change_of_the_windows_does_not_move_existing_deadlines() -> None:
    shorter = Windows(link=timedelta(seconds=1), verification=timedelta(seconds=1))
    verification = a_verification_after(OPENED)

    started = verification.progressed(STARTED, shorter, later(minutes=10))

    assert started.expires_at == later(days=7)
    assert started.link_deadline == later(minutes=15)
    assert started.due == later(days=7)


def test_a_deadline_is_computed_from_the_windows_in_force_when_it_begins() -> None:
    windows = Windows(link=timedelta(minutes=1), verification=timedelta(hours=1))

    verification = a_verification(windows=windows)
    in_session = verification.progressed(OPENED, Windows(link=timedelta(minutes=2)), NOON)

    assert verification.due == in_session.expires_at == later(hours=1)
    assert in_session.due == later(minutes=2)


def test_the_default_windows_are_fifteen_minutes_and_seven_days() -> None:
    assert Windows() == WINDOWS


@pytest.mark.parametrize("late", Progress)
@pytest.mark.parametrize(("progress", "deadline"), [(None, later(days=7)), (OPENED, later(minutes=15)), (STARTED, later(days=7))])
def test_a_passed_deadline_wins_over_progress(progress: Progress | None, deadline: datetime, late: Progress) -> None:
    verification = a_verification_after(progress)

    assert verification.progressed(late, WINDOWS, deadline) == verification.expired(deadline)


def test_progress_in_the_last_millisecond_is_in_time() -> None:
    assert a_verification_after(OPENED).progressed(STARTED, WINDOWS, later(minutes=15, milliseconds=-1)).phase is Phase.CAPTURING


@pytest.mark.parametrize(("result", "progress"), list(product(FINAL_RESULTS, [None, OPENED, STARTED])))
def test_a_result_wins_over_a_deadline_that_has_passed_but_was_not_applied(result: Result, progress: Progress | None) -> None:
    overdue = a_verification_after(progress)

    concluded = overdue.concluded(result, later(days=8))

    assert (concluded.status, concluded.reasons) == (result.status, result.reasons)
    assert concluded.events[-1].actor is Actor.PROVIDER


@pytest.mark.parametrize("result", [*FINAL_RESULTS, Result.reported(Status.INCONCLUSIVE, ["IDVV_1121"]), REFUSED])
def test_the_first_result_replaces_an_outcome_of_the_system_however_late_it_is(result: Result) -> None:
    expired = a_verification_after(OPENED).expired(later(minutes=15))

    late = expired.concluded(result, later(days=400))

    assert (late.status, late.reasons, late.extracted) == (result.status, result.reasons, result.document)
    assert (late.completed_at, late.billable) == (later(days=400), result.status.billable)
    assert late.events == (
        *expired.events,
        Event(4, EventType.STATUS_CHANGED, result.actor, later(days=400), Status.INCONCLUSIVE, result.status, result.reasons),
    )


@pytest.mark.parametrize("second", [*FINAL_RESULTS, REFUSED])
def test_only_the_first_result_replaces_an_outcome_of_the_system(second: Result) -> None:
    first = a_verification_after(OPENED).expired(later(minutes=15)).concluded(UNKNOWN_RESULT, later(minutes=16))

    late = first.concluded(second, later(minutes=17))

    assert (late.status, late.reasons, late.completed_at) == (UNKNOWN_RESULT.status, UNKNOWN_RESULT.reasons, later(minutes=16))
    assert late.events[-1].type is EventType.RESULT_IGNORED


def test_a_late_result_belongs_to_its_own_attempt_and_the_retry_stands() -> None:
    before, retry = retried(a_verification_after(OPENED).expired(later(minutes=15)), later(hours=1))

    late = before.concluded(VERIFIED_RESULT, later(hours=2))

    assert (late.status, late.extracted, late.next) == (Status.VERIFIED, PASSPORT, retry.id)
    assert not late.can_retry


def test_a_result_that_an_older_release_ignored_counts_when_it_is_reported_again() -> None:
    expired = a_verification_after(OPENED).expired(later(minutes=15))
    ignored = Event(4, EventType.RESULT_IGNORED, Actor.PROVIDER, later(hours=1), Status.INCONCLUSIVE, Status.VERIFIED, source_id="event-1")
    old = replace(expired, version=4, updated_at=later(hours=1), events=(*expired.events, ignored))

    other = old.concluded(FAILED_RESULT, later(hours=2))
    again = other.concluded(replace(VERIFIED_RESULT, source_id="event-1"), later(hours=3))

    assert (other.status, other.events[-1].type) == (Status.INCONCLUSIVE, EventType.RESULT_IGNORED)
    assert (again.status, again.extracted, again.completed_at) == (Status.VERIFIED, PASSPORT, later(hours=3))
    assert again.events[-1].source_id is None
    assert again.concluded(FAILED_RESULT, later(hours=4)) is again
