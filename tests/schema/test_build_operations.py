"""Tests operations that use the features of the GraphQL language: fragments, `__typename`, introspection, directives and variables."""

from typing import Any

import pytest

from tests.company import PERSON, Company

LIST = "query($filter: VerificationFilter) { verifications(filter: $filter) { edges { node { id } } } }"


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


async def test_typename_distinguishes_the_members_of_a_union(company: Company) -> None:
    created, refused = await company.create(), await company.create(firstName=" ")
    issued, missing = await company.issue(created["id"]), await company.issue("ver_0")

    assert [answer["__typename"] for answer in (created, refused, issued, missing)] == ["Verification", "Refusal", "FollowToken", "Refusal"]


async def test_introspection_returns_the_schema(company: Company) -> None:
    found = await company.ask('{ __typename __schema { queryType { name } } __type(name: "Verification") { kind interfaces { name } } }')

    assert found == {
        "__typename": "Query",
        "__schema": {"queryType": {"name": "Query"}},
        "__type": {"kind": "OBJECT", "interfaces": [{"name": "Node"}]},
    }


async def test_skip_and_include_are_respected(company: Company) -> None:
    query = "query($yes: Boolean!) { me { subject @skip(if: $yes) workspaceId @include(if: $yes) } }"

    assert await company.ask(query, {"yes": True}) == {"me": {"workspaceId": company.workspace}}
    assert await company.ask(query, {"yes": False}) == {"me": {"subject": "tester"}}


async def test_variables_may_be_used_inside_inputs_and_have_defaults(company: Company) -> None:
    id = await company.created(reference="order-1")
    query = """
        query($status: VerificationStatus! = PENDING, $reference: String, $order: VerificationOrder! = CREATED_OLDEST, $first: Int = 1) {
          verifications(filter: { status: [$status], reference: $reference }, orderBy: $order, first: $first) { edges { node { id } } }
        }
    """

    for variables in ({}, {"reference": "order-1"}, {"reference": None, "first": None}, {"status": "PENDING", "order": "UPDATED_NEWEST"}):
        assert await company.ask(query, variables) == {"verifications": {"edges": [{"node": {"id": id}}]}}
    assert await company.ask(query, {"status": "FAILED"}) == {"verifications": {"edges": []}}


async def test_a_single_value_is_accepted_as_a_list_and_a_number_as_an_id(company: Company) -> None:
    id = await company.created()

    assert await company.ask(LIST, {"filter": {"status": "PENDING"}}) == {"verifications": {"edges": [{"node": {"id": id}}]}}
    assert await company.ask("query($id: ID!) { verification(id: $id) { id } }", {"id": 1}) == {"verification": None}


async def test_an_omitted_input_field_has_its_default(company: Company) -> None:
    query = """
        mutation($url: String!, $face: Boolean! = true) {
          plain: createVerification(input: { firstName: "A", lastName: "B", redirectionUrl: $url }) { ...Face }
          explicit: createVerification(input: { firstName: "A", lastName: "B", redirectionUrl: $url, faceRecognition: $face }) { ...Face }
        }
        fragment Face on Verification { faceRecognition reference }
    """

    found = await company.ask(query, {"url": PERSON["redirectionUrl"]})

    assert found == {"plain": {"faceRecognition": False, "reference": None}, "explicit": {"faceRecognition": True, "reference": None}}


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
async def test_variables_of_a_wrong_type_are_refused(company: Company, variables: dict[str, Any]) -> None:
    answer = await company.answer("mutation($input: CreateVerificationInput!) { createVerification(input: $input) { __typename } }", variables)

    assert "data" not in answer
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    assert company.kept() == []


async def test_the_operation_name_selects_one_of_several_operations(company: Company) -> None:
    document = "query Who { me { subject } } query Where { me { workspaceId } }"
    headers = {"authorization": f"Bearer {company.token()}"}

    response = await company.gateway.client.post("/graphql", json={"query": document, "operationName": "Where"}, headers=headers)

    assert response.json() == {"data": {"me": {"workspaceId": company.workspace}}}


async def test_the_error_of_a_failed_field_has_its_path(company: Company) -> None:
    id = await company.created()

    answer = await company.answer("query($id: ID!) { verification(id: $id) { id } bad: verifications(first: 0) { totalCount } }", {"id": id})

    assert answer["data"] is None
    [error] = answer["errors"]
    assert (error["path"], error["extensions"]) == (["bad"], {"code": "BAD_USER_INPUT"})
