"""Tests of variables that are null where null is not allowed. Each must cause the error BAD_USER_INPUT, because the client is at fault.

Validation accepts these documents, because the variable or the argument has a default. So only the execution can find the null.
"""

import logging
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLNonNull, GraphQLObjectType, Undefined

from domain.caller import Scope
from schema.build import build, executable
from tests.company import PERSON, Company
from tests.security.transports import request_for, transports_of
from tests.wire import wired

INPUT = ", ".join(f'{name}: "{value}"' for name, value in PERSON.items())
IS_NULL = "Expected variable '$v' provided to non-null type '{}' not to be None."
# Places where a request passes null: the operation, and the path and the message of the error. `$v` is null, and `$id` is the id of a verification.
# For each argument and input field of the schema that has a default and must not be null, there is a place with its name.
PLACES: dict[str, tuple[str, list[str | int] | None, str]] = {
    "orderBy": (
        "query($v: VerificationOrder) { verifications(orderBy: $v) { totalCount } }",
        ["verifications"],
        "Argument 'orderBy' has invalid value: " + IS_NULL.format("VerificationOrder!"),
    ),
    "after": (
        "query($v: Int, $id: ID!) { verification(id: $id) { events(after: $v) { version } } }",
        ["verification", "events"],
        "Argument 'after' has invalid value: " + IS_NULL.format("Int!"),
    ),
    "locale": (
        'query($v: String) { reasonCode(code: "IDVV_1101") { guidance(locale: $v) } }',
        ["reasonCode", "guidance"],
        "Argument 'locale' has invalid value: " + IS_NULL.format("String!"),
    ),
    "wholeChain": (
        "mutation($v: Boolean, $id: ID!) { anonymizeVerification(id: $id, wholeChain: $v) { __typename } }",
        ["anonymizeVerification"],
        "Argument 'wholeChain' has invalid value: " + IS_NULL.format("Boolean!"),
    ),
    "ttlSeconds": (
        "mutation($v: Int, $id: ID!) { issueFollowToken(verificationId: $id, ttlSeconds: $v) { __typename } }",
        ["issueFollowToken"],
        "Argument 'ttlSeconds' has invalid value: " + IS_NULL.format("Int!"),
    ),
    "faceRecognition": (
        f"mutation($v: Boolean) {{ createVerification(input: {{ {INPUT}, faceRecognition: $v }}) {{ __typename }} }}",
        ["createVerification"],
        "Argument 'input' has invalid value at .faceRecognition: " + IS_NULL.format("Boolean!"),
    ),
    "reasonCodes": (
        "mutation($v: [String!], $id: ID!) { reportResult(input: { verificationId: $id, status: VERIFIED, reasonCodes: $v }) { __typename } }",
        ["reportResult"],
        "Argument 'input' has invalid value at .reasonCodes: " + IS_NULL.format("[String!]!"),
    ),
    "followRetries": (
        "subscription($v: Boolean, $id: ID!) { verificationUpdated(id: $id, followRetries: $v) { __typename } }",
        ["verificationUpdated"],
        "Argument 'followRetries' has invalid value: " + IS_NULL.format("Boolean!"),
    ),
    "an item of a list": (
        "query($v: VerificationStatus = PENDING) { verifications(filter: { status: [VERIFIED, $v] }) { totalCount } }",
        ["verifications"],
        "Argument 'filter' has invalid value at .status[1]: " + IS_NULL.format("VerificationStatus!"),
    ),
    "an argument that is required, with a default at the variable": (
        'query($v: ID = "x") { verification(id: $v) { id } }',
        ["verification"],
        "Argument 'id' has invalid value: " + IS_NULL.format("ID!"),
    ),
    "a required input field": (
        'mutation($v: ID = "x") { closeVerification(input: { verificationId: $v }) { __typename } }',
        ["closeVerification"],
        "Argument 'input' has invalid value at .verificationId: " + IS_NULL.format("ID!"),
    ),
    "@include at a root field": (
        "query($v: Boolean = true) { me @include(if: $v) { subject } }",
        None,
        "Argument 'if' has invalid value: " + IS_NULL.format("Boolean!"),
    ),
    "@skip below a field": (
        "query($v: Boolean = true) { me { subject @skip(if: $v) } }",
        ["me"],
        "Argument 'if' has invalid value: " + IS_NULL.format("Boolean!"),
    ),
    "@include at a fragment": (
        "query($v: Boolean = true) { me { ...F @include(if: $v) } } fragment F on Caller { subject }",
        ["me"],
        "Argument 'if' has invalid value: " + IS_NULL.format("Boolean!"),
    ),
    "introspection": (
        'query($v: String = "Query") { __type(name: $v) { name } }',
        ["__type"],
        "Argument 'name' has invalid value: " + IS_NULL.format("String!"),
    ),
}


def test_every_argument_with_a_default_that_must_not_be_null_is_among_the_places() -> None:
    assert {name for name, type, default in named_inputs() if isinstance(type, GraphQLNonNull) and default is not Undefined} <= set(PLACES)


def named_inputs() -> list[tuple[str, Any, Any]]:
    """The name, type and default of all arguments and input fields of the schema."""
    inputs: list[tuple[str, Any, Any]] = []
    for type in executable(build()).type_map.values():
        if isinstance(type, GraphQLInputObjectType):
            inputs += [(name, each.type, each.default_value) for name, each in type.fields.items()]
        elif isinstance(type, GraphQLObjectType) and not type.name.startswith("__"):
            inputs += [(name, each.type, each.default_value) for field in type.fields.values() for name, each in field.args.items()]
    return inputs


@pytest.mark.parametrize("place", PLACES)
async def test_null_where_it_is_not_allowed_is_an_error_of_the_client(company: Company, place: str, caplog: pytest.LogCaptureFixture) -> None:
    query, path, message = PLACES[place]
    id, token = await company.created(), company.token(Scope.READ, Scope.WRITE, Scope.REPORT)

    with caplog.at_level(logging.WARNING):
        for name, send in transports_of(query).items():
            [response] = await send(company.gateway, token, request_for(query, {"v": None, "id": id}))

            [error] = response["errors"]
            assert (error["message"], error["extensions"], error.get("path")) == (message, {"code": "BAD_USER_INPUT"}, path), name
            assert error["locations"], name

    assert caplog.records == []


async def test_a_socket_stays_open_and_other_fields_are_answered(company: Company) -> None:
    query = 'query($v: String) { reasonCode(code: "IDVV_1101") { guidance(locale: $v) } me { workspaceId } }'
    me = {"workspaceId": company.workspace}

    async with wired(company.gateway, company.token()) as wire:
        await wire.subscribe("1", query, {"v": None})
        answered = [await wire.hear(), await wire.hear()]
        await wire.subscribe("2", "{ me { workspaceId } }")
        after = await wire.hear()

    assert answered[0]["payload"]["data"] == {"reasonCode": {"guidance": None}, "me": me}
    assert answered[1] == {"type": "complete", "id": "1"}
    assert after["payload"]["data"] == {"me": me}


async def test_a_mutation_with_such_a_null_changes_nothing(company: Company) -> None:
    query, _, _ = PLACES["faceRecognition"]

    await company.answer(query, {"v": None})

    assert company.kept() == []


@pytest.mark.parametrize(
    ("declared", "selected", "message"),
    [
        ("$v: Int", "events(after: $v) { version }", "Argument 'after' has invalid value: " + IS_NULL.format("Int!")),
        ("$v: Boolean = true", "version @include(if: $v)", "Argument 'if' has invalid value: " + IS_NULL.format("Boolean!")),
    ],
)
async def test_the_events_of_a_subscription_report_such_a_null_below_the_root(
    company: Company, declared: str, selected: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    query = f"subscription({declared}, $id: ID!) {{ verificationUpdated(id: $id) {{ verification {{ id {selected} }} }} }}"
    id = await company.created()

    with caplog.at_level(logging.WARNING):
        async with wired(company.gateway, company.token()) as wire:
            await wire.subscribe("1", query, {"v": None, "id": id})
            event = await wire.hear()

    [error] = event["payload"]["errors"]
    assert (event["type"], error["message"], error["extensions"]) == ("next", message, {"code": "BAD_USER_INPUT"})
    assert caplog.records == []
