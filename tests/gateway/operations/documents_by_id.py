"""Requests that identify a document by an id, and the documents that tests identify."""

import hashlib
from typing import Any
from uuid import uuid4

from prometheus_client.parser import text_string_to_metric_families

from tests.security.transports import FOR_QUERIES, FOR_SUBSCRIPTIONS, Request
from tests.serving import Gateway

JSON, RESPONSE_JSON = "application/json", "application/graphql-response+json"
ME = "query Me { me { workspaceId } }"
CREATE = "mutation Create($input: CreateVerificationInput!) { createVerification(input: $input) { __typename } }"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def by_apollo(id: str) -> Request:
    """The extension that Apollo's and urql's clients send."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id}}}


def a_document() -> str:
    """A valid document that no test has sent before."""
    return f"query Q{uuid4().hex} {{ me {{ workspaceId }} }}"


async def response_to(gateway: Gateway, token: str, request: Request, transport: str = "POST") -> dict[str, Any]:
    """The only response to a request."""
    [response] = await {**FOR_QUERIES, **FOR_SUBSCRIPTIONS}[transport](gateway, token, request)
    return response


def code(response: dict[str, Any]) -> str:
    """The code of a response's only error."""
    [error] = response["errors"]
    return str(error["extensions"]["code"])


async def document_counts(gateway: Gateway) -> dict[str, float]:
    """The number of requests by the source of their document."""
    families = text_string_to_metric_families((await gateway.client.get("/metrics")).text)
    return {sample.labels["kind"]: sample.value for each in families for sample in each.samples if sample.name == "gateway_documents_total"}
