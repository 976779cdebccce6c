"""Tests of the mutation `closeVerification`, of the callers who see its note, and of what subscribers receive when a verdict arrives later."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from domain.caller import Scope
from gateway.settings import Settings
from store.indexes import VERIFICATIONS
from store.verifications import utc_now
from tests.clock import Clock
from tests.company import LINK_OPENED, Company
from tests.serving import serving
from tests.wire import following

SECOND = timedelta(seconds=1)
NOTE = "Jeanne Moreau moved abroad"
STATE = "query($id: ID!) { verification(id: $id) { status billable canRetry reasons { code } events { type actor toStatus note } } }"
UPDATED = """
subscription($id: ID!, $after: Int) {
  verificationUpdated(id: $id, after: $after) { verification { status version } events { version type actor toStatus note } }
}
"""


@pytest.fixture
def now() -> Clock:
    """A clock that starts at the current time, because the gateway compares its clock with MongoDB's clock when it starts."""
    return Clock(utc_now())


@pytest.fixture
async def unswept(database_uri: str, mongo: MongoClient[dict[str, Any]], database_name: str, now: Clock) -> AsyncIterator[Company]:
    """A company whose gateway applies deadlines only when a verification is read or changed."""
    async with serving(database_uri, now=now, sweep_seconds=3600) as gateway:
        yield Company(gateway, mongo[database_name][VERIFICATIONS])


async def notes(company: Company, id: str, *scopes: Scope, token: str | None = None) -> tuple[list[str | None], list[str]]:
    """The notes of all events of a verification as a caller sees them, and the messages of the errors."""
    response = await company.answer(STATE, {"id": id}, token or company.token(*scopes))
    return [event["note"] for event in response["data"]["verification"]["events"]], [error["message"] for error in response.get("errors", [])]


async def test_a_closed_verification_is_inconclusive_without_a_reason_and_can_be_retried(company: Company) -> None:
    id = await company.created()

    closed = await company.close(id, note=f"  {NOTE}\n")
    again = await company.close(id, note="another note")

    found = (await company.ask(STATE, {"id": id}))["verification"]
    assert (closed["status"], closed["version"], again["version"]) == ("INCONCLUSIVE", 2, 2)
    assert (found["status"], found["reasons"], found["billable"], found["canRetry"]) == ("INCONCLUSIVE", [], False, True)
    assert found["events"][-1] == {"type": "STATUS_CHANGED", "actor": "INTEGRATOR", "toStatus": "INCONCLUSIVE", "note": NOTE}
    assert (await company.retry(id))["attempt"] == 2
    assert (await company.anonymize(id))["__typename"] == "Verification"


async def test_only_callers_with_the_scope_see_the_note_and_the_others_get_no_error(company: Company) -> None:
    id = await company.created()
    await company.close(id, note=NOTE)
    await company.result(id, "VERIFIED")
    follower = await company.follow_token(id)

    gateway_note = "reported after the verification was closed"
    assert await notes(company, id, Scope.READ, Scope.SENSITIVE) == ([None, NOTE, gateway_note], [])
    assert await notes(company, id, Scope.READ) == ([None, None, gateway_note], [])
    assert await notes(company, id, token=follower) == ([None, None, None], [])


async def test_the_note_is_not_in_the_database_in_clear_and_is_gone_after_the_anonymization(company: Company) -> None:
    id = await company.created()
    await company.close(id, note=NOTE)
    before = company.kept()

    await company.anonymize(id)

    assert "abroad" not in repr(before)
    assert await notes(company, id, *Scope) == ([None, None, None], [])
    assert "closingNote" in before[0]
    assert "closingNote" not in company.kept()[0]


@pytest.mark.parametrize("note", ["x" * 256, "\u0007", "a\u0000b"])
async def test_a_note_that_is_too_long_or_no_text_is_refused(company: Company, note: str) -> None:
    id = await company.created()

    refusal = await company.close(id, note=note)

    assert (refusal["code"], refusal["field"]) == ("INVALID_INPUT", "note")
    assert company.kept()[0]["version"] == 1


@pytest.mark.parametrize("note", [None, " x" + "y" * 254 + " "])
async def test_a_note_may_be_missing_or_as_long_as_allowed(company: Company, note: str | None) -> None:
    id = await company.created()

    assert (await company.close(id, note=note))["status"] == "INCONCLUSIVE"
    assert (await notes(company, id, *Scope))[0][-1] == (note and note.strip())


@pytest.mark.parametrize("note", ["", "  ", "\r\n", "\t \u2029\u3000", "\u200b"])
async def test_a_blank_note_is_no_note(company: Company, note: str) -> None:
    id = await company.created()

    assert (await company.close(id, note=note))["status"] == "INCONCLUSIVE"
    assert (await notes(company, id, *Scope))[0] == [None, None]
    assert "closingNote" not in company.kept()[0]


@pytest.mark.parametrize(
    "note", ["moved\r\nabroad", "\n\tmoved\t\t\nabroad\r\n", "moved \n abroad", "moved\u2028abroad", "x" * 125 + "\r\n" * 300 + "y" * 125]
)
async def test_line_breaks_and_tabs_of_a_note_become_one_space(company: Company, note: str) -> None:
    id = await company.created()

    await company.close(id, note=note)

    assert (await notes(company, id, *Scope))[0][-1] == " ".join(note.split())


async def test_a_close_is_refused_with_a_result_and_without_the_scope(company: Company, stranger: Company) -> None:
    id = await company.created()
    await company.result(id, "FAILED", "IDVV_2101")

    refusal, unseen = await company.close(id), await stranger.close(id)
    query = "mutation($id: ID!) { closeVerification(input: { verificationId: $id }) { __typename } }"
    forbidden = await company.answer(query, {"id": id}, company.token(Scope.READ, Scope.REPORT))

    assert (refusal["code"], refusal["field"]) == ("ILLEGAL_TRANSITION", None)
    assert (unseen["code"], unseen["field"]) == ("NOT_FOUND", "verificationId")
    assert forbidden["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_result_after_the_close_decides_whether_the_provider_charges(company: Company) -> None:
    closed, charged, failed = await company.created(), await company.created(), await company.created()
    for id in (closed, charged):
        await company.close(id)
    await company.result(charged, "VERIFIED")
    await company.result(failed, "FAILED", "IDVV_2101")

    query = "{ verifications(orderBy: CREATED_OLDEST) { edges { node { billable } } } verificationStats { billable total medianSecondsToResult } }"
    found = await company.ask(query)

    assert [edge["node"]["billable"] for edge in found["verifications"]["edges"]] == [False, True, True]
    assert (found["verificationStats"]["billable"], found["verificationStats"]["total"]) == (2, 3)


async def test_the_median_follows_the_verdict_that_replaced_an_outcome_of_the_gateway(unswept: Company, now: Clock) -> None:
    id = await unswept.created()
    await unswept.progress(id, LINK_OPENED)
    now.now += Settings.model_fields["link_window_seconds"].default * SECOND
    stats = "{ verificationStats { billable medianSecondsToResult byStatus { status count } } }"
    await unswept.ask(STATE, {"id": id})
    before = (await unswept.ask(stats))["verificationStats"]

    now.now += 100 * SECOND
    await unswept.result(id, "VERIFIED")
    after = (await unswept.ask(stats))["verificationStats"]

    assert (before["billable"], before["medianSecondsToResult"]) == (0, None)
    assert (after["billable"], after["medianSecondsToResult"]) == (1, 1000.0)
    assert {row["status"]: row["count"] for row in after["byStatus"]} == {"PENDING": 0, "INCONCLUSIVE": 0, "VERIFIED": 1, "FAILED": 0}


async def test_a_completed_subscription_stays_completed_and_a_new_one_delivers_the_later_verdict(unswept: Company, now: Clock) -> None:
    id = await unswept.created()
    await unswept.progress(id, LINK_OPENED)
    now.now += Settings.model_fields["link_window_seconds"].default * SECOND

    async with following(unswept.gateway, unswept.token(), UPDATED, {"id": id, "after": 2}) as updates:
        [last] = await updates.rest()
    await unswept.result(id, "VERIFIED")
    async with following(unswept.gateway, unswept.token(), UPDATED, {"id": id, "after": last["verification"]["version"]}) as updates:
        [later] = await updates.rest()

    assert (last["verification"]["status"], [event["actor"] for event in last["events"]]) == ("INCONCLUSIVE", ["SYSTEM"])
    assert later["verification"] == {"status": "VERIFIED", "version": 4}
    assert later["events"] == [{"version": 4, "type": "STATUS_CHANGED", "actor": "PROVIDER", "toStatus": "VERIFIED", "note": None}]
