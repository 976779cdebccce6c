"""Tests the validation of the results that a provider reports, and when two results are the same."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.event import Actor
from domain.extraction import Extraction
from domain.reasons import CATALOGUE, CODE
from domain.result import MAX_REASONS, Result, is_unusual
from domain.status import Status
from tests.factories import NOON, PASSPORT

FINAL = [status for status in Status if status.final]
WITH_REASONS = [Status.INCONCLUSIVE, Status.FAILED]
BUTTONS = ["IDVV_1111", "IDVV_1112", "IDVV_1113", "IDVV_1202", "IDVV_1203", "IDVV_3001"]
UNKNOWN = "IDVV_9999"


def answer_to(status: Status, codes: list[str]) -> Result | InvalidInput:
    try:
        return Result.reported(status, codes)
    except InvalidInput as refusal:
        return refusal


def refused_field(status: Status, codes: list[str]) -> str | None:
    with pytest.raises(InvalidInput) as refusal:
        Result.reported(status, codes)
    return refusal.value.field


@pytest.mark.parametrize(("status", "code"), list(product(WITH_REASONS, CATALOGUE)))
def test_a_code_of_the_catalogue_is_accepted_only_with_its_statuses(status: Status, code: str) -> None:
    if status in CATALOGUE[code].statuses:
        assert Result.reported(status, [code]).reasons == (code,)
    else:
        assert refused_field(status, [code]) == "reasonCodes"


def test_one_code_that_is_not_allowed_with_the_status_makes_the_result_invalid() -> None:
    assert refused_field(Status.FAILED, ["IDVV_1301", "IDVV_1101"]) == "reasonCodes"


@pytest.mark.parametrize("status", WITH_REASONS)
def test_the_code_for_a_poor_connection_and_an_unknown_code_are_allowed_with_failed_and_inconclusive(status: Status) -> None:
    assert Result.reported(status, ["IDVV_1201", UNKNOWN]).reasons == ("IDVV_1201", UNKNOWN)


@pytest.mark.parametrize("code", ["IDVV_1301", "IDVV_1201", UNKNOWN])
def test_any_code_is_refused_with_the_status_verified(code: str) -> None:
    assert refused_field(Status.VERIFIED, [code]) == "reasonCodes"


def test_the_status_verified_needs_no_code() -> None:
    assert Result.reported(Status.VERIFIED, []).reasons == ()


@pytest.mark.parametrize("status", WITH_REASONS)
def test_an_outcome_without_a_code_is_refused(status: Status) -> None:
    assert refused_field(status, []) == "reasonCodes"


@pytest.mark.parametrize("codes", [[], ["IDVV_1301"], [UNKNOWN], ["no code"]])
def test_the_status_pending_is_refused_with_any_codes(codes: list[str]) -> None:
    assert refused_field(Status.PENDING, codes) == "status"


def test_duplicate_codes_are_dropped_and_the_order_is_kept() -> None:
    result = Result.reported(Status.FAILED, ["IDVV_2101", "IDVV_1301", "IDVV_2101", UNKNOWN, "IDVV_1301"])

    assert result.reasons == ("IDVV_2101", "IDVV_1301", UNKNOWN)


def test_at_most_fifty_codes_are_accepted_without_counting_duplicates() -> None:
    fifty = [f"NEW_{number}" for number in range(50)]

    assert len(Result.reported(Status.FAILED, fifty + fifty).reasons) == 50
    assert refused_field(Status.FAILED, [*fifty, "NEW_50"]) == "reasonCodes"


@pytest.mark.parametrize("code", ["A", "0", "_", "A" * 64])
def test_a_code_has_one_to_sixty_four_capitals_digits_and_underscores(code: str) -> None:
    assert Result.reported(Status.FAILED, [code]).reasons == (code,)


@pytest.mark.parametrize("code", ["", " ", "A" * 65, "idvv_1301", "IDVV-1301", "IDVV 1301", "IDVV_1301\n", "IDVV_\u0661", "É", "\ud800", "$where"])
def test_a_code_of_another_format_is_refused(code: str) -> None:
    assert refused_field(Status.FAILED, ["IDVV_1301", code]) == "reasonCodes"


@pytest.mark.parametrize("code", BUTTONS)
def test_the_individual_is_the_actor_of_each_button_of_the_capture_page(code: str) -> None:
    assert Result.reported(Status.INCONCLUSIVE, [code]).actor is Actor.INDIVIDUAL


def test_the_individual_is_the_actor_of_several_buttons_together() -> None:
    assert Result.reported(Status.INCONCLUSIVE, BUTTONS).actor is Actor.INDIVIDUAL


@pytest.mark.parametrize("code", sorted({UNKNOWN, *CATALOGUE} - set(BUTTONS)))
def test_the_provider_is_the_actor_of_a_result_with_any_other_code(code: str) -> None:
    status = Status.INCONCLUSIVE if code == UNKNOWN else CATALOGUE[code].statuses[0]
    with_a_button = [*BUTTONS[:1], code] if status is Status.INCONCLUSIVE else [code]

    assert Result.reported(status, [code]).actor is Actor.PROVIDER
    assert Result.reported(status, with_a_button).actor is Actor.PROVIDER


def test_the_provider_is_the_actor_of_a_result_without_codes() -> None:
    assert Result.reported(Status.VERIFIED, []).actor is Actor.PROVIDER


def test_results_are_compared_without_order_document_and_source() -> None:
    result = Result.reported(Status.FAILED, ["IDVV_1301", "IDVV_2101"])

    assert Result.reported(Status.FAILED, ["IDVV_2101", "IDVV_1301"], PASSPORT, "event-1").key == result.key
    assert Result.reported(Status.FAILED, ["IDVV_1301"]).key != result.key


def test_results_are_compared_without_the_note_on_the_document() -> None:
    noted = Result.reported(Status.VERIFIED, [], None, note="extractedDocument.bornOn was not usable and was left out")

    assert noted.note
    assert noted.key == Result.reported(Status.VERIFIED, []).key


def test_the_same_code_with_another_status_is_another_result() -> None:
    assert Result.reported(Status.FAILED, ["IDVV_1201"]).key != Result.reported(Status.INCONCLUSIVE, ["IDVV_1201"]).key


@given(st.sampled_from(Status), st.lists(st.text(st.characters()) | st.sampled_from([UNKNOWN, *CATALOGUE]), max_size=60))
def test_any_status_and_codes_give_a_result_or_a_refusal_that_can_be_sent(status: Status, codes: list[str]) -> None:
    answer = answer_to(status, codes)

    if isinstance(answer, Result):
        assert answer.status in FINAL
        assert list(answer.reasons) == list(dict.fromkeys(codes))
    else:
        assert answer.field in ("status", "reasonCodes")
        assert str(answer).encode()


@given(st.sampled_from(FINAL), st.lists(st.one_of(st.text(), st.sampled_from([*CATALOGUE, UNKNOWN])), max_size=80))
def test_a_received_result_is_never_refused_and_keeps_status_and_codes(status: Status, codes: list[str]) -> None:
    result = Result.received(status, codes)

    kept = [code for code in dict.fromkeys(codes) if CODE.fullmatch(code)]
    assert (result.status, result.reasons) == (status, tuple(kept[:MAX_REASONS]))
    assert (result.note is not None) is is_unusual(status, codes)


@pytest.mark.parametrize("status", FINAL)
def test_a_received_result_that_could_be_reported_has_no_note(status: Status) -> None:
    codes = [code for code, reason in CATALOGUE.items() if status in reason.statuses]

    assert Result.received(status, [*codes, *codes]) == Result.reported(status, codes)


def test_the_note_of_a_received_result_names_all_that_is_unusual_and_no_value() -> None:
    result = Result.received(Status.INCONCLUSIVE, ["Jeanne", "IDVV_2301"], Extraction.received(None, "never", "visa", None, None, NOON), "event-1")

    assert result.note == (
        "reasonCodes had texts that are no codes, and they were left out; reasonCodes had codes that do not go with inconclusive; "
        "extractedDocument.bornOn was not usable and was left out; extractedDocument.type was not usable and was left out"
    )
    assert result.source_id == "event-1"
