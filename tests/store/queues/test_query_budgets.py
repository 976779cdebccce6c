"""Tests of the budgets of queries that all processes share."""

import asyncio
from datetime import timedelta

import pytest

from domain.query_budget import QueryBudget
from store.queues.query_budgets import QueryBudgets
from store.verifications import Store
from tests.clock import Clock
from tests.storing import storing

BUDGET = QueryBudget(3, 5)


@pytest.fixture
def budgets(store: Store) -> QueryBudgets:
    """Access to the budgets in a database that only this test uses."""
    return QueryBudgets(store)


async def test_processes_together_send_no_more_than_the_budget(database_uri: str, clock: Clock) -> None:
    async with storing(database_uri, clock) as one, storing(database_uri, clock) as other:
        processes = [QueryBudgets(store) for store in (one, other) for _ in range(5)]

        taken = await asyncio.gather(*(process.take("acme", BUDGET) for process in processes * 3))
        left = (await processes[0].left({"acme": BUDGET}))["acme"]

    # If many processes count at the same time, some give up before the budget is used up. Together, they never send more than the budget.
    assert 1 <= sum(taken) <= 3
    assert left == QueryBudget(3 - sum(taken), 5 - sum(taken))


async def test_a_budget_is_used_up_and_renewed_and_each_workspace_has_its_own(budgets: QueryBudgets, clock: Clock) -> None:
    taken = [await budgets.take("acme", BUDGET) for _ in range(4)]
    assert (taken, await budgets.take("other", BUDGET)) == ([True, True, True, False], True)

    clock.now += timedelta(seconds=65)
    taken = [await budgets.take("acme", BUDGET) for _ in range(4)]

    assert taken == [True, True, False, False]
    assert await budgets.left({"acme": BUDGET, "other": BUDGET, "third": BUDGET}) == {"acme": (1, 0), "other": (3, 4), "third": BUDGET}


async def test_a_pause_ends_by_itself_and_a_shorter_one_does_not_end_it(budgets: QueryBudgets, clock: Clock) -> None:
    await budgets.pause("acme", 10)
    await budgets.pause("acme", 5)

    clock.now += timedelta(seconds=9.999)
    assert (await budgets.left({"acme": BUDGET}), await budgets.take("acme", BUDGET)) == ({"acme": (0, 0)}, False)
    clock.now += timedelta(seconds=0.001)
    assert (await budgets.left({"acme": BUDGET}), await budgets.take("acme", BUDGET)) == ({"acme": BUDGET}, True)


async def test_only_pauses_because_of_the_key_can_be_ended(budgets: QueryBudgets) -> None:
    for workspace in ("denied", "unrelated", "both"):
        await budgets.pause(workspace, 10, denied=True)
    for workspace in ("limited", "both"):
        await budgets.pause(workspace, 1)
    await budgets.take("denied", BUDGET)

    await budgets.resume(["denied", "limited", "both"])

    assert await budgets.left(dict.fromkeys(("denied", "unrelated", "limited", "both"), BUDGET)) == {
        "denied": BUDGET,
        "unrelated": (0, 0),
        "limited": (0, 0),
        "both": (0, 0),
    }
