"""How operation documents are prepared, and how much of the schema their errors reveal."""

from typing import Any

import pytest
from graphql import OperationType, get_introspection_query

from gateway.errors import RequestRefused
from gateway.operations.limits import Limits
from gateway.operations.preparation import Preparation
from schema.build import build, executable
from tests.company import Company
from tests.serving import Gateway, serving
from tests.wire import wired

PREPARATION = Preparation(executable(build()), introspection=False, limits=Limits())


def test_each_operation_of_a_document_is_prepared_by_name() -> None:
    operations = PREPARATION.prepared(
        "query One($id: ID!, $after: Int) { verification(id: $id) { events(after: $after) { version } } } mutation Two { __typename }", "request"
    )

    one, two = operations["One"], operations["Two"]
    assert (one.type, one.name, one.declared, one.inner) == (OperationType.QUERY, "One", frozenset({"id", "after"}), frozenset({"after"}))
    assert (two.type, two.name, two.declared, two.inner) == (OperationType.MUTATION, "Two", frozenset(), frozenset())
    assert one.document is two.document


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { subject } } fragment F on Query { me { subject } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { subject } } #" + "x" * 20_000, "QUERY_TOO_COMPLEX"),
    ],
)
def test_the_refusal_of_a_document_has_a_code(query: str, code: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        PREPARATION.prepared(query, "request")

    assert refused.value.status == 400
    assert {error["extensions"]["code"] for error in refused.value.errors} == {code}


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
async def test_without_introspection_the_schema_cannot_be_queried(silent: Gateway, query: str) -> None:
    answer = (await silent.post(query)).json()

    assert "data" not in answer
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}


async def test_without_introspection_the_sdl_is_not_served(silent: Gateway) -> None:
    assert (await silent.client.get("/schema.graphql")).status_code == 404


async def test_without_introspection_typename_is_still_answered(silent: Gateway) -> None:
    assert await silent.query("{ __typename me { __typename } }") == {"__typename": "Query", "me": {"__typename": "Caller"}}
