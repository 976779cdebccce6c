"""How the cost of an operation is computed, and that an operation which costs too much is refused before the database is queried."""

from typing import Any

import pytest
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLOutputType, OperationType, get_named_type, is_leaf_type

from gateway.operations.cost import INTROSPECTION, VALUES
from gateway.operations.documents import Documents
from gateway.operations.operation_request import OperationRequest
from gateway.settings import Settings
from schema.build import build, executable
from schema.costs import FREE
from schema.fields import COST, declared
from tests.commands import Commands
from tests.company import PERSON, Company
from tests.serving import serving
from tests.wire import following, wired

SCHEMA = executable(build())
DOCUMENTS = Documents(SCHEMA, introspection=True)
MAX_COST = Settings.model_fields["max_cost"].default


def cost(query: str, variables: dict[str, Any] | None = None, name: str | None = None) -> int:
    """The cost of the operation `name` in a document, or of its only operation."""
    return DOCUMENTS.operation(OperationRequest(query, variables, name), "request").cost


PAGE = "edges { node { id status } }"
NODE = 'node(id: "x") {{ ... on Verification {{ {} }} }}'
COSTS = {
    "{ me { subject } }": 1,
    "{ __typename }": 1,
    "{ __schema { queryType { name } } }": INTROSPECTION,
    '{ verification(id: "x") { id } }': 1,
    '{ verification(id: "x") { id reasons { code } } }': 2,
    '{ verification(id: "x") { declaredIdentity { firstName } extractedDocument { fullName } } }': 3,
    '{ verification(id: "x") { events { version reasons { code } } } }': 1 + 3 + 1,
    '{ verification(id: "x") { attempts { id } } }': 1 + 6,
    '{ verification(id: "x") { attempts { previousAttempt { id } nextAttempt { id } } } }': 1 + 6 * 3,
    '{ a: verification(id: "x") { id } b: verification(id: "x") { id } }': 2,
    f"{{ {NODE.format('id nextAttempt { id }')} }}": 2,
    f"{{ verifications {{ {PAGE} }} }}": 1 + 50,
    f"{{ verifications(first: 7) {{ {PAGE} }} }}": 1 + 7,
    f"{{ verifications(last: 7) {{ {PAGE} }} }}": 1 + 7,
    f"{{ verifications(first: null, last: 7) {{ {PAGE} }} }}": 1 + 7,
    "{ verifications(first: 7) { edges { node { id reasons { code } } } } }": 1 + 7 * 2,
    "{ verifications(first: 100) { pageInfo { hasNextPage } } }": 1,
    "{ verifications(first: 100) { totalCount } }": 1 + 50,
    "{ verificationStats { total byReason { count reason { code } } } }": 200,
    "{ statuses { status } reasonCodes { code } reasonCode(code: 1) { code } }": 12,
    'mutation { anonymizeVerification(id: "x") { ... on Verification { id attempts { id } } ... on Refusal { code } } }': 10 + 6,
    'subscription { verificationUpdated(id: "x") { verification { id reasons { code } } events { version } } }': 5 + 1 + 3,
    "subscription { verificationsUpdated { cursor verification { id reasons { code } } } }": 5 + 1,
}


@pytest.mark.parametrize("query", COSTS)
def test_an_operation_costs_as_much_as_its_fields(query: str) -> None:
    # The table writes `code: 1` for brevity. A valid document needs a string there; whether such a code exists does not matter for the cost.
    assert cost(query.replace("code: 1", 'code: "1"')) == COSTS[query]


def test_fields_with_the_same_response_name_are_paid_for_once() -> None:
    once = f"{{ {NODE.format('attempts { id status }')} }}"
    in_parts = f"{{ {NODE.format('...A ...B attempts { id }')} }} fragment A on Verification {{ ...B attempts {{ id }} }} "
    in_parts += "fragment B on Verification { attempts { status } ... on Verification { attempts { status } } }"
    twice = f"{{ {NODE.format('attempts { id } again: attempts { status }')} }}"

    assert (cost(once), cost(in_parts), cost(twice)) == (7, 7, 13)


def test_different_fields_with_the_same_response_name_are_all_paid_for() -> None:
    either = "... on Verification { a: redirectionUrl b: attempts { id } } ... on Refusal { a: message }"

    assert cost(f'mutation {{ anonymizeVerification(id: "x") {{ {either} }} }}') == 10 + 6


def test_many_values_of_one_object_cost_more() -> None:
    def values(number: int) -> str:
        return "{ verifications(first: 10) { edges { node {" + " ".join(f"a{value}: id" for value in range(number)) + "} } } }"

    assert [cost(values(number)) for number in (1, VALUES - 1, VALUES, 2 * VALUES)] == [11, 11, 21, 31]


BY_VARIABLES = f"query($first: Int = 7, $last: Int) {{ verifications(first: $first, last: $last) {{ {PAGE} }} }}"


@pytest.mark.parametrize(
    ("variables", "rows"),
    [
        (None, 7),
        ({}, 7),
        ({"first": 20}, 20),
        ({"first": None}, 50),
        ({"first": None, "last": 3}, 3),
        ({"first": 3, "last": 20}, 20),
        ({"last": None}, 7),
        ({"first": 0}, 1),
        ({"first": -1}, 1),
        ({"first": -(10**40)}, 1),
        ({"first": 101}, 100),
        ({"first": 10**6}, 100),
        ({"first": 10**40}, 100),
        ({"first": 20.0}, 20),
        ({"first": 1e300}, 100),
        *(({"first": wrong}, 100) for wrong in ("20", "", [], [20], {}, {"first": 1})),
        ({"unknown": 1}, 7),
    ],
)
def test_a_page_is_priced_for_any_value_of_its_variables(variables: dict[str, Any] | None, rows: int) -> None:
    assert cost(BY_VARIABLES, variables) == 1 + rows


@pytest.mark.parametrize(("size", "rows"), [(0, 1), (-1, 1), (101, 100), (10**6, 100)])
def test_a_page_is_priced_for_any_literal_size(size: int, rows: int) -> None:
    assert cost(f"{{ verifications(first: {size}) {{ {PAGE} }} }}") == 1 + rows


def test_each_page_is_priced_by_its_own_arguments() -> None:
    query = f"query($a: Int, $b: Int!) {{ a: verifications(first: $a) {{ {PAGE} }} b: verifications(last: $b) {{ {PAGE} totalCount }} }}"

    assert cost(query, {"a": 10, "b": 20}) == 1 + 10 + 1 + 20 + 50


def test_only_the_selected_operation_is_paid_for() -> None:
    query = "query A { me { subject } } query B { verificationStats { total } }"

    assert (cost(query, name="A"), cost(query, name="B")) == (1, 200)


EVENTS = "events { version }"
ALL = f"id previousAttempt {{ id {EVENTS} }} nextAttempt {{ id {EVENTS} }} attempts {{ id {EVENTS} }} {EVENTS}"
NESTED = "query($rows: Int) { verifications(first: $rows) { edges { node { attempts { attempts { id } } } } } }"


def test_a_page_of_a_hundred_with_all_attempts_and_events_is_affordable() -> None:
    assert cost(f"{{ verifications(first: 100) {{ edges {{ node {{ {ALL} }} }} }} }}") == 3601 <= MAX_COST


def test_nested_lists_in_a_page_of_a_hundred_are_not_affordable() -> None:
    assert cost(NESTED, {"rows": 100}) == 4301 > MAX_COST


def lists() -> list[str]:
    """The names of the fields that return a list of objects, although the schema declares no cost (`weight`) for the field itself."""
    return [
        f"{type.name}.{name}"
        for type in SCHEMA.type_map.values()
        if isinstance(type, GraphQLObjectType) and not type.name.startswith("__")
        for name, field in type.fields.items()
        if is_list(field.type) and not is_leaf_type(get_named_type(field.type)) and not declared(field, COST, FREE).weight
    ]


def is_list(type: GraphQLOutputType) -> bool:
    return isinstance(type.of_type if isinstance(type, GraphQLNonNull) else type, GraphQLList)


def test_every_list_of_objects_costs_something_or_is_inside_a_field_that_does() -> None:
    assert lists() == ["VerificationStats.byStatus", "VerificationStats.byReason"]


def test_every_mutation_costs_more_than_a_read() -> None:
    mutation = SCHEMA.get_root_type(OperationType.MUTATION)
    assert mutation
    assert {declared(field, COST, FREE).weight for field in mutation.fields.values()} == {10}


async def observed(company: Company, commands: Commands, query: str, variables: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Execute an operation. Returns the response, and the commands that the gateway sent to the database for it."""
    with commands.sent(company.collection.database.name) as sent:
        answer = await company.answer(query, variables)
    return answer, [command for command in sent if company.workspace in repr(command)]


def test_a_list_with_only_first_is_priced_by_its_size() -> None:
    text = "query ($n: Int) { webhookDeliveries(first: $n) { state } }"

    assert [cost(text, {"n": size}) for size in (1, 10, 100)] == [2, 20, 200]
    assert cost("{ webhookDeliveries { state } }") == 100


async def test_an_operation_that_costs_too_much_is_refused_before_the_database_is_queried(company: Company, commands: Commands) -> None:
    refused, no_commands = await observed(company, commands, NESTED, {"rows": 100})
    answered, one_command = await observed(company, commands, NESTED, {"rows": 10})

    assert (answered, len(one_command)) == ({"data": {"verifications": {"edges": []}}}, 1)
    assert no_commands == []
    assert refused["errors"][0]["extensions"] == {"code": "QUERY_TOO_COMPLEX", "cost": 4301, "maxCost": MAX_COST}
    assert "4301" in refused["errors"][0]["message"]


async def test_an_operation_that_costs_too_much_is_answered_with_400(company: Company) -> None:
    for accepted in ("application/json", "application/graphql-response+json"):
        assert (await company.gateway.post(NESTED, {"rows": 100}, company.token(), accept=accepted)).status_code == 400


async def test_a_mutation_that_costs_too_much_is_not_executed(database_uri: str) -> None:
    mutation = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { __typename } }"
    count = "{ verifications(first: 1) { pageInfo { hasNextPage } edges { cursor } } }"
    async with serving(database_uri, max_cost=9) as gateway:
        refused = (await gateway.post(mutation, {"input": PERSON})).json()

        assert refused["errors"][0]["extensions"] == {"code": "QUERY_TOO_COMPLEX", "cost": 10, "maxCost": 9}
        assert (await gateway.query(count))["verifications"]["edges"] == []
        assert 'gateway_refused_total{reason="cost"} 1.0' in (await gateway.client.get("/metrics")).text


async def test_an_invalid_page_size_is_still_bad_user_input(company: Company) -> None:
    for variables, code in (({"first": 0}, "BAD_USER_INPUT"), ({"first": 10**6}, "BAD_USER_INPUT"), ({"first": "7"}, "BAD_USER_INPUT")):
        answer = await company.answer(BY_VARIABLES, variables)

        assert [error["extensions"]["code"] for error in answer["errors"]] == [code], variables


QUERY = "{ me { workspaceId } }"
WITH_COST = {"query": QUERY, "extensions": {"cost": True}}


@pytest.mark.parametrize("extensions", [None, {}, {"cost": False}, {"cost": 1}, {"cost": "true"}, {"other": True}])
async def test_the_response_has_no_cost_unless_the_request_asks_for_it(company: Company, extensions: dict[str, Any] | None) -> None:
    bearer = {"authorization": f"Bearer {company.token()}"}
    answer = await company.gateway.client.post("/graphql", json={**WITH_COST, "extensions": extensions}, headers=bearer)

    assert answer.json() == {"data": {"me": {"workspaceId": company.workspace}}}


async def test_the_response_has_the_cost_on_request_over_every_transport(company: Company) -> None:
    expected = {"data": {"me": {"workspaceId": company.workspace}}, "extensions": {"cost": 1}}
    bearer = {"authorization": f"Bearer {company.token()}"}

    posted = await company.gateway.client.post("/graphql", json=WITH_COST, headers=bearer)
    got = await company.gateway.client.get("/graphql", params={"query": QUERY, "extensions": '{"cost": true}'}, headers=bearer)
    streamed = await company.gateway.client.post("/graphql", json=WITH_COST, headers={**bearer, "accept": "text/event-stream"})
    async with wired(company.gateway, company.token()) as wire:
        await wire.send({"type": "subscribe", "id": "1", "payload": WITH_COST})
        received = (await wire.hear())["payload"]

    assert posted.json() == got.json() == received == expected
    assert '"extensions":{"cost":1}' in streamed.text


async def test_the_messages_of_a_subscription_have_the_cost_on_request(company: Company) -> None:
    query = "subscription { verificationsUpdated { cursor } }"
    async with wired(company.gateway, company.token()) as wire:
        await wire.send({"type": "subscribe", "id": "1", "payload": {"query": query, "extensions": {"cost": True}}})

        assert (await wire.hear())["payload"]["extensions"] == {"cost": 5}


async def test_a_response_with_errors_has_the_cost_on_request(company: Company) -> None:
    bearer = {"authorization": f"Bearer {company.token()}"}
    request = {"query": "{ verifications(first: 0) { totalCount } }", "extensions": {"cost": True}}

    answer = (await company.gateway.client.post("/graphql", json=request, headers=bearer)).json()

    assert (answer["data"], answer["extensions"]) == (None, {"cost": 51})


async def test_a_subscription_that_costs_too_much_does_not_begin(database_uri: str) -> None:
    async with (
        serving(database_uri, max_cost=4) as gateway,
        following(gateway, gateway.token(), "subscription { verificationsUpdated { cursor } }") as it,
    ):
        assert [error["extensions"]["code"] for error in await it.errors()] == ["QUERY_TOO_COMPLEX"]


@pytest.mark.parametrize(("sizes", "fits"), [((100,), True), ((100, 100, 50), True), ((100, 100, 51), False), ((100, 99, 98, 97), False)], ids=str)
async def test_the_rows_of_all_lists_of_an_operation_are_limited_together(company: Company, sizes: tuple[int, ...], fits: bool) -> None:
    lists = (f"a{number}: verifications(first: {size}) {{ edges {{ cursor }} }}" for number, size in enumerate(sizes))

    answer = await company.answer("{" + " ".join(lists) + "}")

    codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
    assert codes == ([] if fits else ["QUERY_TOO_COMPLEX"])
