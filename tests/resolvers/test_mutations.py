"""Tests the mutations, and the state of the verifications after them."""

import asyncio
from typing import Any

import pytest

from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, PERSON, Company

WHOLE = """
query($id: ID!) {
  verification(id: $id) {
    id workspaceId reference status phase recommendedAction billable canRetry verificationUrl redirectionUrl faceRecognition
    createdAt updatedAt expiresAt openedAt linkExpiresAt completedAt anonymizedAt
    declaredIdentity { firstName lastName } extractedDocument { fullName bornOn type issuingCountryCode nationalIdentificationNumber }
    attempt version reasons { code } events { version type actor at fromStatus toStatus reasons { code } note }
  }
}
"""
DOCUMENT = {
    "fullName": "Jeanne Moreau",
    "bornOn": "1990-01-23",
    "type": "PASSPORT",
    "issuingCountryCode": "FR",
    "nationalIdentificationNumber": "900123456789012",
}


async def whole(company: Company, id: str) -> dict[str, Any]:
    """Read a verification. Returns the fields that WHOLE selects."""
    found: dict[str, Any] = (await company.ask(WHOLE, {"id": id}))["verification"]
    return found


async def test_a_new_verification_is_pending_and_has_a_link(company: Company) -> None:
    id = await company.created(reference="order-1", faceRecognition=True)

    found = await whole(company, id)

    assert found["id"] == id
    assert found["workspaceId"] == company.workspace
    assert (found["reference"], found["faceRecognition"], found["redirectionUrl"]) == ("order-1", True, PERSON["redirectionUrl"])
    assert (found["status"], found["phase"], found["recommendedAction"]) == ("PENDING", "AWAITING_INDIVIDUAL", "SHARE_VERIFICATION_URL")
    assert (found["billable"], found["canRetry"], found["attempt"], found["version"]) == (None, False, 1, 1)
    assert found["verificationUrl"].startswith(company.gateway.url)
    assert found["declaredIdentity"] == {"firstName": "Jeanne", "lastName": "Moreau"}
    assert [(event["type"], event["actor"], event["toStatus"]) for event in found["events"]] == [("CREATED", "INTEGRATOR", "PENDING")]


async def test_each_step_changes_the_phase_and_is_recorded_as_an_event(company: Company) -> None:
    id = await company.created()

    phases = [(await company.progress(id, step))["phase"] for step in (LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED)]

    found = await whole(company, id)
    assert phases == ["IN_SESSION", "CAPTURING", "PROCESSING"]
    assert [event["type"] for event in found["events"]] == ["CREATED", LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED]
    assert [event["version"] for event in found["events"]] == [1, 2, 3, 4]
    assert found["recommendedAction"] == "WAIT"


async def test_a_step_that_is_repeated_or_late_or_has_a_recorded_event_id_changes_nothing(company: Company) -> None:
    id = await company.created()
    await company.progress(id, CAPTURE_STARTED, eventId="event-1")
    before = company.kept()

    await company.progress(id, CAPTURE_STARTED)
    await company.progress(id, LINK_OPENED)
    await company.progress(id, CAPTURE_COMPLETED, eventId="event-1")

    assert company.kept() == before


@pytest.mark.parametrize(
    ("status", "codes", "billable", "action", "can_retry"),
    [
        ("VERIFIED", [], True, "ACCEPT_REQUEST", False),
        ("FAILED", ["IDVV_2101", "IDVV_1301"], True, "REJECT_REQUEST", True),
        ("INCONCLUSIVE", ["IDVV_1314"], False, "CREATE_RETRY", True),
        ("INCONCLUSIVE", ["IDVV_1201"], False, "CREATE_RETRY", True),
        ("FAILED", ["IDVV_1201"], True, "REJECT_REQUEST", True),
    ],
)
async def test_a_result_makes_the_status_final_and_recommends_an_action(
    company: Company, status: str, codes: list[str], billable: bool, action: str, can_retry: bool
) -> None:
    id = await company.created()

    await company.result(id, status, *codes, extractedDocument=DOCUMENT)

    found = await whole(company, id)
    assert (found["status"], found["phase"], found["verificationUrl"]) == (status, "DONE", None)
    assert [reason["code"] for reason in found["reasons"]] == codes
    assert (found["billable"], found["recommendedAction"], found["canRetry"]) == (billable, action, can_retry)
    assert found["extractedDocument"] == DOCUMENT
    assert found["completedAt"] == found["updatedAt"] == found["events"][-1]["at"]
    assert (found["events"][-1]["fromStatus"], found["events"][-1]["toStatus"]) == ("PENDING", status)


DAMAGED: dict[str, tuple[dict[str, str], dict[str, str | None], str]] = {
    "a partial date": ({"bornOn": "1977-00-00"}, {"bornOn": None}, "bornOn was not usable and was left out"),
    "a birth in the future": ({"bornOn": "2999-01-01"}, {"bornOn": None}, "bornOn was not usable and was left out"),
    "a country in small letters": ({"issuingCountryCode": "fr"}, {"issuingCountryCode": "FR"}, "issuingCountryCode was repaired"),
    "a line break": ({"fullName": "Jeanne\nMoreau"}, {"fullName": "Jeanne Moreau"}, "fullName was repaired"),
    "a blank name": ({"fullName": " "}, {"fullName": None}, "fullName was not usable and was left out"),
    "a long number": (
        {"nationalIdentificationNumber": "9" * 511},
        {"nationalIdentificationNumber": None},
        "nationalIdentificationNumber was not usable and was left out",
    ),
}


@pytest.mark.parametrize("status", ["VERIFIED", "FAILED", "INCONCLUSIVE"])
@pytest.mark.parametrize("case", DAMAGED)
async def test_an_unusable_value_of_a_document_never_costs_the_result(company: Company, case: str, status: str) -> None:
    sent, stored, note = DAMAGED[case]
    codes = {"VERIFIED": [], "FAILED": ["IDVV_2101"], "INCONCLUSIVE": ["IDVV_1314"]}[status]
    id = await company.created()

    answer = await company.result(id, status, *codes, extractedDocument={**DOCUMENT, **sent})

    found = await whole(company, id)
    assert (answer["__typename"], found["status"]) == ("Verification", status)
    assert found["extractedDocument"] == {**DOCUMENT, **stored}
    assert found["events"][-1]["note"] == f"extractedDocument.{note}"


async def test_a_document_without_a_usable_value_is_left_out_and_the_result_stands(company: Company) -> None:
    id = await company.created()

    await company.result(id, "VERIFIED", extractedDocument={"fullName": "", "bornOn": "1977"})

    found = await whole(company, id)
    assert (found["status"], found["extractedDocument"]) == ("VERIFIED", None)
    assert found["events"][-1]["note"].count("was not usable and was left out") == 2


async def test_names_of_a_creation_and_of_a_retry_are_trimmed_and_normalized(company: Company) -> None:
    id = await company.created(firstName=" Ame\u0301lie\u3000", lastName="\u200f\u05d0\u00ad" + chr(0x323B0))
    first = await whole(company, id)
    await company.result(id, "FAILED", "IDVV_2101")
    retry = await company.retry(id, firstName="\u00a0Ada")
    second = await whole(company, retry["id"])

    assert first["declaredIdentity"] == {"firstName": "Amélie", "lastName": "\u200f\u05d0\u00ad" + chr(0x323B0)}
    assert second["declaredIdentity"] == {"firstName": "Ada", "lastName": "\u200f\u05d0\u00ad" + chr(0x323B0)}


async def test_the_same_result_again_changes_nothing(company: Company) -> None:
    id = await company.created()
    await company.result(id, "FAILED", "IDVV_2101", "IDVV_1301")
    before = company.kept()

    again = await company.result(id, "FAILED", "IDVV_1301", "IDVV_2101", "IDVV_1301")

    assert again["version"] == 2
    assert company.kept() == before


async def test_a_document_that_arrives_after_its_result_is_added_once(company: Company) -> None:
    id = await company.created()
    await company.result(id, "VERIFIED", eventId="event-1")

    added = await company.result(id, "VERIFIED", eventId="event-2", extractedDocument=DOCUMENT)
    again = await company.result(id, "VERIFIED", eventId="event-3", extractedDocument={"fullName": "Somebody Else"})

    found = await whole(company, id)
    assert (added["version"], again["version"], found["extractedDocument"]) == (3, 3, DOCUMENT)
    assert (found["events"][-1]["type"], found["events"][-1]["toStatus"]) == ("DOCUMENT_ADDED", None)


async def test_a_different_result_returns_the_final_status_and_is_kept_as_an_event(company: Company) -> None:
    id = await company.created()
    await company.result(id, "FAILED", "IDVV_2101")

    first = await company.result(id, "VERIFIED", extractedDocument=DOCUMENT)
    again = await company.result(id, "VERIFIED")

    found = await whole(company, id)
    assert (first["__typename"], first["status"], first["version"]) == ("Verification", "FAILED", 3)
    assert again["version"] == 3
    assert found["extractedDocument"] is None
    assert [(event["type"], event["fromStatus"], event["toStatus"]) for event in found["events"]][2:] == [("RESULT_IGNORED", "FAILED", "VERIFIED")]
    assert found["events"][2]["note"]


async def test_a_retry_is_a_new_verification_of_the_same_chain(company: Company) -> None:
    id = await company.created(reference="order-1", faceRecognition=True)
    await company.result(id, "INCONCLUSIVE", "IDVV_1314")

    retry = await company.retry(id, lastName="Moreau-Petit")

    first, second = await whole(company, id), await whole(company, retry["id"])
    assert (retry["attempt"], retry["status"], second["canRetry"], first["canRetry"]) == (2, "PENDING", False, False)
    assert second["declaredIdentity"] == {"firstName": "Jeanne", "lastName": "Moreau-Petit"}
    assert (second["reference"], second["faceRecognition"], second["redirectionUrl"]) == ("order-1", True, PERSON["redirectionUrl"])
    assert second["verificationUrl"] != first["verificationUrl"]
    assert [event["type"] for event in first["events"]][-1] == "RETRY_CREATED"


async def test_ten_concurrent_retries_create_one_attempt(company: Company) -> None:
    id = await company.created()
    await company.result(id, "FAILED", "IDVV_2101")

    answers = await asyncio.gather(*(company.retry(id) for _ in range(10)))
    again = await company.retry(id, firstName="")

    assert {answer["id"] for answer in [*answers, again]} == {answers[0]["id"]}
    assert len(company.kept()) == 2


async def test_twenty_concurrent_creations_with_one_key_create_one_verification(company: Company) -> None:
    answers = await asyncio.gather(*(company.create(idempotencyKey="order-1") for _ in range(20)))

    assert {answer["__typename"] for answer in answers} == {"Verification"}
    assert len({answer["id"] for answer in answers}) == 1
    assert len(company.kept()) == 1


async def test_a_repeated_creation_returns_the_verification_in_its_current_state(company: Company) -> None:
    id = await company.created(idempotencyKey="order-1")
    await company.result(id, "VERIFIED")
    before = company.kept()

    again = await company.create(idempotencyKey="order-1", faceRecognition=False)

    assert (again["id"], again["status"], again["version"]) == (id, "VERIFIED", 2)
    assert company.kept() == before


async def test_idempotency_keys_of_different_companies_are_independent(company: Company, stranger: Company) -> None:
    id = await company.created(idempotencyKey="order-1")

    other = await stranger.created(idempotencyKey="order-1", firstName="Marie")

    assert other != id


async def test_an_anonymized_verification_has_no_personal_data(company: Company) -> None:
    id = await company.created(reference="order-1", idempotencyKey="once")
    await company.result(id, "VERIFIED", extractedDocument=DOCUMENT)

    answer = await company.anonymize(id)
    again = await company.anonymize(id)
    replayed = await company.create(idempotencyKey="once", firstName="Somebody", lastName="Else")
    same = await company.create(idempotencyKey="once", reference="order-1")

    found, [kept] = await whole(company, id), company.kept()
    assert (answer["version"], again["version"]) == (3, 3)
    assert [(each["code"], each["field"]) for each in (replayed, same)] == [("IDEMPOTENCY_CONFLICT", "idempotencyKey")] * 2
    assert (found["declaredIdentity"], found["extractedDocument"], found["verificationUrl"]) == (None, None, None)
    assert found["anonymizedAt"]
    assert (found["status"], found["reference"]) == ("VERIFIED", "order-1")
    assert "Jeanne" not in repr(kept)
    assert "900123456789012" not in repr(kept)


async def test_an_anonymized_verification_is_retried_with_new_names(company: Company) -> None:
    id = await company.created()
    await company.result(id, "FAILED", "IDVV_2101")
    await company.anonymize(id)

    retry = await company.retry(id, firstName="Jeanne", lastName="Moreau")

    assert (await whole(company, retry["id"]))["declaredIdentity"] == {"firstName": "Jeanne", "lastName": "Moreau"}


async def test_several_mutations_of_one_operation_run_in_order(company: Company) -> None:
    input = 'input: { firstName: "Jeanne", lastName: "Moreau", redirectionUrl: "https://shop.example", reference: "%s" }'
    query = f"mutation {{ {' '.join(f'm{number}: createVerification({input % number}) {{ __typename }}' for number in range(5))} }}"

    await company.ask(query)

    assert [kept["reference"] for kept in company.kept()] == ["0", "1", "2", "3", "4"]
