"""How the fields of a client's request are read, whether they come from a body, a query string or a socket's message."""

from typing import Any

import pytest

from gateway.errors import RequestRefused
from gateway.operations.operation_request import OperationRequest, from_fields

APOLLO = {"persistedQuery": {"version": 1, "sha256Hash": "abc"}}


def refusal(fields: Any) -> str:
    """The message with which a request that has these fields is refused."""
    with pytest.raises(RequestRefused) as refused:
        from_fields(fields)
    [error] = refused.value.errors
    assert (refused.value.status, error["extensions"]) == (400, {"code": "BAD_REQUEST"})
    return str(error["message"])


def test_a_request_has_a_query_variables_a_name_and_extensions() -> None:
    fields = {"query": "query Q { a }", "variables": {"n": 1}, "operationName": "Q", "extensions": {"cost": True, "other": 1}, "other": 1}

    assert from_fields(fields) == OperationRequest("query Q { a }", {"n": 1}, "Q", with_cost=True)


def test_optional_fields_may_be_missing_or_null() -> None:
    nulls = {"query": "{ a }", "variables": None, "operationName": None, "extensions": None, "documentId": None}

    assert from_fields({"query": "{ a }"}) == from_fields(nulls) == OperationRequest("{ a }")


@pytest.mark.parametrize(
    "fields",
    [
        {"documentId": "abc"},
        {"doc_id": "abc"},
        {"documentId": "sha256:abc"},
        {"extensions": APOLLO},
        {"query": "", "documentId": "abc"},
        {"query": None, "documentId": "sha256:abc", "doc_id": "abc", "extensions": APOLLO},
    ],
)
def test_an_id_replaces_the_text_of_a_document(fields: dict[str, Any]) -> None:
    assert from_fields(fields) == OperationRequest(None, document_id="abc")


def test_an_empty_query_without_an_id_is_not_treated_as_missing() -> None:
    assert from_fields({"query": ""}) == OperationRequest("")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([{"query": "{ a }"}], "send one operation per request"),
        ("{ a }", "a JSON object"),
        (None, "a JSON object"),
        ({}, "query is missing"),
        ({"query": 1}, "query is missing, or not a string"),
        ({"query": "{ a }", "variables": []}, "variables is not an object"),
        ({"query": "{ a }", "operationName": 1}, "operationName is not a string"),
        ({"query": "{ a }", "extensions": "x"}, "extensions is not an object"),
        ({"documentId": 1}, "documentId is not a string"),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "abc"}}}, "extensions.persistedQuery is not"),
        ({"documentId": "abc", "doc_id": "def"}, "documentId and doc_id name different documents"),
    ],
)
def test_the_refusal_names_the_field_that_is_wrong(fields: Any, message: str) -> None:
    assert message in refusal(fields)
