"""Introspection: whether clients may read the schema, directly or from suggestions in errors."""

from typing import Any

import pytest
from graphql import get_introspection_query

from tests.company import Company
from tests.serving import Gateway, serving
from tests.wire import wired


async def test_tools_can_read_the_schema_if_introspection_is_allowed(company: Company) -> None:
    query = get_introspection_query(specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True)

    assert (await company.ask(query))["__schema"]["queryType"]["name"] == "Query"
    assert "Did you mean" in (await company.answer("{ mee { subject } }"))["errors"][0]["message"]


@pytest.fixture(scope="module")
async def silent(shared_database_uri: str) -> Any:
    """A gateway without introspection."""
    async with serving(shared_database_uri, introspection=False) as gateway:
        yield gateway


GUESSES = [
    "{ mee { subject } }",
    "{ me { subjec } }",
    "{ verification(i: 1) { id } }",
    "{ verifications(ordrBy: CREATED_NEWEST) { totalCount } }",
    "{ verifications(orderBy: CREATED_NEWES) { totalCount } }",
    "{ verifications(filter: { statu: PENDING }) { totalCount } }",
    "query($o: VerificationOrde) { verifications(orderBy: $o) { totalCount } }",
    "{ node(id: 1) { ... on Verificatio { id } } }",
    "{ me { subject @skp(if: true) } }",
]


async def test_without_introspection_errors_suggest_no_names(silent: Gateway) -> None:
    for query in GUESSES:
        errors = (await silent.post(query)).json()["errors"]

        assert errors, query
        assert "Did you mean" not in str(errors), query


async def test_without_introspection_errors_about_variables_suggest_no_names(silent: Gateway) -> None:
    for query, variables in (
        ("query($o: VerificationOrder!) { verifications(orderBy: $o) { totalCount } }", {"o": "CREATED_NEWES"}),
        ("query($f: VerificationFilter) { verifications(filter: $f) { totalCount } }", {"f": {"statu": "PENDING"}}),
        ("subscription($f: VerificationFilter) { verificationsUpdated(filter: $f) { cursor } }", {"f": {"statu": "PENDING"}}),
    ):
        async with wired(silent, silent.token()) as wire:
            await wire.subscribe("1", query, variables)
            refused = await wire.hear()

        assert [error["extensions"]["code"] for error in refused["payload"]] == ["BAD_USER_INPUT"], query
        assert "Did you mean" not in str(refused), query


@pytest.mark.parametrize("query", ["{ __schema { queryType { name } } }", '{ __type(name: "Query") { name } }', get_introspection_query()])
async def test_without_introspection_the_schema_can_not_be_queried(silent: Gateway, query: str) -> None:
    answer = (await silent.post(query)).json()

    assert "data" not in answer
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}


async def test_without_introspection_the_sdl_is_not_served(silent: Gateway) -> None:
    assert (await silent.client.get("/schema.graphql")).status_code == 404


async def test_without_introspection_typename_is_still_answered(silent: Gateway) -> None:
    assert await silent.query("{ __typename me { __typename } }") == {"__typename": "Query", "me": {"__typename": "Caller"}}
