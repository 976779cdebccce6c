from dataclasses import replace

import pytest

from simulation.errors import Refused, TokenRefused, Unreachable
from simulation.parties import State
from simulation.tally import MAX_CHANGES, Tally

CREATED = State("ver_1", "PENDING", "AWAITING_INDIVIDUAL", 1, 1, False, (), (), "CREATED")
OPENED = replace(CREATED, phase="IN_SESSION", version=2, last_event="LINK_OPENED")
FAILED = replace(OPENED, status="FAILED", phase="DONE", version=3, codes=("IDVV_2101", "IDVV_1301"), last_event="STATUS_CHANGED")


def moved(tally: Tally, *states: State) -> None:
    for before, after in zip((None, *states), states, strict=False):
        tally.moved(before, after, "order-10482", "Jeanne Moreau")


def test_each_verification_is_counted_under_its_last_status() -> None:
    tally = Tally()

    moved(tally, CREATED, OPENED, FAILED)

    assert {status: count for status, count in tally.statuses.items() if count} == {"FAILED": 1}
    assert [change.description for change in tally.changes] == ["failed IDVV_2101 IDVV_1301", "link opened", "created"]


def test_a_response_with_the_same_version_is_counted_as_repeated() -> None:
    tally = Tally()

    moved(tally, CREATED, OPENED, OPENED)

    assert (tally.repeated, len(tally.changes)) == (1, 2)


def test_an_ignored_result_is_counted_and_does_not_change_the_status() -> None:
    tally = Tally()

    moved(tally, CREATED, FAILED, replace(FAILED, version=4, last_event="RESULT_IGNORED"))

    assert (tally.ignored, tally.statuses["FAILED"]) == (1, 1)
    assert tally.changes[0].description == "result ignored"


def test_the_display_shows_a_retry_with_the_number_of_its_attempt() -> None:
    tally = Tally()

    moved(tally, replace(CREATED, id="ver_2", attempt=2))

    assert tally.changes[0].description == "created as attempt 2"


def test_only_the_last_changes_are_kept() -> None:
    tally = Tally()

    for _ in range(3 * MAX_CHANGES):
        moved(tally, CREATED)

    assert len(tally.changes) == MAX_CHANGES


def test_a_refusal_is_counted_by_its_code_and_suppressed() -> None:
    tally = Tally()

    with tally.counting():
        raise Refused("NOT_RETRYABLE", "ver_1 is verified")

    assert tally.refusals == {"NOT_RETRYABLE": 1}


def test_an_error_is_counted_and_suppressed() -> None:
    tally = Tally()

    with tally.counting():
        raise Unreachable("http://127.0.0.1:8000/graphql", "HTTP 503")

    assert tally.errors == 1
    assert "HTTP 503" in tally.last_error


def test_a_refused_token_is_raised_again() -> None:
    with pytest.raises(TokenRefused, match="provider's token"), Tally().counting():
        raise TokenRefused("provider", "HTTP 401")
