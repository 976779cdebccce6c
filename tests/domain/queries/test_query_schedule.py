"""Tests of the instants at which a verification is queried at its provider."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event import Progress
from domain.query_schedule import QuerySchedule
from tests.factories import NOON, WINDOWS, a_verification, a_verification_after, later

SCHEDULE = QuerySchedule()
SHORT = QuerySchedule((timedelta(minutes=5), timedelta(hours=1)))


@pytest.mark.parametrize(
    ("seconds", "following"),
    [
        (-1, 1200),
        (0, 1200),
        (1199.999, 1200),
        (1200, 3600),
        (3600, 21_600),
        (21_600, 86_400),
        (86_400, 259_200),
        (259_200, 604_800),
        (604_800, 8 * 86_400),
        (8 * 86_400, 9 * 86_400),
        (100 * 86_400 + 1, 101 * 86_400),
    ],
)
def test_a_verification_is_queried_by_its_age_and_daily_after_the_last_one(seconds: float, following: float) -> None:
    assert SCHEDULE.next_after(a_verification(), later(seconds=seconds)) == later(seconds=following)


def test_other_ages_can_be_chosen() -> None:
    verification = a_verification()

    assert [SHORT.next_after(verification, later(minutes=minutes)) for minutes in (0, 5, 60, 24 * 60 + 60)] == [
        later(minutes=5),
        later(hours=1),
        later(days=1, hours=1),
        later(days=2, hours=1),
    ]


def test_it_is_queried_a_day_after_its_expiry_whatever_the_ages_are() -> None:
    assert SHORT.next_after(a_verification(), later(days=8, seconds=-1)) == later(days=8)


def test_it_is_queried_after_the_individual_came_back() -> None:
    returned = a_verification_after(Progress.CAPTURE_COMPLETED, later(hours=2))

    instants = [later(hours=2)]
    for _ in range(4):
        instants.append(SCHEDULE.next_after(returned, instants[-1]))

    assert instants[1:] == [later(hours=2, seconds=60), later(hours=2, seconds=300), later(hours=2, seconds=900), later(seconds=21_600)]


@pytest.mark.parametrize(("step", "following"), [(Progress.LINK_OPENED, later(minutes=16)), (Progress.CAPTURE_STARTED, later(seconds=1200))])
def test_it_is_queried_after_the_deadline_of_the_link_unless_the_capture_has_begun(step: Progress, following: object) -> None:
    assert SCHEDULE.next_after(a_verification_after(step), NOON) == following


@given(
    ages=st.lists(st.integers(1, 10_000_000), min_size=1, max_size=8, unique=True).map(sorted),
    at=st.timedeltas(timedelta(days=-1), timedelta(days=1000)),
    step=st.sampled_from([None, *Progress]),
    stepped=st.timedeltas(timedelta(0), timedelta(days=6)),
)
def test_the_next_query_is_later_and_within_a_day_after_the_last_age(
    ages: list[int], at: timedelta, step: Progress | None, stepped: timedelta
) -> None:
    schedule = QuerySchedule(tuple(timedelta(seconds=age) for age in ages))
    verification = a_verification()
    verification = verification.progressed(step, WINDOWS, NOON + stepped) if step else verification

    following = schedule.next_after(verification, NOON + at)

    assert NOON + at < following <= max(NOON + at + timedelta(days=1), NOON + schedule.ages[-1])
