"""Tests that the first result of a verification makes its status final, and that later results do not change the status."""

from dataclasses import replace
from itertools import product

import pytest

from domain.event import Actor, Event, EventType, Progress
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from tests.factories import (
    FAILED_RESULT,
    FINAL_RESULTS,
    INCONCLUSIVE_RESULT,
    NOON,
    PASSPORT,
    VERIFIED_RESULT,
    a_final_verification,
    a_verification_after,
    later,
)
from tests.histories import noted

OPENED, STARTED, COMPLETED = Progress
UNKNOWN_RESULT = Result.reported(Status.FAILED, ["IDVV_9999"])


def other_results(count: int) -> list[Result]:
    return [Result.reported(Status.FAILED, [f"OTHER_{number}"]) for number in range(count)]


def ignored(verification: Verification) -> list[Event]:
    return [event for event in verification.events if event.type is EventType.RESULT_IGNORED]


@pytest.mark.parametrize(("result", "progress"), list(product([*FINAL_RESULTS, UNKNOWN_RESULT], [None, *Progress])))
def test_a_result_ends_a_verification_in_any_phase(result: Result, progress: Progress | None) -> None:
    pending = a_verification_after(progress)

    concluded = pending.concluded(replace(result, source_id="event-9"), later(minutes=1))

    assert (concluded.status, concluded.reasons, concluded.extracted) == (result.status, result.reasons, result.document)
    assert concluded.completed_at == concluded.updated_at == later(minutes=1)
    assert concluded.events == (
        *pending.events,
        Event(
            pending.version + 1,
            EventType.STATUS_CHANGED,
            Actor.PROVIDER,
            later(minutes=1),
            Status.PENDING,
            result.status,
            result.reasons,
            source_id="event-9",
        ),
    )


def test_the_individual_is_the_actor_of_an_outcome_that_they_chose() -> None:
    refused = a_verification_after(OPENED).concluded(Result.reported(Status.INCONCLUSIVE, ["IDVV_3001"]), NOON)

    assert refused.events[-1].actor is Actor.INDIVIDUAL


@pytest.mark.parametrize("result", FINAL_RESULTS)
def test_the_same_result_again_changes_nothing(result: Result) -> None:
    verification = a_final_verification(result)

    assert verification.concluded(result, later(days=1)) is verification
    assert verification.concluded(replace(result, source_id="event-2"), later(days=1)) is verification


def test_the_same_codes_in_another_order_are_the_same_result() -> None:
    verification = a_final_verification(Result.reported(Status.FAILED, ["IDVV_1301", "IDVV_2101"]))

    assert verification.concluded(Result.reported(Status.FAILED, ["IDVV_2101", "IDVV_1301"]), NOON) is verification
    assert verification.reasons == ("IDVV_1301", "IDVV_2101")


def test_the_same_result_with_another_document_changes_nothing() -> None:
    verification = a_final_verification(VERIFIED_RESULT)

    assert verification.concluded(Result.reported(Status.VERIFIED, []), NOON) is verification
    assert verification.extracted == PASSPORT


@pytest.mark.parametrize(("first", "second"), [(first, second) for first in FINAL_RESULTS for second in FINAL_RESULTS if first != second])
def test_a_final_verification_cannot_become_anything_else(first: Result, second: Result) -> None:
    verification = a_final_verification(first)

    late = verification.concluded(replace(second, source_id="event-2"), later(minutes=1))

    assert (late.status, late.reasons, late.completed_at) == (first.status, first.reasons, NOON)
    assert late.extracted == first.document
    assert late.events[:-1] == verification.events
    assert replace(late.events[-1], note=None) == Event(
        3, EventType.RESULT_IGNORED, Actor.PROVIDER, later(minutes=1), first.status, second.status, second.reasons, source_id="event-2"
    )
    assert late.events[-1].note == f"reported after the verification was already {first.status.value}"


@pytest.mark.parametrize("codes", [["IDVV_1301"], ["IDVV_1301", "IDVV_2101", "IDVV_2102"], ["IDVV_1302", "IDVV_2101"]])
def test_other_codes_for_the_same_status_are_another_result(codes: list[str]) -> None:
    late = a_final_verification(FAILED_RESULT).concluded(Result.reported(Status.FAILED, codes), NOON)

    assert late.reasons == FAILED_RESULT.reasons
    assert [event.reasons for event in ignored(late)] == [tuple(codes)]


def test_a_result_that_was_ignored_once_is_not_kept_again() -> None:
    late = a_final_verification(VERIFIED_RESULT).concluded(FAILED_RESULT, NOON)
    reordered = Result.reported(Status.FAILED, [*reversed(FAILED_RESULT.reasons)], PASSPORT, "event-3")

    assert late.concluded(FAILED_RESULT, later(minutes=1)) is late
    assert late.concluded(reordered, later(minutes=1)) is late


def test_repeating_the_first_result_after_an_ignored_one_changes_nothing() -> None:
    late = a_final_verification(VERIFIED_RESULT).concluded(FAILED_RESULT, NOON)

    assert late.concluded(VERIFIED_RESULT, later(minutes=1)) is late


def test_at_most_twenty_ignored_results_are_kept() -> None:
    verification = a_final_verification(VERIFIED_RESULT)
    for result in other_results(25):
        verification = verification.concluded(result, NOON)

    assert [event.reasons for event in ignored(verification)] == [result.reasons for result in other_results(20)]
    assert verification.version == 22


def test_a_repeated_event_id_of_an_ignored_result_is_recorded_once() -> None:
    verification = a_final_verification(VERIFIED_RESULT).concluded(replace(FAILED_RESULT, source_id="event-2"), NOON)

    assert verification.concluded(replace(INCONCLUSIVE_RESULT, source_id="event-2"), NOON) is verification
    assert len(ignored(verification.concluded(replace(INCONCLUSIVE_RESULT, source_id="event-3"), NOON))) == 2


def test_only_an_outcome_of_the_system_without_a_verdict_awaits_one() -> None:
    pending = a_verification_after(OPENED)
    expired = pending.expired(later(minutes=15))
    # An older release recorded a verdict as an ignored result if the system had already decided the outcome.
    overtaken = noted(expired, "late")
    others = (pending, pending.closed_by_integrator(None, later(minutes=1)), expired.concluded(VERIFIED_RESULT, later(minutes=16)), overtaken)

    assert expired.awaits_verdict
    assert [each.awaits_verdict for each in others] == [False] * 4
    assert [each.awaits_verdict for each in map(a_final_verification, FINAL_RESULTS)] == [False] * 3
