"""Builds and sends requests that identify their operation document by an id, and counts how the gateway found their documents."""

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
    """The fields of a request that identify a document by its hash, in the way of Apollo's and urql's clients."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id}}}


def a_document() -> str:
    """A valid document that no test has sent before."""
    return f"query Q{uuid4().hex} {{ me {{ workspaceId }} }}"


async def response_to(gateway: Gateway, token: str, request: Request, transport: str = "POST") -> dict[str, Any]:
    """Send a request over one of the transports. Returns its response; there must be exactly one."""
    [response] = await {**FOR_QUERIES, **FOR_SUBSCRIPTIONS}[transport](gateway, token, request)
    return response


def code(response: dict[str, Any]) -> str:
    """The code of the error in a response, which must have exactly one."""
    [error] = response["errors"]
    return str(error["extensions"]["code"])


async def document_counts(gateway: Gateway) -> dict[str, float]:
    """How many requests the gateway has counted so far, by the source of their document (see `DocumentSource`)."""
    families = text_string_to_metric_families((await gateway.client.get("/metrics")).text)
    return {sample.labels["kind"]: sample.value for each in families for sample in each.samples if sample.name == "gateway_documents_total"}
