"""Tests which verifications a filter matches, and which filters would reveal internal reasons."""

from datetime import timedelta

import pytest

from domain.event import Actor
from domain.filter import Filter
from domain.reasons import CATALOGUE, ReasonType
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from tests.factories import FAILED_RESULT, NOON, a_verification, later, retried

MILLISECOND = timedelta(milliseconds=1)
PENDING = a_verification(reference="order-1")
FAILED = a_verification(reference="order-2").concluded(FAILED_RESULT, NOON)
UNKNOWN = a_verification().concluded(Result.reported(Status.FAILED, ["IDVV_9999"]), NOON)


@pytest.mark.parametrize("verification", [PENDING, FAILED, UNKNOWN])
def test_a_filter_without_conditions_matches_everything(verification: Verification) -> None:
    assert Filter().matches(verification)


def test_a_verification_matches_if_it_has_one_of_the_statuses() -> None:
    assert Filter(statuses=(Status.VERIFIED, Status.FAILED)).matches(FAILED)
    assert not Filter(statuses=(Status.VERIFIED, Status.FAILED)).matches(PENDING)


def test_a_verification_matches_if_one_of_its_reasons_has_one_of_the_codes() -> None:
    assert Filter(reason_codes=("IDVV_1301", "IDVV_1302")).matches(FAILED)
    assert not Filter(reason_codes=("IDVV_1302",)).matches(FAILED)
    assert not Filter(reason_codes=("IDVV_1301",)).matches(PENDING)
    assert Filter(reason_codes=("IDVV_9999",)).matches(UNKNOWN)


def test_a_verification_matches_if_one_of_its_reasons_has_one_of_the_types() -> None:
    assert Filter(reason_types=(ReasonType.DOCUMENT_CAPTURE_ISSUE,)).matches(FAILED)
    assert not Filter(reason_types=(ReasonType.COPY_ISSUE, ReasonType.UNKNOWN)).matches(FAILED)
    assert Filter(reason_types=(ReasonType.COPY_ISSUE, ReasonType.UNKNOWN)).matches(UNKNOWN)


def test_a_verification_matches_only_if_its_whole_reference_is_equal() -> None:
    assert Filter(reference="order-1").matches(PENDING)
    assert not Filter(reference="order").matches(PENDING)
    assert not Filter(reference="order-1").matches(a_verification(reference=None))


def test_a_period_includes_its_first_instant_and_excludes_its_last() -> None:
    assert Filter(created_from=NOON).matches(PENDING)
    assert not Filter(created_from=NOON + MILLISECOND).matches(PENDING)
    assert Filter(created_before=NOON + MILLISECOND).matches(PENDING)
    assert not Filter(created_before=NOON).matches(PENDING)


def test_a_retry_is_not_a_first_attempt() -> None:
    first, retry = retried(FAILED, later(hours=1))

    assert Filter(first_attempts_only=True).matches(first)
    assert not Filter(first_attempts_only=True).matches(retry)
    assert Filter().matches(retry)


@pytest.mark.parametrize("filter", [Filter(statuses=()), Filter(reason_codes=()), Filter(reason_types=())])
def test_an_empty_condition_matches_nothing(filter: Filter) -> None:
    assert not filter.matches(PENDING)
    assert not filter.matches(FAILED)


def test_all_conditions_must_hold() -> None:
    assert Filter(statuses=(Status.FAILED,), reason_codes=("IDVV_2101",), reference="order-2").matches(FAILED)
    assert not Filter(statuses=(Status.FAILED,), reason_codes=("IDVV_2101",), reference="order-1").matches(FAILED)
    assert not Filter(statuses=(Status.PENDING,), reason_codes=("IDVV_2101",), reference="order-2").matches(FAILED)


def test_a_filter_concerns_a_verification_that_matches() -> None:
    assert Filter(statuses=(Status.FAILED,)).concerns(FAILED, since=0)
    assert Filter(statuses=(Status.FAILED,)).concerns(FAILED, since=FAILED.version)


def test_a_filter_concerns_a_verification_that_has_just_stopped_matching() -> None:
    pending = Filter(statuses=(Status.PENDING,), reference="order-2")

    assert pending.concerns(FAILED, since=1)
    assert not pending.concerns(FAILED, since=FAILED.version)


def test_a_filter_does_not_concern_a_verification_that_stopped_matching_earlier() -> None:
    anonymized = FAILED.anonymized(Actor.INTEGRATOR, NOON)

    assert not Filter(statuses=(Status.PENDING,)).concerns(anonymized, since=FAILED.version)


@pytest.mark.parametrize(
    "filter",
    [
        Filter(statuses=(Status.VERIFIED,)),
        Filter(statuses=(Status.PENDING,), reference="order-1"),
        Filter(statuses=(Status.PENDING,), reason_codes=("IDVV_2101",)),
        Filter(reason_codes=("IDVV_1101",)),
    ],
)
def test_a_filter_does_not_concern_a_verification_that_never_matched(filter: Filter) -> None:
    assert not filter.concerns(FAILED, since=0)


@pytest.mark.parametrize("code", [code for code, reason in CATALOGUE.items() if not reason.internal])
def test_filtering_by_a_public_code_reveals_no_internal_reasons(code: str) -> None:
    assert not Filter(reason_codes=(code,)).selects_internals


@pytest.mark.parametrize("code", ["IDVV_2301", "IDVV_2311", "IDVV_2402", "IDVV_2403", "IDVV_9999"])
def test_filtering_by_an_internal_code_reveals_internal_reasons(code: str) -> None:
    assert Filter(reason_codes=("IDVV_1101", code)).selects_internals


@pytest.mark.parametrize("type", ReasonType)
def test_filtering_by_a_type_with_an_internal_code_reveals_internal_reasons(type: ReasonType) -> None:
    internal = type in (ReasonType.IDENTITY_FRAUD, ReasonType.SUSPICIOUS_BEHAVIOR, ReasonType.UNKNOWN)

    assert Filter(reason_types=(ReasonType.COPY_ISSUE, type)).selects_internals is internal


def test_other_conditions_reveal_no_internal_reasons() -> None:
    assert not Filter(statuses=(Status.FAILED,), reference="order-1", first_attempts_only=True).selects_internals
    assert not Filter(reason_codes=(), reason_types=()).selects_internals
