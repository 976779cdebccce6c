"""Compares the catalogue of reason codes with `status_codes.csv`, a copy of the tables that the provider publishes."""

from csv import DictReader
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reasons import (
    CATALOGUE,
    INTERNAL_TYPES,
    ReasonCode,
    ReasonType,
    RetryAdvice,
    advice,
    all_explained,
    disclosed,
    disclosed_advice,
    explained,
)
from domain.status import Status

with (Path(__file__).parent / "status_codes.csv").open(encoding="utf-8", newline="") as table:
    PAGE = list(DictReader(table))

ADVICE = {
    RetryAdvice.RETRY_NOW: "1101 1111 1112 1113 1121 1199 1301 1302 1310 1311 1312 1313 1314 1401 1402 1410 1411 1412 1413 1901 1911 2401",
    RetryAdvice.RETRY_OTHER_DEVICE: "1201 1202 1203",
    RetryAdvice.RETRY_OTHER_DOCUMENT: "2101 2102 2103 2201 2202",
    RetryAdvice.OFFER_ALTERNATIVE: "3001",
    RetryAdvice.DO_NOT_RETRY: "2301 2302 2303 2304 2305 2306 2307 2311 2402 2403",
}


def codes(numbers: str) -> list[str]:
    return [f"IDVV_{number}" for number in numbers.split()]


def row(reason: ReasonCode, status: Status) -> dict[str, str]:
    family = reason.type.value.replace("_", " ").capitalize()
    return {"status": status.value, "code": reason.code, "type": family, "description": reason.description}


@pytest.mark.parametrize(("status", "rows"), [(Status.INCONCLUSIVE, 12), (Status.FAILED, 30), (Status.VERIFIED, 0), (Status.PENDING, 0)])
def test_the_catalogue_has_exactly_the_rows_of_the_page_in_the_same_order(status: Status, rows: int) -> None:
    page = [line for line in PAGE if line["status"] == status.value]

    assert len(page) == rows
    assert [row(reason, status) for reason in CATALOGUE.values() if status in reason.statuses] == page


def test_the_forty_two_rows_of_the_page_contain_forty_one_codes() -> None:
    assert len(PAGE) == 42
    assert len({line["code"] for line in PAGE}) == 41
    assert list(CATALOGUE) == list(dict.fromkeys(line["code"] for line in PAGE))


def test_only_the_code_for_a_poor_connection_is_allowed_with_two_statuses() -> None:
    assert [reason.code for reason in CATALOGUE.values() if len(reason.statuses) > 1] == ["IDVV_1201"]


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_of_the_catalogue_is_found(code: str) -> None:
    assert explained(code) is CATALOGUE[code]
    assert explained(code).known


@pytest.mark.parametrize("advice", RetryAdvice)
def test_each_retry_advice_is_given_for_exactly_the_designed_codes(advice: RetryAdvice) -> None:
    assert sorted(reason.code for reason in CATALOGUE.values() if reason.retry_advice is advice) == codes(ADVICE[advice])


def test_exactly_the_reasons_that_suggest_fraud_or_duress_are_internal() -> None:
    internal = [reason.code for reason in CATALOGUE.values() if reason.internal]

    assert internal == codes(ADVICE[RetryAdvice.DO_NOT_RETRY])


def test_a_type_is_internal_if_any_of_its_codes_is() -> None:
    assert {ReasonType.IDENTITY_FRAUD, ReasonType.SUSPICIOUS_BEHAVIOR, ReasonType.UNKNOWN} == INTERNAL_TYPES


@pytest.mark.parametrize("code", ["IDVV_9999", "IDVV_110", "NEW_CODE", "IDVV_11010"])
def test_a_code_that_is_not_in_the_catalogue_is_unknown_and_therefore_internal(code: str) -> None:
    reason = explained(code)

    assert (reason.code, reason.known, reason.internal) == (code, False, True)
    assert reason.type is ReasonType.UNKNOWN
    assert reason.statuses == (Status.INCONCLUSIVE, Status.FAILED)
    assert reason.retry_advice is RetryAdvice.OFFER_ALTERNATIVE
    assert reason.description


def test_an_unknown_code_advises_a_retry_only_if_the_verification_is_inconclusive() -> None:
    assert [reason.retry_advice for reason in all_explained(("NEW",), True)] == [RetryAdvice.OFFER_ALTERNATIVE]
    assert [reason.retry_advice for reason in all_explained(("NEW",), False)] == [RetryAdvice.RETRY_NOW]


def test_reasons_with_the_same_key_are_equal() -> None:
    codes = (*CATALOGUE, "NEW", "OTHER")
    reasons = [*map(explained, codes), *(reason for view in (all_explained, disclosed) for failed in (True, False) for reason in view(codes, failed))]

    assert len({reason.key for reason in reasons}) == len(set(reasons))


@pytest.mark.parametrize(
    ("codes", "failed", "expected"),
    [
        ([], True, RetryAdvice.OFFER_ALTERNATIVE),
        ([], False, RetryAdvice.RETRY_NOW),
        (["NEW"], True, RetryAdvice.OFFER_ALTERNATIVE),
        (["NEW"], False, RetryAdvice.RETRY_NOW),
        (["IDVV_1301"], True, RetryAdvice.RETRY_NOW),
        (["IDVV_1301", "IDVV_1201"], True, RetryAdvice.RETRY_OTHER_DEVICE),
        (["IDVV_2101", "IDVV_1201", "IDVV_1301"], True, RetryAdvice.RETRY_OTHER_DOCUMENT),
        (["IDVV_2101", "NEW"], True, RetryAdvice.OFFER_ALTERNATIVE),
        (["NEW", "IDVV_2402", "IDVV_2101"], True, RetryAdvice.DO_NOT_RETRY),
        (["IDVV_1101", "IDVV_1199"], False, RetryAdvice.RETRY_NOW),
        (["IDVV_1201", "NEW"], False, RetryAdvice.RETRY_OTHER_DEVICE),
        (["IDVV_3001", "IDVV_1203"], False, RetryAdvice.OFFER_ALTERNATIVE),
    ],
)
def test_the_strictest_advice_covers_all_reasons(codes: list[str], failed: bool, expected: RetryAdvice) -> None:
    assert advice(tuple(codes), failed) is expected
    assert advice(tuple(reversed(codes)), failed) is expected


ANY_CODES = st.lists(st.sampled_from([*CATALOGUE, "NEW", "OTHER"]), max_size=6).map(tuple)


@given(ANY_CODES, ANY_CODES, st.booleans())
def test_what_is_disclosed_depends_only_on_the_visible_codes(codes: tuple[str, ...], more: tuple[str, ...], failed: bool) -> None:
    internal = tuple(code for code in more if explained(code).internal)

    assert disclosed(internal + codes + internal, failed) == disclosed(codes, failed)
    assert disclosed_advice(internal + codes + internal, failed) is disclosed_advice(codes, failed)


@given(ANY_CODES)
def test_every_disclosed_reason_of_a_failure_has_the_same_advice_and_is_otherwise_as_in_the_catalogue(codes: tuple[str, ...]) -> None:
    visible = [code for code in codes if not explained(code).internal]

    assert [reason.code for reason in disclosed(codes, True)] == [reason.code for reason in disclosed(codes, False)] == visible
    assert {reason.retry_advice for reason in disclosed(codes, True)} | {disclosed_advice(codes, True)} == {RetryAdvice.OFFER_ALTERNATIVE}
    assert disclosed(codes, False) == tuple(CATALOGUE[code] for code in visible)
    assert disclosed_advice(codes, False) is advice(tuple(visible), False)
