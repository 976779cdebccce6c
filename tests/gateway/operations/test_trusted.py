"""Trusted documents: they are listed in a manifest, and clients identify them by an id."""

import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from graphql import get_introspection_query

from domain.caller import Scope
from gateway.application import documents
from gateway.operations.documents import Documents, DocumentSource
from gateway.operations.operation_request import OperationRequest
from gateway.settings import BadSettings
from schema.build import build, executable
from tests.commands import Commands
from tests.company import PERSON, Company
from tests.gateway.operations.documents_by_id import (
    CREATE,
    JSON,
    ME,
    RESPONSE_JSON,
    a_document,
    by_apollo,
    code,
    document_counts,
    response_to,
    sha256,
)
from tests.security.transports import FOR_MUTATIONS, FOR_QUERIES, FOR_SUBSCRIPTIONS
from tests.serving import Gateway, serving, settings_for_tests

FOLLOW = "subscription Follow($id: ID!) { verificationUpdated(id: $id) { verification { id status } } }"
LIST = "query List($first: Int) { verifications(first: $first) { edges { node { id } } } }"
TRUSTED = (ME, CREATE, FOLLOW, LIST)


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest file with the documents of TRUSTED, whose ids are their hashes."""
    return written(tmp_path_factory.mktemp("manifest"), {sha256(text): text for text in TRUSTED})


def written(directory: Path, content: object) -> Path:
    """Write a manifest file with this content. Returns its path."""
    path = directory / "manifest.json"
    path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
    return path


@pytest.fixture(scope="module")
async def trusting(shared_database_uri: str, commands: Commands, manifest: Path) -> AsyncIterator[Gateway]:
    """A gateway in the mode `trusted-only`: it executes only the documents of the manifest."""
    async with serving(shared_database_uri, trusted_documents=manifest, documents="trusted-only", persisted_queries=True) as gateway:
        yield gateway


MANIFESTS: dict[str, tuple[Callable[[str], str], Callable[[dict[str, str]], object]]] = {
    "graphql-codegen": (lambda text: f"sha256:{sha256(text)}", lambda documents: documents),
    "graphql-codegen, hashes alone": (sha256, lambda documents: documents),
    "Relay": (md5, lambda documents: documents),
    "Apollo": (
        sha256,
        lambda documents: {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [{"id": id, "name": text.split()[1], "type": text.split()[0], "body": text} for id, text in documents.items()],
        },
    ),
}


@pytest.mark.parametrize("tool", MANIFESTS)
async def test_the_documents_of_a_manifest_are_executed_by_their_ids(database_uri: str, tmp_path: Path, tool: str) -> None:
    id_of, shape = MANIFESTS[tool]
    path = written(tmp_path, shape({id_of(text): text for text in TRUSTED}))

    async with serving(database_uri, trusted_documents=path) as gateway:
        for transport in FOR_QUERIES:
            for named in ({"documentId": id_of(ME)}, {"doc_id": id_of(ME)}, by_apollo(id_of(ME)), by_apollo(sha256(ME)), {"query": ME}):
                assert await response_to(gateway, gateway.token(), named, transport) == {"data": {"me": {"workspaceId": "acme"}}}, (transport, named)
        open_to_others = await response_to(gateway, gateway.token(), {"query": a_document()})
        unknown = await response_to(gateway, gateway.token(), {"documentId": "unknown"})
        contradicting = await response_to(gateway, gateway.token(), {"documentId": id_of(ME), "query": a_document()})
        found = await document_counts(gateway)

    assert "errors" not in open_to_others
    assert (code(unknown), code(contradicting)) == ("PERSISTED_QUERY_NOT_FOUND", "BAD_REQUEST")
    assert found == {"trusted": 20, "parsed": 1, "refused": 2}


BAD_MANIFESTS: dict[str, tuple[object, str]] = {
    "a list": ([], "is not an object"),
    "no JSON": (b"{", "can't be read, or is not JSON"),
    "another format": ({"format": "other", "version": 1, "operations": []}, "has a `format` that is not"),
    "another version": ({"format": "apollo-persisted-query-manifest", "version": 2, "operations": []}, "has a `format` that is not"),
    "operations without bodies": (
        {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a"}]},
        "must hold only documents by their ids",
    ),
    "operations that are texts": (
        {"format": "apollo-persisted-query-manifest", "version": 1, "operations": ["a"]},
        "must hold only documents by their ids",
    ),
    "no texts": ({"a": {"query": ME}}, "must hold only documents by their ids"),
    "no GraphQL": ({"me": ME, "broken": "{ me { subject }"}, "broken: Syntax Error"),
    "a document for another schema": ({"me": ME, "foreign": "{ user { name } }"}, "foreign: Cannot query field 'user'"),
    "a document that is too large": ({"large": "{ me {" + " subject" * 1000 + "} }"}, "large: the operation has too many tokens"),
    "introspection": ({"look": "{ __schema { queryType { name } } }"}, "look: GraphQL introspection has been disabled"),
    "the hash of another document": ({f"sha256:{sha256(ME)}": LIST}, f"sha256:{sha256(ME)}: is not the SHA-256 of its document"),
    "two documents of one id": (
        {
            "format": "apollo-persisted-query-manifest",
            "version": 1,
            "operations": [{"id": "a", "body": ME}, {"id": "a", "body": LIST}],
        },
        "a: names two documents",
    ),
}


@pytest.mark.parametrize("what", BAD_MANIFESTS)
async def test_a_gateway_with_a_bad_manifest_does_not_start(database_uri: str, tmp_path: Path, what: str) -> None:
    content, trouble = BAD_MANIFESTS[what]

    with pytest.raises(BadSettings) as bad:
        async with serving(database_uri, trusted_documents=written(tmp_path, content), introspection=False):
            pass

    assert f"GATEWAY_TRUSTED_DOCUMENTS: {trouble}" in str(bad.value)


async def test_trusted_first_executes_all_documents_and_logs_each_untrusted_one_once(
    database_uri: str, manifest: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="gateway.operations.documents")
    untrusted = a_document()
    async with serving(database_uri, trusted_documents=manifest, documents="trusted-first") as gateway:
        for document in (untrusted, TRUSTED[0], untrusted):
            assert (await gateway.post(document)).is_success

    lines = [record.getMessage() for record in caplog.records if record.name == "gateway.operations.documents"]
    assert lines == [f"a document that is not in the manifest was sent: sha256:{sha256(untrusted)}"]


@pytest.mark.parametrize("changed", [{"trusted_documents": Path("missing.json")}, {"documents": "trusted-only"}, {"documents": "trusted-first"}])
def test_a_gateway_without_the_manifest_that_it_needs_does_not_start(changed: dict[str, Any]) -> None:
    with pytest.raises(BadSettings, match=r"GATEWAY_TRUSTED_DOCUMENTS: (is missing|can't be read)"):
        documents(settings_for_tests("mongodb://unused", 0, **changed), executable(build()))


@pytest.mark.parametrize("transport", FOR_QUERIES)
async def test_trusted_only_refuses_all_other_documents(trusting: Gateway, company: Company, transport: str) -> None:
    token, other = company.token(), a_document()

    for query in (other, ME + " ", "{", get_introspection_query(), "{ __typename }"):
        assert code(await response_to(trusting, token, {"query": query}, transport)) == "FORBIDDEN", query
        assert code(await response_to(trusting, token, {"query": query, **by_apollo(sha256(query))}, transport)) == "FORBIDDEN", query
    assert code(await response_to(trusting, token, by_apollo(sha256(other)), transport)) == "PERSISTED_QUERY_NOT_FOUND"
    for request in ({"query": ME}, {"query": ME, **by_apollo(sha256(ME))}, by_apollo(sha256(ME))):
        assert await response_to(trusting, token, request, transport) == {"data": {"me": {"workspaceId": company.workspace}}}


async def test_trusted_only_answers_other_documents_with_403(trusting: Gateway, company: Company) -> None:
    for accepted in (JSON, RESPONSE_JSON):
        headers = {"authorization": f"Bearer {company.token()}", "accept": accepted}
        response = await trusting.client.post("/graphql", json={"query": a_document()}, headers=headers)

        assert (response.status_code, response.json()["errors"][0]["message"]) == (403, "only the documents of the manifest are executed")


@pytest.mark.parametrize("transport", FOR_MUTATIONS)
async def test_mutations_and_subscriptions_are_executed_by_their_ids(trusting: Gateway, company: Company, transport: str) -> None:
    made = await response_to(trusting, company.token(), {"documentId": sha256(CREATE), "variables": {"input": PERSON}}, transport)
    assert made == {"data": {"createVerification": {"__typename": "Verification"}}}

    if transport in FOR_SUBSCRIPTIONS:
        [verification] = company.kept()
        await company.result(verification["_id"], "VERIFIED")
        followed = await response_to(trusting, company.token(), {"documentId": sha256(FOLLOW), "variables": {"id": verification["_id"]}}, transport)
        assert followed == {"data": {"verificationUpdated": {"verification": {"id": verification["_id"], "status": "VERIFIED"}}}}


async def test_the_same_limits_and_rules_hold_for_trusted_documents(database_uri: str, manifest: Path) -> None:
    async with serving(database_uri, trusted_documents=manifest, max_cost=20) as gateway:
        token, reporter = gateway.token(), gateway.token(Scope.REPORT)
        affordable = await response_to(gateway, token, {"documentId": sha256(LIST), "variables": {"first": 10}})
        costly = await response_to(gateway, token, {"documentId": sha256(LIST), "variables": {"first": 50}})
        stuffed = await response_to(gateway, token, {"documentId": sha256(LIST), "variables": {"first": [0] * 2000}})
        forbidden = await response_to(gateway, reporter, {"documentId": sha256(LIST), "variables": {"first": 10}})

    assert affordable["data"] == {"verifications": {"edges": []}}
    assert (code(costly), code(stuffed), code(forbidden)) == ("QUERY_TOO_COMPLEX", "QUERY_TOO_COMPLEX", "FORBIDDEN")


def test_a_trusted_document_is_prepared_once_and_never_dropped() -> None:
    documents = Documents(executable(build()), introspection=False, trusted={"me": ME, "mine": ME})
    requests = [OperationRequest(None, document_id="me"), OperationRequest(None, document_id="mine"), OperationRequest(ME)]
    before = [documents.operation(request, "request") for request in requests]
    for number in range(600):
        documents.operation(OperationRequest(f"query Q{number} {{ me {{ subject }} }}"), "request")

    after = [documents.operation(request, "request") for request in requests]

    assert len({id(each.prepared) for each in before + after}) == 1
    assert {each.source for each in before + after} == {DocumentSource.TRUSTED}
    assert {documents.effort(request) for request in requests} == {0}


async def test_requests_are_counted_by_the_source_of_their_document(database_uri: str, manifest: Path) -> None:
    document = a_document()
    async with serving(database_uri, trusted_documents=manifest, persisted_queries=True) as gateway:
        for request in (
            {"query": document},
            {"query": document, **by_apollo(sha256(document))},
            by_apollo(sha256(document)),
            by_apollo(sha256(document)),
            {"documentId": sha256(ME)},
            {"documentId": "unknown"},
            {"query": "{"},
            {"query": "{ nothing }"},
        ):
            await response_to(gateway, gateway.token(), request)

        assert await document_counts(gateway) == {"parsed": 1, "kept": 1, "persisted": 2, "trusted": 1, "refused": 3}
