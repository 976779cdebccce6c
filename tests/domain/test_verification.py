"""Tests a new verification, and the attributes that are computed from the state of a verification."""

from itertools import product

import pytest

from domain.event import Actor, Event, EventType, Progress
from domain.request import Idempotency
from domain.result import Result
from domain.status import Phase, RecommendedAction, Status
from tests.factories import (
    FAILED_RESULT,
    FINAL_RESULTS,
    INCONCLUSIVE_RESULT,
    JEANNE,
    NOON,
    VERIFIED_RESULT,
    WINDOWS,
    a_final_verification,
    a_provider,
    a_verification,
    a_verification_after,
    later,
)

OPENED, STARTED, COMPLETED = Progress


def test_a_verification_starts_pending_with_one_event() -> None:
    verification = a_verification(at=NOON)

    assert verification.status is Status.PENDING
    assert verification.version == 1
    assert verification.events == (Event(1, EventType.CREATED, Actor.INTEGRATOR, NOON, to_status=Status.PENDING),)
    assert verification.created_at == verification.updated_at == NOON


def test_a_verification_keeps_the_values_of_its_request() -> None:
    key = Idempotency("key-1", "fingerprint")

    verification = a_verification(id="ver_1", reference="order-7", face_recognition=True, idempotency=key)

    assert (verification.id, verification.workspace, verification.provider) == ("ver_1", "acme", a_provider("ver_1"))
    assert (verification.declared, verification.redirection_url) == (JEANNE, "https://shop.example/welcome")
    assert (verification.reference, verification.face_recognition, verification.idempotency) == ("order-7", True, key)


def test_a_first_attempt_begins_its_own_chain() -> None:
    verification = a_verification(id="ver_1")

    assert (verification.chain, verification.attempt, verification.previous, verification.next) == ("ver_1", 1, None, None)


def test_instants_are_whole_milliseconds() -> None:
    verification = a_verification(at=later(microseconds=1_999))
    verification = verification.progressed(COMPLETED, WINDOWS, later(microseconds=2_999))
    verification = verification.concluded(FAILED_RESULT, later(microseconds=3_999))

    verification = verification.anonymized(Actor.INTEGRATOR, later(microseconds=4_999))

    assert verification.created_at == later(milliseconds=1)
    assert verification.expires_at == later(days=7, milliseconds=1)
    assert verification.opened_at == verification.capture_started_at == verification.capture_completed_at == later(milliseconds=2)
    assert verification.link_deadline == later(minutes=15, milliseconds=2)
    assert verification.completed_at == later(milliseconds=3)
    assert verification.anonymized_at == verification.updated_at == later(milliseconds=4)
    assert [event.at for event in verification.events] == [later(milliseconds=count) for count in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("progress", "phase", "action"),
    [
        (None, Phase.AWAITING_INDIVIDUAL, RecommendedAction.SHARE_VERIFICATION_URL),
        (OPENED, Phase.IN_SESSION, RecommendedAction.WAIT),
        (STARTED, Phase.CAPTURING, RecommendedAction.WAIT),
        (COMPLETED, Phase.PROCESSING, RecommendedAction.WAIT),
    ],
)
def test_a_pending_verification_has_a_phase_and_a_recommended_action(progress: Progress | None, phase: Phase, action: RecommendedAction) -> None:
    verification = a_verification_after(progress)

    assert (verification.phase, verification.recommended_action, verification.billable) == (phase, action, None)


@pytest.mark.parametrize(
    ("result", "action", "billable", "can_retry"),
    [
        (VERIFIED_RESULT, RecommendedAction.ACCEPT_REQUEST, True, False),
        (FAILED_RESULT, RecommendedAction.REJECT_REQUEST, True, True),
        (INCONCLUSIVE_RESULT, RecommendedAction.CREATE_RETRY, False, True),
    ],
)
def test_a_final_verification_has_a_recommended_action_and_is_billable_or_not(
    result: Result, action: RecommendedAction, billable: bool, can_retry: bool
) -> None:
    verification = a_final_verification(result)

    assert verification.phase is Phase.DONE
    assert (verification.recommended_action, verification.billable, verification.can_retry) == (action, billable, can_retry)


@pytest.mark.parametrize(("progress", "result"), list(product([None, *Progress], FINAL_RESULTS)))
def test_a_final_verification_has_no_link(progress: Progress | None, result: Result) -> None:
    pending = a_verification_after(progress)

    assert pending.verification_url == pending.provider.url is not None
    assert pending.concluded(result, NOON).verification_url is None


@pytest.mark.parametrize(("after", "versions"), [(0, [1, 2, 3]), (1, [2, 3]), (3, []), (9, []), (-1, [1, 2, 3])])
def test_events_after_a_version_have_greater_versions(after: int, versions: list[int]) -> None:
    verification = a_verification_after(OPENED).concluded(FAILED_RESULT, NOON)

    assert [event.version for event in verification.events_after(after)] == versions


@pytest.mark.parametrize("progress", Progress)
def test_progress_is_not_recorded_before_the_last_event_even_if_the_clock_went_back(progress: Progress) -> None:
    verification = a_verification(at=NOON).progressed(progress, WINDOWS, later(minutes=-5))

    assert verification.updated_at == verification.opened_at == verification.events[-1].at == NOON
    assert verification.link_deadline == later(minutes=15)


def test_an_outcome_is_not_recorded_before_the_last_event_even_if_the_clock_went_back() -> None:
    verification = a_verification_after(OPENED, later(minutes=5))

    verification = verification.concluded(FAILED_RESULT, NOON)
    verification = verification.concluded(VERIFIED_RESULT, NOON)
    verification = verification.anonymized(Actor.INTEGRATOR, NOON)

    assert verification.completed_at == verification.anonymized_at == later(minutes=5)
    assert [event.at for event in verification.events[1:]] == [later(minutes=5)] * 4
