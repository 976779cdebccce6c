"""Tests which data of a verification anonymization removes, and which it keeps."""

from dataclasses import replace

import pytest

from domain.errors import NotFinal
from domain.event import Actor, Event, EventType, Progress
from domain.request import Idempotency
from domain.result import Result
from tests.factories import (
    FAILED_RESULT,
    FINAL_RESULTS,
    JEANNE,
    NOON,
    PASSPORT,
    VERIFIED_RESULT,
    a_final_verification,
    a_verification_after,
    an_anonymized_verification,
    later,
    retried,
)


@pytest.mark.parametrize("result", FINAL_RESULTS)
def test_anonymization_removes_personal_data_and_keeps_the_history(result: Result) -> None:
    verification = a_final_verification(replace(result, document=PASSPORT), idempotency=Idempotency("key-1", "fingerprint"))

    anonymized = verification.anonymized(Actor.INTEGRATOR, later(days=1))

    assert (anonymized.declared, anonymized.extracted, anonymized.provider.url) == (None, None, None)
    assert anonymized.idempotency == Idempotency("key-1", None)
    assert (anonymized.status, anonymized.reasons, anonymized.completed_at) == (result.status, result.reasons, NOON)
    assert (anonymized.provider.name, anonymized.provider.id) == (verification.provider.name, verification.provider.id)
    assert (anonymized.reference, anonymized.redirection_url) == (verification.reference, verification.redirection_url)
    assert anonymized.anonymized_at == later(days=1)
    assert anonymized.events == (*verification.events, Event(3, EventType.ANONYMIZED, Actor.INTEGRATOR, later(days=1)))


@pytest.mark.parametrize("actor", [Actor.INTEGRATOR, Actor.SYSTEM])
def test_the_event_of_an_anonymization_names_its_actor(actor: Actor) -> None:
    assert a_final_verification().anonymized(actor, NOON).events[-1].actor is actor


def test_anonymizing_again_changes_nothing() -> None:
    anonymized = an_anonymized_verification()

    assert anonymized.anonymized(Actor.SYSTEM, later(days=1)) is anonymized


@pytest.mark.parametrize("progress", [None, *Progress])
def test_a_pending_verification_cannot_be_anonymized(progress: Progress | None) -> None:
    with pytest.raises(NotFinal):
        a_verification_after(progress).anonymized(Actor.INTEGRATOR, later(days=1))


def test_a_result_after_the_anonymization_stores_no_document() -> None:
    anonymized = an_anonymized_verification(FAILED_RESULT)

    late = anonymized.concluded(VERIFIED_RESULT, NOON)
    same = anonymized.concluded(replace(FAILED_RESULT, document=PASSPORT), NOON)

    assert late.extracted is None
    assert late.events[-1].type is EventType.RESULT_IGNORED
    assert same is anonymized


def test_anonymizing_an_attempt_does_not_change_its_retry() -> None:
    before, retry = retried(a_final_verification())

    anonymized = before.anonymized(Actor.INTEGRATOR, NOON)

    assert anonymized.next == retry.id
    assert retry.declared == JEANNE
