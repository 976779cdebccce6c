"""Tests of encoding verifications as MongoDB documents, and decoding them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadValue
from domain.event import EventType, Progress
from domain.identity import DocumentType, ExtractedDocument
from domain.request import Idempotency, RetryRequest
from domain.requirements import Requirements
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from store.documents import UNSTAMPED, instant_at, milliseconds
from store.driver import UTC_INSTANTS
from tests.factories import VERIFIED_RESULT, WINDOWS, a_final_verification, a_verification, an_anonymized_verification, later
from tests.histories import chains, over_histories
from tests.storing import decode, encode

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def values(document: Any) -> Iterator[Any]:
    """All values inside a document, at any depth, and the document itself."""
    yield document
    for value in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from values(value)


@over_histories
@given(chains())
def test_any_verification_is_the_same_after_storing_it(attempts: list[Verification]) -> None:
    for verification in attempts:
        stored = bson.decode(bson.encode(encode(verification)), UTC_INSTANTS)

        assert decode(stored) == verification


@over_histories
@given(chains())
def test_missing_values_are_left_out_and_never_null(attempts: list[Verification]) -> None:
    for verification in attempts:
        assert None not in [value for value in values(encode(verification)) if not isinstance(value, dict | list)]


@over_histories
@given(chains())
def test_events_are_numbered_by_versions(attempts: list[Verification]) -> None:
    for verification in attempts:
        document = encode(verification)

        assert [event["version"] for event in document["events"]] == [*range(1, document["version"] + 1)]


def test_a_verification_is_stored_with_exactly_these_fields() -> None:
    verification = a_verification(id="ver_1", idempotency=Idempotency("key-1", "fingerprint"), reference="order-1")

    document = encode(verification)

    assert document == {
        "_id": "ver_1",
        "schema": 2,
        "workspace": "acme",
        "chain": "ver_1",
        "attempt": 1,
        "version": 1,
        "status": "pending",
        "reasons": [],
        "reference": "order-1",
        "idempotency": {"key": "key-1", "fingerprint": "fingerprint"},
        "provider": {"name": "sandbox", "id": "sandbox-ver_1", "url": "https://provider.example/ver_1"},
        "declared": document["declared"],
        "redirectionUrl": "https://shop.example/welcome",
        "faceRecognition": False,
        "createdAt": later(),
        "updatedAt": later(),
        "storedAt": UNSTAMPED,
        "expiresAt": later(days=7),
        "due": later(days=7),
        "events": [{"version": 1, "type": "created", "actor": "integrator", "at": later(), "to": "pending"}],
    }


def test_due_is_stored_only_while_a_deadline_is_running() -> None:
    pending, opened = a_verification(), a_verification().progressed(Progress.LINK_OPENED, WINDOWS, later(minutes=1))
    completed = opened.progressed(Progress.CAPTURE_COMPLETED, WINDOWS, later(minutes=2))

    assert encode(pending)["due"] == later(days=7)
    assert encode(opened)["due"] == later(minutes=16)
    assert "due" not in encode(completed)
    assert "due" not in encode(a_final_verification())


def test_an_outcome_is_stored_as_an_event_with_its_reasons() -> None:
    document = encode(a_verification().concluded(Result.reported(Status.FAILED, ["IDVV_2101"], source_id="event-1"), later(minutes=1)))

    assert document["events"][1] == {
        "version": 2,
        "type": EventType.STATUS_CHANGED.value,
        "actor": "provider",
        "at": later(minutes=1),
        "from": "pending",
        "to": "failed",
        "reasons": ["IDVV_2101"],
        "sourceId": "event-1",
    }


def test_an_empty_extracted_document_differs_from_none() -> None:
    verification = a_final_verification(Result.reported(Status.VERIFIED, [], ExtractedDocument()))

    assert decode(encode(verification)).extracted == ExtractedDocument()
    assert decode(encode(a_final_verification(Result.reported(Status.VERIFIED, [])))).extracted is None


def test_an_anonymized_document_contains_no_personal_data() -> None:
    document = encode(an_anonymized_verification(VERIFIED_RESULT, idempotency=Idempotency("key-1", "fingerprint")))

    assert document.keys().isdisjoint({"declared", "extracted"})
    assert not any(isinstance(value, bytes) or "Jeanne" in str(value) or "Moreau" in str(value) for value in values(document))
    assert document["provider"].keys() == {"name", "id"}
    assert document["idempotency"] == {"key": "key-1"}


@given(st.datetimes(EPOCH.replace(tzinfo=None), timezones=st.just(UTC)))
def test_instants_are_stored_in_whole_milliseconds(at: datetime) -> None:
    whole = at.replace(microsecond=at.microsecond // 1000 * 1000)

    assert instant_at(milliseconds(whole)) == whole
    assert milliseconds(whole) == (whole - EPOCH) // timedelta(milliseconds=1)


def test_requirements_are_stored_without_those_that_are_missing() -> None:
    required = a_verification(requirements=Requirements(18, None, ("FR", "KP"), DocumentType.PASSPORT, locale="fr"))

    assert encode(required)["requirements"] == {"minAge": 18, "prohibitedCountries": ["FR", "KP"], "documentType": "passport", "locale": "fr"}
    assert "requirements" not in encode(a_verification())


@pytest.mark.parametrize("damaged", [{"minAge": "18"}, {"documentType": "visa"}, {"locale": 7}, {"prohibitedCountries": [7]}, "18"])
def test_requirements_that_cannot_be_read_are_never_dropped(damaged: Any) -> None:
    verification = decode(encode(a_final_verification()) | {"requirements": damaged})

    with pytest.raises(BadValue):
        verification.start_request()
    with pytest.raises(BadValue):
        verification.retry_request(RetryRequest())
