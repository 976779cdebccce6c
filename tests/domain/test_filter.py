"""Tests which verifications a filter matches, and which filters would reveal internal reasons."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadValue
from domain.event import Actor, Progress
from domain.filter import Filter
from domain.reasons import CATALOGUE, ReasonType
from domain.result import Result
from domain.status import Phase, Status
from domain.verification import Verification
from tests.crowds import filters_over
from tests.factories import FAILED_RESULT, NOON, VERIFIED_RESULT, WINDOWS, a_verification, later, retried
from tests.histories import lives, over_histories

MILLISECOND = timedelta(milliseconds=1)
sampled_instants = st.builds(lambda minutes, milliseconds: later(minutes=minutes, milliseconds=milliseconds), st.integers(0, 3), st.integers(0, 2))
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


OPENED = PENDING.progressed(Progress.LINK_OPENED, WINDOWS, later(minutes=1))
PROCESSING = OPENED.progressed(Progress.CAPTURE_COMPLETED, WINDOWS, later(minutes=2))
VERIFIED = PROCESSING.concluded(VERIFIED_RESULT, later(minutes=3))
IGNORING = VERIFIED.concluded(FAILED_RESULT, later(minutes=4))


def test_the_period_of_the_last_change_includes_its_first_instant_and_excludes_its_last() -> None:
    at = OPENED.updated_at

    assert Filter(updated_from=at).matches(OPENED)
    assert not Filter(updated_from=at + MILLISECOND).matches(OPENED)
    assert Filter(updated_before=at + MILLISECOND).matches(OPENED)
    assert not Filter(updated_before=at).matches(OPENED)


def test_the_period_of_the_outcome_includes_its_first_instant_and_excludes_its_last() -> None:
    at = VERIFIED.completed_at
    assert at

    assert Filter(completed_from=at).matches(IGNORING)
    assert not Filter(completed_from=at + MILLISECOND).matches(IGNORING)
    assert Filter(completed_before=at + MILLISECOND).matches(IGNORING)
    assert not Filter(completed_before=at).matches(IGNORING)


@pytest.mark.parametrize("filter", [Filter(completed_from=NOON), Filter(completed_before=later(days=9))])
def test_a_verification_without_an_outcome_is_in_no_period_of_outcomes(filter: Filter) -> None:
    assert not filter.matches(PROCESSING)


@pytest.mark.parametrize("unreadable", [BadValue("ver_1", "completedAt"), None])
def test_an_unreadable_instant_is_in_no_period(unreadable: Any) -> None:
    damaged = replace(VERIFIED, completed_at=unreadable)

    assert not Filter(completed_from=NOON).matches(damaged)
    assert Filter(statuses=(Status.VERIFIED,)).matches(damaged)


@pytest.mark.parametrize(
    ("verification", "phase"),
    [(PENDING, Phase.AWAITING_INDIVIDUAL), (OPENED, Phase.IN_SESSION), (PROCESSING, Phase.PROCESSING), (VERIFIED, Phase.DONE)],
)
def test_a_verification_matches_if_it_is_in_one_of_the_phases(verification: Verification, phase: Phase) -> None:
    others = tuple(each for each in Phase if each is not phase)

    assert Filter(phases=(phase, Phase.CAPTURING)).matches(verification)
    assert not Filter(phases=others).matches(verification)


def test_a_verification_matches_by_whether_a_result_was_ignored() -> None:
    assert [Filter(has_ignored_results=True).matches(each) for each in (VERIFIED, IGNORING)] == [False, True]
    assert [Filter(has_ignored_results=False).matches(each) for each in (VERIFIED, IGNORING)] == [True, False]


def test_a_verification_matches_only_if_its_whole_provider_id_is_equal() -> None:
    without_id = replace(PENDING, provider=replace(PENDING.provider, id=None))

    assert Filter(provider_id=f"sandbox-{PENDING.id}").matches(PENDING)
    assert not Filter(provider_id="sandbox").matches(PENDING)
    assert not Filter(provider_id="").matches(without_id)


@over_histories
@given(states=lives(), filter=filters_over(sampled_instants), since=st.integers(0, 8))
def test_a_filter_concerns_exactly_the_verifications_that_match_or_matched_before(states: list[Verification], filter: Filter, since: int) -> None:
    matched = any(filter.matches(state) for state in states[max(since - 1, 0) :])

    assert filter.concerns(states[-1], since) is (matched or filter.matches(states[-1]))


@over_histories
@given(
    histories=st.lists(st.tuples(lives(), st.lists(st.integers(1, 8))), max_size=4),
    filter=filters_over(sampled_instants),
)
def test_a_client_that_applies_what_concerns_its_filter_shows_the_filtered_list(
    histories: list[tuple[list[Verification], list[int]]], filter: Filter
) -> None:
    """The client reads the filtered list. Then it receives some later states of each verification, and always the last one."""
    shown = {}
    for states, received in histories:
        first, *others = sorted({min(version, len(states)) for version in received} | {len(states)})
        if filter.matches(states[first - 1]):
            shown[states[0].id] = states[first - 1]
        since = first
        for version in others:
            state = states[version - 1]
            if filter.concerns(state, since):
                shown[state.id] = state
                if not filter.matches(state):
                    del shown[state.id]
            since = version

    last = [states[-1] for states, _ in histories]
    assert shown == {verification.id: verification for verification in last if filter.matches(verification)}


@over_histories
@given(states=lives(), filter=filters_over(sampled_instants))
def test_every_state_that_matches_a_filter_matches_its_lasting_conditions_for_good(states: list[Verification], filter: Filter) -> None:
    if any(map(filter.matches, states)):
        assert filter.lasting.matches(states[-1])


def test_a_verification_whose_reference_was_erased_may_have_left_the_list() -> None:
    erased = replace(FAILED.anonymized(Actor.INTEGRATOR, NOON), reference=None)
    filter = Filter(reference="order-9")

    assert filter.lasting.matches(erased)
    assert filter.concerns(erased, since=FAILED.version)
    assert not filter.matches(erased)
    assert not filter.concerns(erased, since=erased.version)
    assert not Filter(reference="order-9", first_attempts_only=True, created_from=later(days=1)).concerns(erased, since=0)


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
