"""Clients send MongoDB operators and code as values. The gateway must treat them as plain text or refuse them.

Case S15 in tests/security/README.md.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from domain.caller import Scope
from tests.commands import Command, Commands
from tests.company import PERSON, Company
from tests.gateway.callers.test_tokens import OPERATIONS, WITH_AN_ID
from tests.security.transports import Request, codes, request_for, transports_of

OBJECTS: list[Any] = [
    {"$ne": None},
    {"$gt": ""},
    {"$regex": ".*"},
    {"$where": "sleep(1000)"},
    {"$expr": {"$function": {"body": "function() { return true }", "args": [], "lang": "js"}}},
    {"$in": ["a"]},
    [{"$ne": None}],
    {"a.b": 1},
    {"$oid": "0" * 24},
    {"_id": {"$exists": True}},
    {"__proto__": {}},
]
TEXTS = [
    '{"$ne": null}',
    "$ne",
    "$where",
    "$$ROOT",
    "$workspace",
    "$_id",
    "a.b",
    "$declared.data",
    "function() { return true }",
    "' || '1' == '1",
    ".*",
    "^",
    "\\",
]
FILTERED = "query($filter: VerificationFilter) { verifications(filter: $filter) { totalCount } verificationStats(filter: $filter) { total } }"
CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id reference redirectionUrl } } }"
WHOLE = """
query($id: ID!) {
  verification(id: $id) { reference declaredIdentity { firstName } nextAttempt { reference declaredIdentity { lastName } } }
}
"""


def with_values(value: Any) -> Iterator[Request]:
    """Requests that contain this value: one for each argument whose value is compared with stored values, or is stored."""
    for name in WITH_AN_ID:
        yield request_for(OPERATIONS[name], {"id": value})
    for field in ("reference", "reasonCode", "status", "reasonType", "createdAfter", "createdBefore", "firstAttemptsOnly"):
        yield request_for(FILTERED, {"filter": {field: value}})
    yield request_for(FILTERED, {"filter": value})
    yield request_for("query($after: String) { verifications(after: $after) { totalCount } }", {"after": value})
    yield request_for("query($code: String!) { reasonCode(code: $code) { code } }", {"code": value})
    for field in ("firstName", "lastName", "reference", "redirectionUrl", "idempotencyKey", "faceRecognition"):
        yield request_for(CREATE, {"input": {**PERSON, field: value}})


@pytest.mark.parametrize("value", OBJECTS, ids=str)
async def test_an_object_in_place_of_a_value_is_refused_before_the_database_is_queried(company: Company, commands: Commands, value: object) -> None:
    token = company.token(*Scope)

    with commands.sent(company.collection.database.name) as sent:
        for request in with_values(value):
            for way in ("POST", "WebSocket"):
                if transport := transports_of(request["query"]).get(way):
                    # GraphQL accepts a single value instead of a list, as a list of one item. The gateway then refuses this item.
                    assert codes(await transport(company.gateway, token, request)) == {"BAD_USER_INPUT"}, (way, request)
        assert [command for command in sent if company.workspace in repr(command)] == []
    assert company.kept() == []


def shape(value: Any) -> Any:
    """The structure of a MongoDB command: its keys, and the type of each value instead of the value."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items() if key not in ("lsid", "$clusterTime", "txnNumber")}
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value).__name__


def shapes(sent: list[Command]) -> list[str]:
    """The structures of several commands, as texts. They are sorted, because the order of the commands may vary."""
    return sorted(repr(shape(command)) for command in sent)


async def answer_and_commands(company: Company, commands: Commands, request: Request) -> tuple[Any, list[Command]]:
    """Send a request. Returns the answer, and the commands that the gateway sent to MongoDB meanwhile."""
    with commands.sent(company.collection.database.name) as sent:
        answer = (await company.gateway.client.post("/graphql", json=request, headers={"authorization": f"Bearer {company.token(*Scope)}"})).json()
    return answer, [command for command in sent if company.workspace in repr(command)]


@pytest.mark.parametrize("text", TEXTS)
async def test_a_text_is_compared_literally(company: Company, commands: Commands, text: str) -> None:
    await company.created(reference="order-1")
    before = company.kept()
    for harmless, hostile in zip(with_texts("harmless"), with_texts(text), strict=True):
        answer, sent = await answer_and_commands(company, commands, harmless)
        other_answer, also_sent = await answer_and_commands(company, commands, hostile)

        assert other_answer == answer or "BAD_USER_INPUT" in codes([other_answer]), hostile
        assert shapes(also_sent) == shapes(sent) or not also_sent, hostile
    assert company.kept() == before


def with_texts(text: str) -> Iterator[Request]:
    """Requests that search for verifications by this text. No verification matches."""
    for name in WITH_AN_ID:
        if "subscription" not in OPERATIONS[name]:
            # Do not select the message of a refusal. It contains the id, so the answers would differ.
            yield request_for(OPERATIONS[name].replace("message", ""), {"id": text})
    yield request_for(FILTERED, {"filter": {"reference": text}})
    yield request_for(FILTERED, {"filter": {"reasonCode": [text]}})


@pytest.mark.parametrize("text", TEXTS)
async def test_a_text_is_stored_literally(company: Company, text: str) -> None:
    created = (await company.ask(CREATE, {"input": {**PERSON, "firstName": text, "reference": text, "idempotencyKey": text}}))["createVerification"]
    again = (await company.ask(CREATE, {"input": {**PERSON, "firstName": text, "reference": text, "idempotencyKey": text}}))["createVerification"]
    await company.progress(created["id"], "LINK_OPENED", eventId=text)
    await company.result(created["id"], "FAILED", "IDVV_2101", eventId=text + "2")
    await company.retry(created["id"], lastName=text)

    read = (await company.ask(WHOLE, {"id": created["id"]}))["verification"]
    assert again == created
    assert read == {
        "reference": text,
        "declaredIdentity": {"firstName": text},
        "nextAttempt": {"reference": text, "declaredIdentity": {"lastName": text}},
    }
    assert await company.ask(FILTERED, {"filter": {"reference": text}}) == {"verifications": {"totalCount": 2}, "verificationStats": {"total": 2}}
