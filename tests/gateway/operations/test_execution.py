"""The execution of queries and mutations, and the shape of their responses."""

from typing import Any

import pytest

from domain.caller import Scope
from tests.company import Company
from tests.serving import serving

RESPONSE_JSON = "application/graphql-response+json"
READ = "query($id: ID!) { verification(id: $id) { id } me { workspaceId } }"


@pytest.mark.parametrize("variables", [None, {}, {"id": None}, {"id": {}}, {"id": ["x"]}])
async def test_variables_of_the_wrong_type_are_refused_before_execution(company: Company, variables: dict[str, Any] | None) -> None:
    response = await company.gateway.post(READ, variables, company.token(), accept=RESPONSE_JSON)

    assert (response.status_code, "data" in response.json()) == (400, False)
    assert {error["extensions"]["code"] for error in response.json()["errors"]} == {"BAD_USER_INPUT"}


async def test_an_error_of_one_field_leaves_the_data_of_the_others(company: Company) -> None:
    id = await company.created()
    query = "query($id: ID!) { verification(id: $id) { id declaredIdentity { firstName } } me { workspaceId } }"

    answer = await company.answer(query, {"id": id}, company.token(Scope.READ))

    assert answer["data"] == {"verification": {"id": id, "declaredIdentity": None}, "me": {"workspaceId": company.workspace}}
    assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [(["verification", "declaredIdentity"], "FORBIDDEN")]


async def test_undeclared_variables_are_ignored(company: Company) -> None:
    answer = await company.answer("{ me { workspaceId } }", {"id": {}, "unused": [1, 2]})

    assert answer == {"data": {"me": {"workspaceId": company.workspace}}}


async def test_aliases_and_several_root_fields_keep_their_order(company: Company) -> None:
    response = await company.gateway.post("{ z: me { workspaceId } a: me { workspaceId } statuses { status } }", token=company.token())

    assert list(response.json()["data"]) == ["z", "a", "statuses"]


async def test_the_operation_is_selected_by_its_name(database_uri: str) -> None:
    async with serving(database_uri) as gateway:
        bearer = {"authorization": f"Bearer {gateway.token()}"}
        document = "query One { one: me { subject } } query Two { two: me { subject } }"
        data, codes = [], []
        for name in ("One", "Two", "Three", None):
            answer = (await gateway.client.post("/graphql", json={"query": document, "operationName": name}, headers=bearer)).json()
            data.append(answer.get("data"))
            codes.append([error["extensions"]["code"] for error in answer.get("errors", [])])

    assert data == [{"one": {"subject": "tester"}}, {"two": {"subject": "tester"}}, None, None]
    assert codes == [[], [], ["BAD_REQUEST"], ["BAD_REQUEST"]]
