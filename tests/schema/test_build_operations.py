"""Operations of every shape: fragments, type names, and variables of every kind."""

from typing import Any

import pytest

from tests.company import PERSON, Company

LIST = "query($filter: VerificationFilter) { verifications(filter: $filter) { edges { node { id } } } }"
WITHOUT_ZONE = ["2026-01-31T12:00:00", "2026-01-31", "2026-01-31T12:00:00.123", "now", "", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]


async def test_a_node_is_read_through_fragments(company: Company) -> None:
    id = await company.created()
    query = """
        query Find($id: ID!) {
          node(id: $id) { __typename id ...Progress ... on Verification { attempt } }
          missing: node(id: "ver_0") { id }
        }
        fragment Progress on Verification { status ...Phase }
        fragment Phase on Verification { phase }
    """

    found = await company.ask(query, {"id": id})

    assert found == {
        "node": {"__typename": "Verification", "id": id, "status": "PENDING", "phase": "AWAITING_INDIVIDUAL", "attempt": 1},
        "missing": None,
    }


async def test_a_union_tells_which_it_is(company: Company) -> None:
    created, refused = await company.create(), await company.create(firstName=" ")
    issued, missing = await company.issue(created["id"]), await company.issue("ver_0")

    assert [answer["__typename"] for answer in (created, refused, issued, missing)] == ["Verification", "Refusal", "FollowToken", "Refusal"]


async def test_the_schema_can_be_looked_at(company: Company) -> None:
    found = await company.ask('{ __typename __schema { queryType { name } } __type(name: "Verification") { kind interfaces { name } } }')

    assert found == {
        "__typename": "Query",
        "__schema": {"queryType": {"name": "Query"}},
        "__type": {"kind": "OBJECT", "interfaces": [{"name": "Node"}]},
    }


async def test_skip_and_include_are_heeded(company: Company) -> None:
    query = "query($yes: Boolean!) { me { subject @skip(if: $yes) workspaceId @include(if: $yes) } }"

    assert await company.ask(query, {"yes": True}) == {"me": {"workspaceId": company.workspace}}
    assert await company.ask(query, {"yes": False}) == {"me": {"subject": "tester"}}


async def test_variables_may_stand_anywhere_and_have_defaults(company: Company) -> None:
    id = await company.created(reference="order-1")
    query = """
        query($status: VerificationStatus! = PENDING, $reference: String, $order: VerificationOrder! = CREATED_OLDEST, $first: Int = 1) {
          verifications(filter: { status: [$status], reference: $reference }, orderBy: $order, first: $first) { edges { node { id } } }
        }
    """

    for variables in ({}, {"reference": "order-1"}, {"reference": None, "first": None}, {"status": "PENDING", "order": "UPDATED_NEWEST"}):
        assert await company.ask(query, variables) == {"verifications": {"edges": [{"node": {"id": id}}]}}
    assert await company.ask(query, {"status": "FAILED"}) == {"verifications": {"edges": []}}


async def test_one_value_stands_for_a_list_of_one_and_a_number_for_an_id(company: Company) -> None:
    id = await company.created()

    assert await company.ask(LIST, {"filter": {"status": "PENDING"}}) == {"verifications": {"edges": [{"node": {"id": id}}]}}
    assert await company.ask("query($id: ID!) { verification(id: $id) { id } }", {"id": 1}) == {"verification": None}


async def test_what_an_input_leaves_out_has_its_default(company: Company) -> None:
    query = """
        mutation($url: String!, $face: Boolean! = true) {
          plain: createVerification(input: { firstName: "A", lastName: "B", redirectionUrl: $url }) { ...Face }
          asked: createVerification(input: { firstName: "A", lastName: "B", redirectionUrl: $url, faceRecognition: $face }) { ...Face }
        }
        fragment Face on Verification { faceRecognition reference }
    """

    found = await company.ask(query, {"url": PERSON["redirectionUrl"]})

    assert found == {"plain": {"faceRecognition": False, "reference": None}, "asked": {"faceRecognition": True, "reference": None}}


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"input": None},
        {"input": []},
        {"input": "x"},
        {"input": {}},
        {"input": {**PERSON, "firstName": None}},
        {"input": {**PERSON, "firstName": 1}},
        {"input": {**PERSON, "faceRecognition": None}},
        {"input": {**PERSON, "faceRecognition": "yes"}},
        {"input": {**PERSON, "nickname": "J"}},
    ],
)
async def test_variables_that_do_not_fit_are_the_callers_mistake(company: Company, variables: dict[str, Any]) -> None:
    answer = await company.answer("mutation($input: CreateVerificationInput!) { createVerification(input: $input) { __typename } }", variables)

    assert "data" not in answer
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    assert company.kept() == []


@pytest.mark.parametrize("text", WITHOUT_ZONE)
async def test_an_instant_without_its_zone_is_the_callers_mistake(company: Company, text: str) -> None:
    literal = await company.answer(f'{{ verifications(filter: {{ createdAfter: "{text}" }}) {{ totalCount }} }}')
    inside = await company.answer(LIST, {"filter": {"createdBefore": text}})
    alone = await company.answer("query($at: DateTime) { verifications(filter: { createdAfter: $at }) { totalCount } }", {"at": text})

    for answer in (literal, inside, alone):
        assert "data" not in answer
        [error] = answer["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert "with its zone" in error["message"]


@pytest.mark.parametrize("value", [1, 1.5, True, {}, ["2026-01-31"]])
async def test_what_is_no_text_is_no_instant(company: Company, value: object) -> None:
    answer = await company.answer(LIST, {"filter": {"createdAfter": value}})

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_an_instant_is_told_in_utc_with_its_zone(company: Company) -> None:
    id = await company.created()

    found = await company.ask("query($id: ID!) { verification(id: $id) { createdAt expiresAt } }", {"id": id})

    assert all(text.endswith("+00:00") for text in found["verification"].values())


async def test_the_name_chooses_among_several_operations(company: Company) -> None:
    document = "query Who { me { subject } } query Where { me { workspaceId } }"
    headers = {"authorization": f"Bearer {company.token()}"}

    response = await company.gateway.client.post("/graphql", json={"query": document, "operationName": "Where"}, headers=headers)

    assert response.json() == {"data": {"me": {"workspaceId": company.workspace}}}


async def test_one_field_that_fails_leaves_the_others(company: Company) -> None:
    id = await company.created()

    answer = await company.answer("query($id: ID!) { verification(id: $id) { id } bad: verifications(first: 0) { totalCount } }", {"id": id})

    assert answer["data"] is None
    [error] = answer["errors"]
    assert (error["path"], error["extensions"]) == (["bad"], {"code": "BAD_USER_INPUT"})
