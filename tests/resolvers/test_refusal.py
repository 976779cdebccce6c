"""Tests that invalid mutations and subscriptions are refused with the right code and field, and that invalid mutations write nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from domain.caller import Scope
from tests.company import Answer, Company
from tests.wire import following

LONG = "x" * 256
URL = "https://shop.example/"


@dataclass(frozen=True, slots=True)
class Office:
    """A company with a verification of each kind, such as pending or anonymized. `ids` has their ids by kind.

    `ids` also contains ids that belong to no verification of the company, such as `foreign`, an id of another company's verification.
    """

    company: Company
    ids: dict[str, str]

    def __getitem__(self, kind: str) -> str:
        return self.ids[kind]


@pytest.fixture
async def office(company: Company, stranger: Company) -> Office:
    ids = {kind: await company.created(reference=kind) for kind in ("pending", "verified", "failed", "inconclusive", "anonymized")}
    await company.result(ids["verified"], "VERIFIED")
    await company.result(ids["failed"], "FAILED", "IDVV_2101")
    await company.result(ids["inconclusive"], "INCONCLUSIVE", "IDVV_1314")
    await company.result(ids["anonymized"], "FAILED", "IDVV_2101")
    await company.anonymize(ids["anonymized"])
    await company.created(idempotencyKey="taken")
    return Office(company, {**ids, "foreign": await stranger.created(), "unknown": "ver_" + "0" * 32, "nonsense": "\0☃" + LONG, "empty": ""})


Attempt = Callable[[Office], Awaitable[Answer]]


def creation(**changed: Any) -> Attempt:
    return lambda office: office.company.create(**changed)


def retry(kind: str, **changed: Any) -> Attempt:
    return lambda office: office.company.retry(office[kind], **changed)


def progress(kind: str, **more: Any) -> Attempt:
    return lambda office: office.company.progress(office[kind], "LINK_OPENED", **more)


def result(kind: str, status: str, *codes: str, **more: Any) -> Attempt:
    return lambda office: office.company.result(office[kind], status, *codes, **more)


def anonymization(kind: str) -> Attempt:
    return lambda office: office.company.anonymize(office[kind])


def follow_token(kind: str, seconds: int = 900) -> Attempt:
    return lambda office: office.company.issue(office[kind], seconds)


UNUSABLE = ("foreign", "unknown", "nonsense", "empty")
ADDRESSES = {
    "an ftp URL": "ftp://shop.example/",
    "a script": "javascript:alert(1)",
    "a relative URL": "/welcome",
    "a URL without a host": "https:///welcome",
    "a URL with a space": "https://shop.example/ welcome",
    "a URL with a line break": "https://shop.example/\nwelcome",
    "an empty URL": "",
    "a URL of 2,001 characters": URL + "x" * (2001 - len(URL)),
}
INVALID, USED, NOWHERE = "INVALID_INPUT", ("IDEMPOTENCY_CONFLICT", "idempotencyKey"), ("NOT_FOUND", "verificationId")
TEXTS = {
    "empty": "",
    "blank": " \u3164\u00a0",
    "over 255 characters": LONG,
    "with a control character": "a\u0000b",
    "with a change of direction": "a\u202eb",
    "with a noncharacter": "a\ufdd0",
}
REFUSED: dict[str, tuple[Attempt, str, str | None]] = {
    **{
        f"{name} that is {defect}": (creation(**{name: text}), INVALID, name)
        for name in ("firstName", "lastName", "reference", "idempotencyKey")
        for defect, text in TEXTS.items()
    },
    **{f"redirectionUrl, {kind}": (creation(redirectionUrl=url), INVALID, "redirectionUrl") for kind, url in ADDRESSES.items()},
    "a key that was used with other names": (creation(idempotencyKey="taken", lastName="Other"), *USED),
    "a key that was used with another address": (creation(idempotencyKey="taken", redirectionUrl=URL), *USED),
    "a key that was used without a reference": (creation(idempotencyKey="taken", reference="r"), *USED),
    "a key that was used without face recognition": (creation(idempotencyKey="taken", faceRecognition=True), *USED),
    **{f"a retry of the {kind} id": (retry(kind), *NOWHERE) for kind in UNUSABLE},
    "a retry of a pending verification": (retry("pending"), "NOT_RETRYABLE", None),
    "a retry of a verified verification": (retry("verified"), "NOT_RETRYABLE", None),
    "a retry with a blank first name": (retry("failed", firstName=" "), INVALID, "firstName"),
    "a retry with a first name of fillers": (retry("failed", firstName="\u2800\u3164"), INVALID, "firstName"),
    "a retry with a change of direction": (retry("failed", lastName="\u2066a"), INVALID, "lastName"),
    "a retry with a long last name": (retry("failed", lastName=LONG), INVALID, "lastName"),
    "a retry with a bad address": (retry("failed", redirectionUrl="x"), INVALID, "redirectionUrl"),
    "a retry of an anonymized verification without names": (retry("anonymized"), INVALID, "firstName"),
    "a retry of an anonymized verification without a last name": (retry("anonymized", firstName="Jeanne"), INVALID, "lastName"),
    **{f"progress of the {kind} id": (progress(kind), *NOWHERE) for kind in UNUSABLE},
    "progress with a blank event id": (progress("pending", eventId=""), INVALID, "eventId"),
    "progress with a long event id": (progress("pending", eventId=LONG), INVALID, "eventId"),
    **{f"a result of the {kind} id": (result(kind, "VERIFIED"), *NOWHERE) for kind in UNUSABLE},
    "a pending result": (result("pending", "PENDING"), INVALID, "status"),
    "a pending result with a reason": (result("pending", "PENDING", "IDVV_1101"), INVALID, "status"),
    "a failure without reasons": (result("pending", "FAILED"), INVALID, "reasonCodes"),
    "an inconclusive result without reasons": (result("pending", "INCONCLUSIVE"), INVALID, "reasonCodes"),
    "a success with a reason": (result("pending", "VERIFIED", "IDVV_2101"), INVALID, "reasonCodes"),
    "a failure with a reason for inconclusive results": (result("pending", "FAILED", "IDVV_2101", "IDVV_1314"), INVALID, "reasonCodes"),
    "an inconclusive result with a reason for failures": (result("pending", "INCONCLUSIVE", "IDVV_2101"), INVALID, "reasonCodes"),
    "an invalid result after the final one": (result("failed", "VERIFIED", "IDVV_2101"), INVALID, "reasonCodes"),
    "a code in small letters": (result("pending", "FAILED", "idvv_2101"), INVALID, "reasonCodes"),
    "an empty code": (result("pending", "FAILED", ""), INVALID, "reasonCodes"),
    "a code of 65 characters": (result("pending", "FAILED", "A" * 65), INVALID, "reasonCodes"),
    "51 codes": (result("pending", "FAILED", *(f"NEW_{number}" for number in range(51))), INVALID, "reasonCodes"),
    "a result with a long event id": (result("pending", "VERIFIED", eventId=LONG), INVALID, "eventId"),
    **{f"anonymizing the {kind} id": (anonymization(kind), "NOT_FOUND", "id") for kind in UNUSABLE},
    "anonymizing a pending verification": (anonymization("pending"), "NOT_FINAL", None),
    **{f"a follow token for the {kind} id": (follow_token(kind), *NOWHERE) for kind in UNUSABLE},
    **{f"a follow token for {seconds} s": (follow_token("pending", seconds), INVALID, "ttlSeconds") for seconds in (-1, 0, 59, 3601, 2**31 - 1)},
}


async def test_each_invalid_mutation_is_refused_with_its_code_and_field_and_writes_nothing(office: Office) -> None:
    before = list(office.company.collection.find())

    for description, (attempt, code, field) in REFUSED.items():
        answer = await attempt(office)

        assert (answer["__typename"], answer.get("code"), answer.get("field")) == ("Refusal", code, field), description
        assert answer["message"], description

    assert list(office.company.collection.find()) == before


async def test_values_of_the_maximum_length_are_accepted(office: Office) -> None:
    names = dict.fromkeys(("firstName", "lastName", "reference", "idempotencyKey"), "x" * 255)
    url = URL + "x" * (2000 - len(URL))

    created = await office.company.create(**{**names, "redirectionUrl": url})
    progressed = await office.company.progress(office["pending"], "LINK_OPENED", eventId="x" * 255)
    concluded = await office.company.result(office["pending"], "INCONCLUSIVE", *(f"{number:A>64}" for number in range(50)))
    issued = [await office.company.issue(office["pending"], seconds) for seconds in (60, 3600)]

    assert [answer["__typename"] for answer in (created, progressed, concluded, *issued)] == ["Verification"] * 3 + ["FollowToken"] * 2
    assert [len(kept["reasons"]) for kept in office.company.kept() if kept["status"] == "inconclusive"] == [50, 1]


async def test_duplicate_codes_do_not_count_towards_the_limit_of_fifty(office: Office) -> None:
    concluded = await office.company.result(office["pending"], "FAILED", *["IDVV_2101", "IDVV_1301"] * 40)

    assert [reason["code"] for reason in concluded["reasons"]] == ["IDVV_2101", "IDVV_1301"]


UPDATED = """
subscription($id: ID!, $after: Int, $retries: Boolean! = false) {
  verificationUpdated(id: $id, after: $after, followRetries: $retries) { events { version } }
}
"""


@pytest.mark.parametrize("retries", [False, True])
async def test_following_a_missing_verification_or_a_future_version_is_refused(office: Office, retries: bool) -> None:
    for kind, after, code in (
        ("unknown", None, "NOT_FOUND"),
        ("foreign", 0, "NOT_FOUND"),
        ("foreign", 100, "NOT_FOUND"),
        ("nonsense", None, "NOT_FOUND"),
        ("pending", -1, "BAD_USER_INPUT"),
        ("pending", 2, "VERSION_AHEAD"),
        ("failed", 3, "VERSION_AHEAD"),
    ):
        variables = {"id": office[kind], "after": after, "retries": retries}
        async with following(office.company.gateway, office.company.token(), UPDATED, variables) as updates:
            [error] = await updates.errors()

        assert error["extensions"] == {"code": code}, (kind, after)


async def test_a_refusal_quotes_only_the_beginning_of_a_long_id(office: Office) -> None:
    answer = await office.company.issue("x" * 10_000)

    assert answer["code"] == "NOT_FOUND"
    assert len(answer["message"]) < 200


async def test_invalid_reports_of_a_provider_are_refused_in_the_same_way(office: Office) -> None:
    token = office.company.token(Scope.REPORT)
    before = office.company.kept()

    answers = [
        await office.company.result(office["foreign"], "VERIFIED", token=token),
        await office.company.progress(office["unknown"], "LINK_OPENED", token=token),
        await office.company.result(office["pending"], "FAILED", token=token),
    ]

    assert [answer["code"] for answer in answers] == ["NOT_FOUND", "NOT_FOUND", "INVALID_INPUT"]
    assert office.company.kept() == before
