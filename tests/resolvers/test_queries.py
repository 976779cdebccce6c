"""Compares the reason codes and statuses that the API returns with `tests/domain/status_codes.csv`: a copy of the provider's published tables."""

from csv import DictReader
from pathlib import Path

import pytest

import tests.domain
from domain.caller import Scope
from tests.company import Company

with (Path(tests.domain.__file__).parent / "status_codes.csv").open(encoding="utf-8", newline="") as table:
    PAGE = list(DictReader(table))

CODES = "query($status: VerificationStatus, $type: ReasonType) { reasonCodes(status: $status, type: $type) { code type statuses description known } }"


def constant(words: str) -> str:
    """The name of the enum value for words of `status_codes.csv`: 'Engagement issue' becomes ENGAGEMENT_ISSUE."""
    return words.upper().replace(" ", "_")


@pytest.mark.parametrize(("status", "rows"), [("inconclusive", 12), ("failed", 30), ("verified", 0), ("pending", 0)])
async def test_exactly_the_rows_of_the_page_are_returned_in_the_same_order(company: Company, status: str, rows: int) -> None:
    served = (await company.ask(CODES, {"status": constant(status)}))["reasonCodes"]

    page = [(row["code"], constant(row["type"]), row["description"]) for row in PAGE if row["status"] == status]
    assert [(reason["code"], reason["type"], reason["description"]) for reason in served] == page
    assert len(served) == rows


async def test_all_codes_are_returned_with_the_statuses_that_allow_them(company: Company) -> None:
    served = (await company.ask(CODES))["reasonCodes"]

    rows = [(reason["code"], status) for reason in served for status in reason["statuses"]]
    assert len(served) == 41
    assert len(rows) == 42
    assert sorted(rows) == sorted((row["code"], constant(row["status"])) for row in PAGE)
    assert all(reason["known"] for reason in served)


@pytest.mark.parametrize("type", sorted({constant(row["type"]) for row in PAGE}))
async def test_the_codes_of_one_type_are_those_of_the_page(company: Company, type: str) -> None:
    served = (await company.ask(CODES, {"type": type}))["reasonCodes"]
    failed = (await company.ask(CODES, {"type": type, "status": "FAILED"}))["reasonCodes"]

    page = [row for row in PAGE if constant(row["type"]) == type]
    assert [reason["code"] for reason in served] == list(dict.fromkeys(row["code"] for row in page))
    assert [reason["code"] for reason in failed] == [row["code"] for row in page if row["status"] == "failed"]


async def test_each_code_is_found_by_its_exact_name(company: Company) -> None:
    codes = [row["code"] for row in PAGE]
    aliases = " ".join(f'{code}: reasonCode(code: "{code}") {{ code }}' for code in dict.fromkeys(codes))

    found = await company.ask(f'{{ {aliases} unknown: reasonCode(code: "IDVV_9999") {{ code }} small: reasonCode(code: "idvv_1101") {{ code }} }}')

    assert found == {code: {"code": code} for code in codes} | {"unknown": None, "small": None}


async def test_the_four_statuses_are_returned_with_their_recommended_actions(company: Company) -> None:
    served = (await company.ask("{ statuses { status description recommendedAction billable final } }"))["statuses"]

    assert [(row["status"], row["recommendedAction"], row["billable"], row["final"]) for row in served] == [
        ("PENDING", "SHARE_VERIFICATION_URL", None, False),
        ("INCONCLUSIVE", "CREATE_RETRY", False, True),
        ("VERIFIED", "ACCEPT_REQUEST", True, True),
        ("FAILED", "REJECT_REQUEST", True, True),
    ]
    assert [row["description"] for row in served][:3] == [
        "The video identity verification has been initiated.",
        "The verification could not be completed.",
        "The identity has been successfully verified.",
    ]


async def test_a_code_that_is_not_in_the_catalogue_is_kept_and_has_the_type_unknown(company: Company) -> None:
    id = await company.created()
    await company.result(id, "INCONCLUSIVE", "IDVV_1314", "NEW_CODE")

    query = "query($id: ID!) { verification(id: $id) { reasons { code known type statuses retryAdvice internal } } }"
    reasons = (await company.ask(query, {"id": id}))["verification"]["reasons"]

    assert [reason["code"] for reason in reasons] == ["IDVV_1314", "NEW_CODE"]
    assert reasons[1] == {
        "code": "NEW_CODE",
        "known": False,
        "type": "UNKNOWN",
        "statuses": ["INCONCLUSIVE", "FAILED"],
        "retryAdvice": "RETRY_NOW",
        "internal": True,
    }


async def test_any_token_may_read_the_catalogue(company: Company) -> None:
    for scope in (Scope.READ, Scope.WRITE, Scope.REPORT, Scope.SENSITIVE):
        assert len((await company.ask(CODES, token=company.token(scope)))["reasonCodes"]) == 41
