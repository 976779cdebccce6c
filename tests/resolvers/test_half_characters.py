"""Tests of values that a program has cut in the middle of an emoji: they end with half of a surrogate pair, sent as an escape sequence of JSON."""

import json
from typing import Any

import pytest

from domain.caller import Scope
from tests.company import PERSON, Company

HALF = "\ud83d"
RESULT = """mutation($input: ReportResultInput!) { reportResult(input: $input) {
  ... on Verification { status extractedDocument { fullName bornOn } events(after: 1) { note } }
} }"""
CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { __typename ... on Refusal { code field } } }"


async def sent(company: Company, query: str, input: dict[str, Any], token: str) -> dict[str, Any]:
    """Send a mutation whose JSON contains escape sequences. Returns the data of the response."""
    content = json.dumps({"query": query, "variables": {"input": input}})
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    response = await company.gateway.client.post("/graphql", content=content, headers=headers)
    data: dict[str, Any] = response.json()["data"]
    return data


async def test_half_a_character_in_a_document_does_not_cost_the_verdict(company: Company) -> None:
    document = {"fullName": f"Jeanne {HALF}", "bornOn": "1928-01-23"}
    input = {"verificationId": await company.created(), "status": "VERIFIED", "extractedDocument": document}

    reported = (await sent(company, RESULT, input, company.token(Scope.REPORT, Scope.READ, Scope.SENSITIVE)))["reportResult"]

    assert reported["status"] == "VERIFIED"
    assert reported["extractedDocument"] == {"fullName": None, "bornOn": "1928-01-23"}
    assert "extractedDocument.fullName" in reported["events"][0]["note"]


@pytest.mark.parametrize("field", ["firstName", "reference", "idempotencyKey"])
async def test_half_a_character_in_another_text_is_refused_with_its_field(company: Company, field: str) -> None:
    created = (await sent(company, CREATE, {**PERSON, field: f"a{HALF}"}, company.token()))["createVerification"]

    assert created == {"__typename": "Refusal", "code": "INVALID_INPUT", "field": field}
