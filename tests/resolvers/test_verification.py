"""Tests the fields that return the attempts of a verification's chain, and how many database commands these fields need."""

from typing import Any

import pytest

from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from store.verifications import utc_now
from tests.commands import Commands
from tests.company import Company
from tests.factories import a_verification, retried

PAGE = """
query($rows: Int!) {
  verifications(first: $rows) {
    edges { node { id previousAttempt { id } nextAttempt { id } attempts { id previousAttempt { id } nextAttempt { id } attempts { id } } } }
  }
}
"""
FAILED = Result.reported(Status.FAILED, ["IDVV_2101"])


def a_chain(workspace: str, attempts: int) -> list[Verification]:
    """A chain with this number of attempts. Each attempt after the first is the retry of the previous one."""
    chain = [a_verification(workspace=workspace, at=utc_now())]
    while len(chain) < attempts:
        old, successor = retried(chain[-1].concluded(FAILED, utc_now()), utc_now())
        chain[-1:] = [old, successor]
    return chain


async def page(company: Company, rows: int) -> list[dict[str, Any]]:
    """Request the newest verifications, each with the attempts of its chain. `rows`: how many to request."""
    return [edge["node"] for edge in (await company.ask(PAGE, {"rows": rows}))["verifications"]["edges"]]


async def test_every_attempt_has_the_other_attempts_of_its_chain(company: Company) -> None:
    chain = a_chain(company.workspace, 3)
    company.keep(*chain, *a_chain(company.workspace, 2))
    first, second, third = (verification.id for verification in chain)

    found = {row["id"]: row for row in await page(company, 10)}

    assert [attempt["id"] for attempt in found[second]["attempts"]] == [first, second, third]
    assert (found[second]["previousAttempt"], found[second]["nextAttempt"]) == ({"id": first}, {"id": third})
    assert (found[first]["previousAttempt"], found[third]["nextAttempt"]) == (None, None)
    assert [attempt["nextAttempt"] for attempt in found[third]["attempts"]] == [{"id": second}, {"id": third}, None]


@pytest.mark.parametrize("attempts", [1, 2, 3])
async def test_a_page_of_fifty_with_all_attempts_needs_as_many_commands_as_a_page_of_five(
    company: Company, commands: Commands, attempts: int
) -> None:
    for _ in range(-(-50 // attempts)):
        company.keep(*a_chain(company.workspace, attempts))

    costs = {}
    for rows in (5, 50):
        with commands.sent(company.collection.database.name) as sent:
            found = await page(company, rows)
        assert len(found) == rows
        assert all(len(row["attempts"]) == attempts for row in found)
        # Leave out the commands that the sweeper and the feed send at the same time: only commands for a caller contain the workspace.
        costs[rows] = [next(iter(command)) for command in sent if company.workspace in repr(command)]

    assert costs[5] == costs[50] == ["find"] * min(attempts, 2)


async def test_a_response_that_grows_with_every_level_is_refused(company: Company) -> None:
    chain = a_chain(company.workspace, 20)
    company.keep(*chain)
    query = "query($id: ID!) { verification(id: $id) { attempts { attempts { attempts { attempts { id } } } } } }"

    answer = await company.answer(query, {"id": chain[0].id})

    assert answer["data"] == {"verification": None}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"QUERY_TOO_COMPLEX"}
