"""Tests the conditions of filters, through the API: in lists, counts and statistics."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.caller import Scope
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from tests.commands import Commands
from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company
from tests.factories import VERIFIED_RESULT, a_verification, later

SELECT = """
query($filter: VerificationFilter) {
  verifications(filter: $filter, first: 100, orderBy: CREATED_OLDEST) { totalCount edges { node { id } } }
  verificationStats(filter: $filter) { total }
}
"""
BY_DAY = "query { verificationStats { byDay { day total byStatus { status count } } } }"


async def selected(company: Company, filter: dict[str, Any], token: str | None = None) -> list[str]:
    """The ids of the verifications that match the filter. Checks that the count and the statistics agree."""
    data = await company.ask(SELECT, {"filter": filter}, token)
    ids = [edge["node"]["id"] for edge in data["verifications"]["edges"]]
    assert data["verifications"]["totalCount"] == data["verificationStats"]["total"] == len(ids)
    return ids


async def test_each_phase_is_a_condition(company: Company) -> None:
    ids = [await company.created() for _ in range(5)]
    for id, steps in zip(ids[1:], ([LINK_OPENED], [CAPTURE_STARTED], [CAPTURE_COMPLETED], []), strict=True):
        for step in steps:
            await company.progress(id, step)
    await company.result(ids[4], "VERIFIED")

    phases = ["AWAITING_INDIVIDUAL", "IN_SESSION", "CAPTURING", "PROCESSING", "DONE"]

    assert [await selected(company, {"phase": [phase]}) for phase in phases] == [[id] for id in ids]
    assert await selected(company, {"phase": phases[1:4]}) == ids[1:4]
    assert await selected(company, {"phase": ["PROCESSING", "DONE"], "status": ["PENDING"]}) == [ids[3]]
    assert await selected(company, {"phase": []}) == []


async def test_verifications_that_are_stuck_in_processing_are_found(company: Company) -> None:
    ids = [await company.created() for _ in range(3)]
    for id in ids[:2]:
        await company.progress(id, CAPTURE_COMPLETED)
    changed = (await company.ask("query($id: ID!) { verification(id: $id) { updatedAt } }", {"id": ids[1]}))["verification"]["updatedAt"]

    assert await selected(company, {"phase": ["PROCESSING"], "updatedBefore": changed}) == ids[:1]
    assert await selected(company, {"phase": ["PROCESSING"], "updatedAfter": changed}) == ids[1:2]


async def test_periods_include_their_first_instant_and_exclude_their_last(company: Company) -> None:
    id = await company.created()
    await company.result(id, "VERIFIED")
    query = "query($id: ID!) { verification(id: $id) { updatedAt completedAt } }"
    read = (await company.ask(query, {"id": id}))["verification"]
    await company.created()

    for field, at in (("completed", read["completedAt"]), ("updated", read["updatedAt"])):
        assert await selected(company, {f"{field}After": at, "phase": ["DONE"]}) == [id]
        assert await selected(company, {f"{field}Before": at}) == []
    assert await selected(company, {"completedAfter": "2000-01-01T00:00:00Z"}) == [id]


async def test_ignored_results_and_the_provider_s_id_are_conditions(company: Company) -> None:
    first, second = await company.created(), await company.created()
    for status, codes in (("VERIFIED", []), ("FAILED", ["IDVV_2101"])):
        await company.result(first, status, *codes)
    provider_id = next(document["provider"]["id"] for document in company.kept() if document["_id"] == second)

    assert await selected(company, {"hasIgnoredResults": True}) == [first]
    assert await selected(company, {"hasIgnoredResults": False}) == [second]
    assert await selected(company, {"providerId": provider_id}) == [second]
    assert await selected(company, {"providerId": provider_id[:-1]}) == []


async def test_the_provider_s_id_of_another_workspace_finds_nothing(company: Company, stranger: Company) -> None:
    await stranger.created()
    [document] = stranger.kept()

    assert await selected(company, {"providerId": document["provider"]["id"]}) == []
    assert await selected(stranger, {"providerId": document["provider"]["id"]}) == [document["_id"]]


FILTERS: list[dict[str, Any]] = [{"hasIgnoredResults": True}, {"providerId": "7"}, {"phase": ["DONE"]}, {"completedAfter": "2000-01-01T00:00:00Z"}]


@pytest.mark.parametrize("filter", FILTERS, ids=str)
async def test_conditions_that_reveal_no_internal_reasons_need_no_scope_for_sensitive_data(company: Company, filter: dict[str, Any]) -> None:
    id = await company.created()
    await company.result(id, "VERIFIED")

    assert await selected(company, filter, company.token(Scope.READ)) == await selected(company, filter)


async def test_an_ignored_result_is_no_secret_that_the_condition_reveals(company: Company) -> None:
    """Callers without the scope for sensitive data see the event RESULT_IGNORED, so the filter `hasIgnoredResults` reveals nothing new to them."""
    id = await company.created()
    await company.result(id, "VERIFIED")
    await company.result(id, "FAILED", "IDVV_2301")
    query = "query($id: ID!) { verification(id: $id) { events { type reasons { code } } } }"

    events = (await company.ask(query, {"id": id}, company.token(Scope.READ)))["verification"]["events"]

    assert events[-1] == {"type": "RESULT_IGNORED", "reasons": []}


CONCLUDED: list[Callable[[Verification], Verification]] = [
    lambda it: it,
    lambda it: it.concluded(VERIFIED_RESULT, it.created_at),
    lambda it: it.concluded(Result.reported(Status.FAILED, ["IDVV_2101"]), it.created_at),
]


async def test_verifications_are_counted_by_the_day_of_their_creation(company: Company) -> None:
    for days, conclude in zip((0, 0, 2), CONCLUDED, strict=True):
        company.keep(conclude(a_verification(workspace=company.workspace, at=later(days=days))))

    days = (await company.ask(BY_DAY))["verificationStats"]["byDay"]

    assert [(row["day"], row["total"]) for row in days] == [("2026-03-02", 2), ("2026-03-04", 1)]
    assert [(row["status"], row["count"]) for row in days[0]["byStatus"]] == [("PENDING", 1), ("INCONCLUSIVE", 0), ("VERIFIED", 1), ("FAILED", 0)]


async def test_days_are_counted_only_if_they_are_selected(company: Company, commands: Commands) -> None:
    name = company.collection.database.name

    with commands.sent(name) as with_days:
        await company.ask(BY_DAY)
    with commands.sent(name) as without_days:
        await company.ask("query { verificationStats { total medianSecondsToResult } }")

    [[counting], [not_counting]] = [[each for each in sent if "aggregate" in each and "$facet" in repr(each)] for sent in (with_days, without_days)]
    assert "days" in counting["pipeline"][2]["$facet"]
    assert "days" not in not_counting["pipeline"][2]["$facet"]
