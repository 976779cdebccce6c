"""Tests how GraphQL inputs are converted to domain objects."""

import hmac
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
import strawberry

from domain.errors import InvalidInput
from domain.event import Progress
from domain.filter import Filter
from domain.identity import DeclaredIdentity, DocumentType, ExtractedDocument
from domain.reasons import ReasonType
from domain.request import ExternalProvider, Idempotency, RetryRequest
from domain.requirements import Requirements
from domain.status import Phase, Status
from resolvers.inputs import (
    CreateVerificationInput,
    ExternalProviderInput,
    ExtractedDocumentInput,
    ReportProgressInput,
    ReportResultInput,
    RequirementsInput,
    RetryVerificationInput,
    VerificationFilter,
)
from tests.factories import NOON

URL = "https://shop.example/welcome"
ID = strawberry.ID("ver_1")


def a_creation(**changed: Any) -> CreateVerificationInput:
    return CreateVerificationInput(**{"first_name": "Jeanne", "last_name": "Moreau", "redirection_url": URL, "idempotency_key": "key-1"} | changed)


def fingerprinted(input: CreateVerificationInput) -> str | None:
    """The text that the gateway would hash to a fingerprint of this input. None without an idempotency key."""
    idempotency = input.to_domain(lambda content: content).idempotency
    return idempotency.fingerprint if idempotency else None


def test_an_empty_filter_has_no_conditions() -> None:
    assert VerificationFilter().to_domain() == Filter()


def test_a_filter_keeps_all_its_conditions() -> None:
    filter = VerificationFilter(
        status=[Status.FAILED],
        reason_code=["IDVV_2101"],
        reason_type=[ReasonType.DOCUMENT_ISSUE],
        reference="order-1",
        created_after=NOON,
        created_before=NOON + timedelta(days=1),
        first_attempts_only=True,
        updated_after=NOON + timedelta(days=2),
        updated_before=NOON + timedelta(days=3),
        completed_after=NOON + timedelta(days=4),
        completed_before=NOON + timedelta(days=5),
        phase=[Phase.DONE],
        has_ignored_results=False,
        provider_id="7",
    ).to_domain()

    assert filter == Filter(
        (Status.FAILED,),
        ("IDVV_2101",),
        (ReasonType.DOCUMENT_ISSUE,),
        "order-1",
        NOON,
        NOON + timedelta(days=1),
        True,
        NOON + timedelta(days=2),
        NOON + timedelta(days=3),
        NOON + timedelta(days=4),
        NOON + timedelta(days=5),
        (Phase.DONE,),
        has_ignored_results=False,
        provider_id="7",
    )
    assert [field.name for field in fields(Filter) if getattr(filter, field.name) == field.default] == ["or_erased_reference"]


def test_an_empty_list_is_a_condition() -> None:
    assert VerificationFilter(status=[], reason_code=[], reason_type=[]).to_domain() == Filter(statuses=(), reason_codes=(), reason_types=())


def test_a_creation_with_a_key_has_a_fingerprint() -> None:
    request = a_creation(reference="order-1", face_recognition=True).to_domain(lambda content: "fingerprint")

    assert (request.reference, request.face_recognition, request.redirection_url) == ("order-1", True, URL)
    assert request.idempotency == Idempotency("key-1", "fingerprint")


def test_a_creation_without_a_key_has_no_fingerprint() -> None:
    assert a_creation(idempotency_key=None).to_domain(str.upper).idempotency is None


@pytest.mark.parametrize(
    "changed", [{"first_name": "Ada"}, {"last_name": "Byron"}, {"redirection_url": URL + "/2"}, {"reference": "order-2"}, {"face_recognition": True}]
)
def test_the_fingerprint_depends_on_every_value(changed: dict[str, Any]) -> None:
    assert fingerprinted(a_creation(**changed)) != fingerprinted(a_creation())


@pytest.mark.parametrize(
    ("changed", "content"),
    [
        ({}, '["Jeanne", "Moreau", "https://shop.example/welcome", null, false]'),
        ({"reference": "order-1", "face_recognition": True}, '["Jeanne", "Moreau", "https://shop.example/welcome", "order-1", true]'),
        ({"first_name": " Jeanne "}, '[" Jeanne ", "Moreau", "https://shop.example/welcome", null, false]'),
        ({"requirements": RequirementsInput()}, '["Jeanne", "Moreau", "https://shop.example/welcome", null, false]'),
        ({"requirements": RequirementsInput(prohibited_countries=[])}, '["Jeanne", "Moreau", "https://shop.example/welcome", null, false]'),
        (
            {"requirements": RequirementsInput(min_age=18, document_type=DocumentType.PASSPORT, locale="FR")},
            '["Jeanne", "Moreau", "https://shop.example/welcome", null, false, '
            '{"requirements": {"minAge": 18, "documentType": "passport", "locale": "FR"}}]',
        ),
        ({"last_name": "Ame\u0301lie"}, '["Jeanne", "Ame\\u0301lie", "https://shop.example/welcome", null, false]'),
    ],
)
def test_the_fingerprint_is_computed_from_the_same_text_as_in_older_releases(changed: dict[str, Any], content: str) -> None:
    assert fingerprinted(a_creation(**changed)) == content


def test_names_are_trimmed_and_normalized_but_identifiers_are_not() -> None:
    request = a_creation(first_name=" Ame\u0301lie", last_name="Moreau\u00a0", reference=" e\u0301 ", idempotency_key=" key ").to_domain(str)

    assert request.declared == DeclaredIdentity("Amélie", "Moreau")
    assert (request.reference, request.idempotency and request.idempotency.key) == (" e\u0301 ", " key ")


def test_requirements_are_validated_and_their_codes_are_normalized() -> None:
    request = a_creation(requirements=RequirementsInput(max_age=65, residence_country="fr", locale="DE")).to_domain(str)

    assert request.requirements == Requirements(max_age=65, residence_country="FR", locale="de")
    assert a_creation(requirements=RequirementsInput()).to_domain(str).requirements is None
    with pytest.raises(InvalidInput, match=r"requirements\.minAge must be 1 to 150 years"):
        a_creation(requirements=RequirementsInput(min_age=0)).to_domain(str)


def test_the_fingerprint_does_not_depend_on_the_key() -> None:
    assert fingerprinted(a_creation(idempotency_key="key-2")) == fingerprinted(a_creation())


def test_the_fingerprint_distinguishes_values_in_different_fields() -> None:
    assert fingerprinted(a_creation(first_name="A", last_name="B C")) != fingerprinted(a_creation(first_name="A B", last_name="C"))


@pytest.mark.parametrize(
    ("input", "fingerprint"),
    [
        (a_creation(), "e72cda535be415de727ada372f475ed6b9029092b134e03c42d587ad543ec2a6"),
        (
            a_creation(first_name=" Zoë", last_name="李", redirection_url=URL + "?a=1", reference="order-1", face_recognition=True),
            "d0dbb19b6f52ddc5cdfb44c1d0730ac03ad1b663ebe3f51348eef4d54107bf65",
        ),
    ],
)
def test_the_fingerprint_of_an_input_without_newer_fields_never_changes(input: CreateVerificationInput, fingerprint: str) -> None:
    idempotency = input.to_domain(lambda content: hmac.digest(b"a key for fingerprints", content.encode(), "sha256").hex()).idempotency

    assert idempotency == Idempotency("key-1", fingerprint)


def test_the_fingerprint_depends_on_the_external_verification() -> None:
    externals = [None, ("https://x.example/1", None), ("https://x.example/2", None), ("https://x.example/1", "1"), ("https://x.example/1", "2")]

    inputs = [a_creation(external=external and ExternalProviderInput(verification_url=external[0], id=external[1])) for external in externals]

    assert len({fingerprinted(input) for input in inputs}) == len(inputs)


def test_an_external_verification_is_part_of_the_request() -> None:
    external = ExternalProviderInput(verification_url="https://x.example/1", id="session-1")

    assert a_creation(external=external).to_domain(str.upper).external == ExternalProvider("https://x.example/1", "session-1")
    assert RetryVerificationInput(verification_id=ID, external=external).to_domain().external == ExternalProvider("https://x.example/1", "session-1")


@pytest.mark.parametrize(("url", "id", "field"), [("x.example", None, "external.verificationUrl"), ("https://x.example", " ", "external.id")])
def test_an_invalid_external_verification_is_refused_with_its_field(url: str, id: str | None, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        a_creation(external=ExternalProviderInput(verification_url=url, id=id)).to_domain(str.upper)

    assert refusal.value.field == field


def test_the_changes_of_a_retry_are_not_validated() -> None:
    input = RetryVerificationInput(verification_id=ID, first_name="", redirection_url="nowhere")

    assert input.to_domain() == RetryRequest(first_name="", redirection_url="nowhere")


def test_a_blank_event_id_is_refused() -> None:
    input = ReportProgressInput(verification_id=ID, progress=Progress.LINK_OPENED, event_id=" ")

    with pytest.raises(InvalidInput) as refusal:
        input.source_id()

    assert refusal.value.field == "eventId"


def test_a_result_keeps_its_document_and_its_event_id() -> None:
    document = ExtractedDocumentInput(full_name="Jeanne Moreau", type=DocumentType.PASSPORT)

    result = ReportResultInput(verification_id=ID, status=Status.VERIFIED, extracted_document=document, event_id="event-1").to_domain(NOON)

    assert result.document == ExtractedDocument("Jeanne Moreau", type=DocumentType.PASSPORT)
    assert result.source_id == "event-1"


def test_a_result_with_an_unusable_document_has_a_note_instead() -> None:
    document = ExtractedDocumentInput(full_name="", born_on="1977-00-00")

    result = ReportResultInput(verification_id=ID, status=Status.VERIFIED, extracted_document=document).to_domain(NOON)

    assert result.document is None
    assert result.note == ("extractedDocument.fullName was not usable and was left out; extractedDocument.bornOn was not usable and was left out")
