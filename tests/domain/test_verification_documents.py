"""Tests that an identity document which arrives after its result is stored once, and that no other later document is stored."""

from dataclasses import replace

import pytest

from domain.event import Actor, ClosingNote, Event, EventType
from domain.identity import ExtractedDocument
from domain.result import Result
from domain.status import Status
from tests.factories import (
    FAILED_RESULT,
    FINAL_RESULTS,
    INCONCLUSIVE_RESULT,
    PASSPORT,
    VERIFIED_RESULT,
    a_final_verification,
    a_verification,
    an_anonymized_verification,
    later,
)

OTHER_DOCUMENT = ExtractedDocument("Somebody Else")
BUTTON = Result.reported(Status.INCONCLUSIVE, ["IDVV_3001"])


@pytest.mark.parametrize("result", [*FINAL_RESULTS, BUTTON])
def test_a_document_that_arrives_after_its_result_is_stored_once(result: Result) -> None:
    verification = a_final_verification(replace(result, document=None, source_id="event-1"))
    repeated = replace(result, document=PASSPORT, source_id="event-2")

    completed = verification.concluded(repeated, later(minutes=5))

    assert completed.extracted == PASSPORT
    assert completed.events == (*verification.events, Event(3, EventType.DOCUMENT_ADDED, Actor.PROVIDER, later(minutes=5), source_id="event-2"))
    assert (completed.status, completed.reasons, completed.completed_at) == (verification.status, verification.reasons, verification.completed_at)
    assert completed.concluded(replace(repeated, document=OTHER_DOCUMENT, source_id="event-3"), later(minutes=6)) is completed


def test_a_delivery_that_was_recorded_without_its_document_can_still_bring_it() -> None:
    verification = a_final_verification(replace(FAILED_RESULT, source_id="event-1"))

    completed = verification.concluded(replace(FAILED_RESULT, document=PASSPORT, source_id="event-1"), later(minutes=5))

    assert completed.extracted == PASSPORT
    assert [event.source_id for event in completed.events] == [None, "event-1", None]
    assert completed.concluded(replace(FAILED_RESULT, document=PASSPORT, source_id="event-1"), later(minutes=6)) is completed


def test_a_repeated_event_id_of_a_late_document_changes_nothing() -> None:
    verification = a_final_verification(FAILED_RESULT)
    completed = verification.concluded(replace(FAILED_RESULT, document=PASSPORT, source_id="event-2"), later(minutes=5))

    assert completed.concluded(replace(INCONCLUSIVE_RESULT, source_id="event-2"), later(minutes=6)) is completed


def test_a_document_of_a_result_that_does_not_stand_is_not_stored() -> None:
    ignored = a_final_verification(FAILED_RESULT).concluded(VERIFIED_RESULT, later(minutes=1))

    again = ignored.concluded(VERIFIED_RESULT, later(minutes=2))

    assert (ignored.extracted, again.extracted) == (None, None)
    assert again is ignored


def test_a_closed_verification_takes_no_document() -> None:
    closed = a_verification().closed_by_integrator(ClosingNote("given up"), later(minutes=1))

    late = closed.concluded(Result(Status.INCONCLUSIVE, (), PASSPORT), later(minutes=2))

    assert late.extracted is None
    assert late.events[-1].type is EventType.RESULT_IGNORED


def test_an_anonymized_verification_takes_no_document_but_a_late_result() -> None:
    expired = a_verification().expired(later(days=7)).anonymized(Actor.INTEGRATOR, later(days=8))

    late = expired.concluded(VERIFIED_RESULT, later(days=9))

    assert (late.status, late.extracted, late.completed_at, late.anonymized_at) == (Status.VERIFIED, None, later(days=9), later(days=8))
    assert late.concluded(VERIFIED_RESULT, later(days=10)) is late
    # The note of the result says that one field of the document was left out. The note is not recorded, because the whole document is dropped.
    noted = expired.concluded(replace(VERIFIED_RESULT, note="extractedDocument.bornOn was not usable and was left out"), later(days=9))
    assert noted.events[-1].note is None
    assert an_anonymized_verification(FAILED_RESULT).concluded(replace(FAILED_RESULT, document=PASSPORT), later(days=1)).extracted is None
