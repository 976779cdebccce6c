"""Which verifications a list holds, and which lists would tell too much."""

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
def test_a_filter_that_asks_nothing_matches_everything(verification: Verification) -> None:
    assert Filter().matches(verification)


def test_a_verification_matches_by_any_of_the_statuses() -> None:
    assert Filter(statuses=(Status.VERIFIED, Status.FAILED)).matches(FAILED)
    assert not Filter(statuses=(Status.VERIFIED, Status.FAILED)).matches(PENDING)


def test_a_verification_matches_by_any_of_its_reason_codes() -> None:
    assert Filter(reason_codes=("IDVV_1301", "IDVV_1302")).matches(FAILED)
    assert not Filter(reason_codes=("IDVV_1302",)).matches(FAILED)
    assert not Filter(reason_codes=("IDVV_1301",)).matches(PENDING)
    assert Filter(reason_codes=("IDVV_9999",)).matches(UNKNOWN)


def test_a_verification_matches_by_the_type_of_any_of_its_reasons() -> None:
    assert Filter(reason_types=(ReasonType.DOCUMENT_CAPTURE_ISSUE,)).matches(FAILED)
    assert not Filter(reason_types=(ReasonType.COPY_ISSUE, ReasonType.UNKNOWN)).matches(FAILED)
    assert Filter(reason_types=(ReasonType.COPY_ISSUE, ReasonType.UNKNOWN)).matches(UNKNOWN)


def test_a_verification_matches_by_its_whole_reference() -> None:
    assert Filter(reference="order-1").matches(PENDING)
    assert not Filter(reference="order").matches(PENDING)
    assert not Filter(reference="order-1").matches(a_verification(reference=None))


def test_the_first_instant_of_a_period_belongs_to_it_and_the_last_does_not() -> None:
    assert Filter(created_from=NOON).matches(PENDING)
    assert not Filter(created_from=NOON + MILLISECOND).matches(PENDING)
    assert Filter(created_before=NOON + MILLISECOND).matches(PENDING)
    assert not Filter(created_before=NOON).matches(PENDING)


def test_a_retry_is_no_first_attempt() -> None:
    first, retry = retried(FAILED, later(hours=1))

    assert Filter(first_attempts_only=True).matches(first)
    assert not Filter(first_attempts_only=True).matches(retry)
    assert Filter().matches(retry)


@pytest.mark.parametrize("nothing", [Filter(statuses=()), Filter(reason_codes=()), Filter(reason_types=())])
def test_none_of_no_values_matches_nothing(nothing: Filter) -> None:
    assert not nothing.matches(PENDING)
    assert not nothing.matches(FAILED)


def test_all_conditions_must_hold() -> None:
    assert Filter(statuses=(Status.FAILED,), reason_codes=("IDVV_2101",), reference="order-2").matches(FAILED)
    assert not Filter(statuses=(Status.FAILED,), reason_codes=("IDVV_2101",), reference="order-1").matches(FAILED)
    assert not Filter(statuses=(Status.PENDING,), reason_codes=("IDVV_2101",), reference="order-2").matches(FAILED)


def test_a_list_is_concerned_by_what_it_holds_whenever_that_changed() -> None:
    assert Filter(statuses=(Status.FAILED,)).concerns(FAILED, since=0)
    assert Filter(statuses=(Status.FAILED,)).concerns(FAILED, since=FAILED.version)


def test_a_list_is_concerned_by_what_has_just_left_it() -> None:
    pending = Filter(statuses=(Status.PENDING,), reference="order-2")

    assert pending.concerns(FAILED, since=1)
    assert not pending.concerns(FAILED, since=FAILED.version)


def test_a_list_is_not_concerned_by_what_left_it_before_the_last_message() -> None:
    anonymized = FAILED.anonymized(Actor.INTEGRATOR, NOON)

    assert not Filter(statuses=(Status.PENDING,)).concerns(anonymized, since=FAILED.version)


@pytest.mark.parametrize(
    "other",
    [
        Filter(statuses=(Status.VERIFIED,)),
        Filter(statuses=(Status.PENDING,), reference="order-1"),
        Filter(statuses=(Status.PENDING,), reason_codes=("IDVV_2101",)),
        Filter(reason_codes=("IDVV_1101",)),
    ],
)
def test_a_list_is_not_concerned_by_what_it_never_held(other: Filter) -> None:
    assert not other.concerns(FAILED, since=0)


@pytest.mark.parametrize("code", [code for code, reason in CATALOGUE.items() if not reason.internal])
def test_asking_for_a_code_that_may_be_shown_tells_nothing_internal(code: str) -> None:
    assert not Filter(reason_codes=(code,)).selects_internals


@pytest.mark.parametrize("code", ["IDVV_2301", "IDVV_2311", "IDVV_2402", "IDVV_2403", "IDVV_9999"])
def test_asking_for_an_internal_code_asks_for_internals(code: str) -> None:
    assert Filter(reason_codes=("IDVV_1101", code)).selects_internals


@pytest.mark.parametrize("type", ReasonType)
def test_asking_for_a_type_asks_for_internals_where_it_holds_an_internal_code(type: ReasonType) -> None:
    internal = type in (ReasonType.IDENTITY_FRAUD, ReasonType.SUSPICIOUS_BEHAVIOR, ReasonType.UNKNOWN)

    assert Filter(reason_types=(ReasonType.COPY_ISSUE, type)).selects_internals is internal


def test_other_conditions_tell_nothing_internal() -> None:
    assert not Filter(statuses=(Status.FAILED,), reference="order-1", first_attempts_only=True).selects_internals
    assert not Filter(reason_codes=(), reason_types=()).selects_internals
