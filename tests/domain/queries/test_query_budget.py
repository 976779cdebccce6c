"""Tests of the budget of queries: how many a workspace may still send to its provider within a minute and within an hour."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.query_budget import PERIOD_SECONDS, QueryBudget, SentQueries
from tests.factories import NOON

BUDGET = QueryBudget(3, 5)


def sent_at(*seconds: float) -> SentQueries:
    """Queries that were sent at these times, in seconds after noon."""
    sent = SentQueries()
    for second in seconds:
        sent = sent.with_one(NOON + timedelta(seconds=second))
    return sent


def left(sent: SentQueries, seconds: float) -> QueryBudget:
    """How many queries may still be sent for the minute and for the hour. `seconds`: the time, in seconds after noon."""
    return sent.left(BUDGET, NOON + timedelta(seconds=seconds))


def test_queries_count_for_a_minute_and_for_an_hour() -> None:
    sent = sent_at(0, 1, 30)

    assert [left(sent, seconds) for seconds in (30, 64, 65, 95, 3600, 3605, 3635)] == [(0, 2), (0, 2), (2, 2), (3, 2), (3, 2), (3, 4), (3, 5)]


def test_a_smaller_budget_leaves_nothing_and_never_less() -> None:
    assert left(sent_at(*[0] * 9), 1) == (0, 0)


def test_queries_that_no_longer_count_are_forgotten() -> None:
    assert sent_at(*range(0, 100_000, 10)).periods[0][0] >= NOON.timestamp() + 99_990 - 3600 - PERIOD_SECONDS


@given(pauses=st.lists(st.floats(0, 90), max_size=300), budget=st.builds(QueryBudget, st.integers(1, 5), st.integers(5, 20)))
def test_no_minute_and_no_hour_has_more_queries_than_the_budget(pauses: list[float], budget: QueryBudget) -> None:
    sent, at, instants = SentQueries(), NOON, []
    for pause in pauses:
        at += timedelta(seconds=pause)
        if min(sent.left(budget, at)):
            sent = sent.with_one(at)
            instants.append(at)

    for window, limit in ((timedelta(minutes=1), budget.per_minute), (timedelta(hours=1), budget.per_hour)):
        assert all(sum(end - window < instant <= end for instant in instants) <= limit for end in instants)
