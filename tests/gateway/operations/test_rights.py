"""Which callers may select which fields, and what the others receive instead."""

from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest

from domain.caller import Scope
from domain.result import Result
from domain.status import Status
from domain.verification import Verification
from gateway.operations import rights
from schema.rules import ANYONE
from store.verifications import utc_now
from tests.company import CAPTURE_COMPLETED, PERSON, Company
from tests.factories import PASSPORT, a_verification
from tests.gateway.callers.test_tokens import OPERATIONS, SCHEMA, variables
from tests.wire import following, wired

READ, WRITE, REPORT, SENSITIVE = SCOPES = (Scope.READ, Scope.WRITE, Scope.REPORT, Scope.SENSITIVE)
EVERY_SET = list(chain.from_iterable(combinations(SCOPES, size) for size in range(1, 5)))
NEEDS = {
    "node": READ,
    "verification": READ,
    "verifications": READ,
    "verificationStats": READ,
    "statuses": None,
    "reasonCodes": None,
    "reasonCode": None,
    "me": None,
    "unmatchedWebhooks": READ,
    "webhookDeliveries": READ,
    "createVerification": WRITE,
    "retryVerification": WRITE,
    "closeVerification": WRITE,
    "anonymizeVerification": WRITE,
    "issueFollowToken": WRITE,
    "resendWebhooks": WRITE,
    "reportProgress": REPORT,
    "reportResult": REPORT,
    "verificationUpdated": READ,
    "verificationsUpdated": READ,
}
DOCUMENT = {"fullName": "Jeanne Moreau", "nationalIdentificationNumber": "900123456789012"}
SECRETS = ("IDVV_2301", "Jeanne", "900123456789012")
PERSONAL = "declaredIdentity { firstName lastName } extractedDocument { fullName nationalIdentificationNumber }"
REASONS = "reasons { code } events { type reasons { code } }"


def names(scopes: tuple[Scope, ...]) -> str:
    return "+".join(scope.name.lower() for scope in scopes)


def codes(reasons: list[dict[str, str]]) -> list[str]:
    return [reason["code"] for reason in reasons]


def a_failed_one(company: Company, *codes: str) -> Verification:
    """A verification of the company that failed with these reason codes. It is not stored yet."""
    pending = a_verification(workspace=company.workspace, at=utc_now())
    return pending.concluded(Result.reported(Status.FAILED, list(codes), PASSPORT), utc_now())


def test_every_field_has_a_rule_that_its_description_states() -> None:
    for type, name, field in rights.fields(SCHEMA):
        assert rights.rules(field), f"{type.name}.{name} has no rule"
        assert all(rule.description in (field.description or "") for rule in rights.rules(field)), f"{type.name}.{name}"


def test_the_documentation_has_the_table_of_rules() -> None:
    documentation = Path(rights.__file__).parents[2] / "docs" / "security.md"

    rows = sorted(
        f"| `{type.name}.{name}` | {' '.join(rule.description for rule in rights.rules(field))} |"
        for type, name, field in rights.fields(SCHEMA)
        if ANYONE not in rights.rules(field)
    )
    assert "\n".join(["| field | who |", "|---|---|", *rows]) in documentation.read_text()


def test_every_root_field_has_its_rule_here() -> None:
    assert NEEDS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("scopes", EVERY_SET, ids=names)
async def test_each_root_field_is_open_only_to_callers_with_its_scope(company: Company, scopes: tuple[Scope, ...]) -> None:
    pending, stuck = (a_verification(workspace=company.workspace, at=utc_now()) for _ in range(2))
    failed = a_failed_one(company, "IDVV_2101")
    company.keep(pending, stuck, failed)
    ids = {"closeVerification": stuck.id, "anonymizeVerification": failed.id, "retryVerification": failed.id}
    token = company.token(*scopes)

    for name, query in OPERATIONS.items():
        operation_variables, before = variables(query, id=ids.get(name, pending.id), input=PERSON), company.kept()
        if query.startswith("subscription"):
            async with wired(company.gateway, token) as wire:
                await wire.subscribe("1", query, operation_variables)
                message = await wire.hear()
            errors = message["payload"] if message["type"] == "error" else message["payload"].get("errors", [])
        else:
            errors = (await company.answer(query, operation_variables, token)).get("errors", [])

        allowed = NEEDS[name] is None or NEEDS[name] in scopes
        assert [error["extensions"]["code"] for error in errors] == ([] if allowed else ["FORBIDDEN"]), name
        assert allowed or company.kept() == before, name


@pytest.fixture
def secretive(company: Company) -> Company:
    """A company with failed verifications. Some of their reasons are internal: the person who was verified must not learn these."""
    for codes in (["IDVV_2403"], ["IDVV_2101", "IDVV_2301"], ["IDVV_2101", "NEW_CODE"], ["IDVV_1201"]):
        company.keep(a_failed_one(company, *codes))
    return company


async def test_without_the_scope_personal_data_are_null_with_one_error(secretive: Company) -> None:
    query = f"{{ verifications {{ edges {{ node {{ id {PERSONAL} attempts {{ {PERSONAL} }} }} }} }} }}"

    open_answer = await secretive.answer(query, token=secretive.token(READ, SENSITIVE))
    answer = await secretive.answer(query, token=secretive.token(READ))

    nodes = [edge["node"] for edge in answer["data"]["verifications"]["edges"]]
    hidden = {"declaredIdentity": None, "extractedDocument": None}
    assert [(error["extensions"], error["path"][0]) for error in answer["errors"]] == [({"code": "FORBIDDEN"}, "verifications")]
    assert all(node == {"id": node["id"], **hidden, "attempts": [hidden]} for node in nodes)
    assert len(nodes) == 4
    assert "Jeanne" not in repr(answer)
    assert "errors" not in open_answer
    assert repr(open_answer).count("900123456789012") == 8


@pytest.mark.parametrize("scopes", [(READ,), (WRITE,), (REPORT,), (READ, WRITE, REPORT)], ids=names)
async def test_no_answer_shows_personal_data_or_internal_reasons_without_the_scope(company: Company, scopes: tuple[Scope, ...]) -> None:
    token = company.token(*scopes)
    id = await company.created()
    await company.result(id, "FAILED", "IDVV_2101", "IDVV_2301", extractedDocument=DOCUMENT)
    await company.retry(id)
    inside = f"{REASONS} {PERSONAL}"
    whole = f"{inside} attempts {{ {inside} }} nextAttempt {{ previousAttempt {{ {inside} }} }}"
    queries = [
        f"query($id: ID!) {{ verification(id: $id) {{ {whole} }} }}",
        f"query($id: ID!) {{ node(id: $id) {{ ... on Verification {{ {whole} }} }} }}",
        f"query {{ verifications {{ edges {{ node {{ {whole} }} }} }} }}",
        f"mutation($id: ID!) {{ reportProgress(input: {{ verificationId: $id, progress: LINK_OPENED }}) {{ ... on Verification {{ {whole} }} }} }}",
        f"mutation($id: ID!) {{ retryVerification(input: {{ verificationId: $id }}) {{ ... on Verification {{ {whole} }} }} }}",
    ]

    answers = [await company.answer(query, variables(query, id=id), token) for query in queries]

    for answer in answers:
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}
        assert not any(secret in repr(answer) for secret in SECRETS)
    assert any("IDVV_2101" in repr(answer) for answer in answers)


async def test_without_the_scope_internal_reasons_are_left_out(secretive: Company) -> None:
    query = f"{{ verifications(orderBy: CREATED_OLDEST) {{ totalCount edges {{ node {{ {REASONS} }} }} }} }}"

    seen = {}
    for scopes in ((READ, SENSITIVE), (READ,)):
        page = (await secretive.ask(query, token=secretive.token(*scopes)))["verifications"]
        assert page["totalCount"] == 4
        for edge in page["edges"]:
            [_, changed] = edge["node"]["events"]
            assert changed["reasons"] == edge["node"]["reasons"]
        seen[scopes] = [codes(edge["node"]["reasons"]) for edge in page["edges"]]

    assert seen[READ, SENSITIVE] == [["IDVV_2403"], ["IDVV_2101", "IDVV_2301"], ["IDVV_2101", "NEW_CODE"], ["IDVV_1201"]]
    assert seen[READ,] == [[], ["IDVV_2101"], ["IDVV_2101"], ["IDVV_1201"]]


async def test_without_the_scope_statistics_do_not_list_internal_reasons(secretive: Company) -> None:
    query = "{ verificationStats { total billable byReason { reason { code } count } } }"

    seen = {}
    for scopes in ((READ, SENSITIVE), (READ,)):
        stats = (await secretive.ask(query, token=secretive.token(*scopes)))["verificationStats"]
        assert (stats["total"], stats["billable"]) == (4, 4)
        seen[scopes] = [(row["reason"]["code"], row["count"]) for row in stats["byReason"]]

    assert seen[READ, SENSITIVE] == [("IDVV_2101", 2), ("IDVV_1201", 1), ("IDVV_2301", 1), ("IDVV_2403", 1), ("NEW_CODE", 1)]
    assert seen[READ,] == [("IDVV_2101", 2), ("IDVV_1201", 1)]


FILTERS: list[dict[str, Any]] = [
    *({"reasonCode": codes} for codes in (["IDVV_2301"], ["IDVV_2403"], ["IDVV_2101", "IDVV_2311"], ["NEW_CODE"], ["anything"], [""])),
    *({"reasonType": types} for types in (["IDENTITY_FRAUD"], ["SUSPICIOUS_BEHAVIOR"], ["UNKNOWN"], ["DOCUMENT_ISSUE", "IDENTITY_FRAUD"])),
]


@pytest.mark.parametrize("filter", FILTERS, ids=repr)
async def test_without_the_scope_a_filter_by_internal_reasons_is_refused(secretive: Company, filter: dict[str, Any]) -> None:
    filter = {**filter, "status": ["FAILED"]}
    for field in ("verifications(filter: $filter) { totalCount }", "verificationStats(filter: $filter) { total }"):
        query = f"query($filter: VerificationFilter) {{ {field} }}"

        refused = await secretive.answer(query, {"filter": filter}, secretive.token(READ, WRITE, REPORT))
        allowed = await secretive.answer(query, {"filter": filter}, secretive.token(READ, SENSITIVE))

        assert refused["data"] is None
        assert [error["extensions"] for error in refused["errors"]] == [{"code": "FORBIDDEN"}]
        assert "errors" not in allowed

    feed = "subscription($filter: VerificationFilter) { verificationsUpdated(filter: $filter) { cursor } }"
    async with following(secretive.gateway, secretive.token(READ), feed, {"filter": filter}) as updates:
        assert [error["extensions"] for error in await updates.errors()] == [{"code": "FORBIDDEN"}]


async def test_any_reader_may_filter_by_other_reasons(secretive: Company) -> None:
    query = "query($filter: VerificationFilter) { verifications(filter: $filter) { totalCount } }"

    for filter, count in (
        ({"reasonCode": ["IDVV_2101", "IDVV_1201"]}, 3),
        ({"reasonType": ["DOCUMENT_ISSUE"]}, 2),
        ({"reasonType": ["CONSISTENCY_ISSUE"]}, 0),
        ({"reasonCode": []}, 0),
    ):
        assert await secretive.ask(query, {"filter": filter}, secretive.token(READ)) == {"verifications": {"totalCount": count}}


async def test_subscriptions_hide_the_same_data_from_a_reader_as_queries(company: Company) -> None:
    id = await company.created()
    shown = f"verification {{ {REASONS} {PERSONAL} }}"
    one = f"subscription($id: ID!) {{ verificationUpdated(id: $id) {{ {shown} events {{ type reasons {{ code }} }} }} }}"
    all = f"subscription {{ verificationsUpdated {{ {shown} }} }}"
    token = company.token(READ)

    async with following(company.gateway, token, one, {"id": id}) as updates, following(company.gateway, token, all) as feed:
        assert "errors" not in await feed.response()
        messages = [await updates.response()]
        await company.result(id, "FAILED", "IDVV_2101", "IDVV_2301", extractedDocument=DOCUMENT)
        messages += [update := await updates.response(), item := await feed.response()]
        while item["data"]["verificationsUpdated"]["verification"]["events"][-1]["type"] != "STATUS_CHANGED":
            messages.append(item := await feed.response())

    for message in messages:
        assert [error["extensions"] for error in message["errors"]] == [{"code": "FORBIDDEN"}]
        assert not any(secret in repr(message) for secret in SECRETS)
    assert codes(update["data"]["verificationUpdated"]["verification"]["reasons"]) == ["IDVV_2101"]
    assert codes(update["data"]["verificationUpdated"]["events"][0]["reasons"]) == ["IDVV_2101"]
    assert codes(item["data"]["verificationsUpdated"]["verification"]["reasons"]) == ["IDVV_2101"]


async def test_the_response_to_a_report_shows_the_verification_without_internal_reasons(company: Company) -> None:
    id = await company.created()

    step = await company.progress(id, CAPTURE_COMPLETED, token=company.token(REPORT))
    outcome = await company.result(id, "FAILED", "IDVV_2101", "IDVV_2301", token=company.token(REPORT))

    assert (step["__typename"], step["phase"]) == ("Verification", "PROCESSING")
    assert (outcome["__typename"], outcome["status"], codes(outcome["reasons"])) == ("Verification", "FAILED", ["IDVV_2101"])
