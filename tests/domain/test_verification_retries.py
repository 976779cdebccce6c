"""Tests retries: new attempts after an inconclusive or failed attempt."""

from dataclasses import replace

import pytest

from domain.errors import InvalidInput, NotRetryable
from domain.event import Actor, Event, EventType, Progress
from domain.identity import DeclaredIdentity
from domain.request import Idempotency
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from tests.factories import (
    FAILED_RESULT,
    INCONCLUSIVE_RESULT,
    JEANNE,
    NOON,
    PASSPORT,
    VERIFIED_RESULT,
    a_final_verification,
    a_provider,
    a_verification,
    a_verification_after,
    an_anonymized_verification,
    later,
    retried,
)


@pytest.mark.parametrize("result", [INCONCLUSIVE_RESULT, FAILED_RESULT])
def test_a_retry_is_a_new_pending_verification_linked_to_the_one_before(result: Result) -> None:
    first = a_final_verification(result)

    before, retry = retried(first, later(hours=1))

    assert (retry.status, retry.version, retry.attempt) == (Status.PENDING, 1, 2)
    assert (retry.chain, retry.previous, retry.next) == (first.id, first.id, None)
    assert retry.created_at == later(hours=1)
    assert retry.expires_at == later(days=7, hours=1)
    assert retry.events == (Event(1, EventType.CREATED, Actor.INTEGRATOR, later(hours=1), to_status=Status.PENDING),)
    assert before.next == retry.id
    assert before.events == (*first.events, Event(3, EventType.RETRY_CREATED, Actor.INTEGRATOR, later(hours=1)))


def test_a_retry_does_not_change_the_outcome_of_the_attempt_before() -> None:
    first = a_final_verification(FAILED_RESULT)

    before, _ = retried(first, later(hours=1))

    assert (before.status, before.reasons, before.completed_at) == (first.status, first.reasons, first.completed_at)
    assert before.declared == first.declared
    assert not before.can_retry


def test_all_attempts_share_the_chain_of_the_first() -> None:
    first = a_final_verification()
    _, second = retried(first)
    _, third = retried(second.concluded(INCONCLUSIVE_RESULT, NOON))

    assert (third.attempt, third.chain, third.previous) == (3, first.id, second.id)


def test_a_retry_requests_the_same_verification_under_a_new_link() -> None:
    first = a_final_verification(reference="order-7", face_recognition=True, idempotency=Idempotency("key-1", "fingerprint"))

    _, retry = retried(first)

    assert (retry.workspace, retry.reference, retry.face_recognition) == ("acme", "order-7", True)
    assert (retry.declared, retry.redirection_url) == (first.declared, first.redirection_url)
    assert retry.provider == a_provider(retry.id)
    assert retry.idempotency is None


def test_a_retry_has_no_document_and_no_reasons() -> None:
    _, retry = retried(a_final_verification(replace(FAILED_RESULT, document=PASSPORT)))

    assert (retry.extracted, retry.reasons, retry.opened_at, retry.completed_at) == (None, (), None, None)


def test_a_retry_may_correct_the_names_and_the_redirection() -> None:
    _, one_name = retried(a_final_verification(), last_name="Moreau-Roux")
    _, everything = retried(a_final_verification(), first_name="Jean", last_name="Roux", redirection_url="https://shop.example/again")

    assert one_name.declared == replace(JEANNE, last_name="Moreau-Roux")
    assert everything.declared is not None
    assert everything.declared.open() == DeclaredIdentity("Jean", "Roux")
    assert everything.redirection_url == "https://shop.example/again"


@pytest.mark.parametrize("verification", [*map(a_verification_after, [None, *Progress]), a_final_verification(VERIFIED_RESULT)])
def test_only_an_inconclusive_or_failed_verification_can_be_retried(verification: Verification) -> None:
    assert not verification.can_retry
    with pytest.raises(NotRetryable):
        retried(verification)


def test_an_attempt_can_be_retried_only_once() -> None:
    before, _ = retried(a_final_verification())

    with pytest.raises(NotRetryable):
        retried(before)


def test_an_expired_verification_can_be_retried() -> None:
    expired = a_verification().expired(later(days=7))

    _, retry = retried(expired, later(days=7))

    assert retry.expires_at == later(days=14)


def test_a_late_result_does_not_change_an_attempt_that_was_retried() -> None:
    before, retry = retried(a_final_verification(INCONCLUSIVE_RESULT))

    late = before.concluded(VERIFIED_RESULT, NOON)

    assert late.status is Status.INCONCLUSIVE
    assert late.next == retry.id
    assert late.events[-1].type is EventType.RESULT_IGNORED


@pytest.mark.parametrize(("names", "field"), [({}, "firstName"), ({"last_name": "Moreau"}, "firstName"), ({"first_name": "Jeanne"}, "lastName")])
def test_a_retry_of_an_anonymized_verification_requires_both_names(names: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        retried(an_anonymized_verification(), NOON, **names)

    assert refusal.value.field == field


def test_a_retry_of_an_anonymized_verification_has_the_names_of_the_request() -> None:
    before, retry = retried(an_anonymized_verification(), first_name="Jeanne", last_name="Moreau")

    assert retry.declared == JEANNE
    assert before.declared is None
    assert before.anonymized_at == NOON


def test_a_retry_is_not_created_before_the_outcome_of_the_attempt_even_if_the_clock_went_back() -> None:
    first = a_verification().concluded(FAILED_RESULT, later(minutes=5))

    before, retry = retried(first, NOON)

    assert before.updated_at == retry.created_at == retry.updated_at == later(minutes=5)
    assert retry.expires_at == later(days=7, minutes=5)
