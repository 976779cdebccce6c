"""Documents that clients identify instead of sending them: persisted queries by their hash, trusted documents by the ids of a manifest."""

import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import orjson
import pytest
from graphql import get_introspection_query
from prometheus_client.parser import text_string_to_metric_families

from domain.caller import Scope
from gateway.application import documents
from gateway.operations.documents import Documents, DocumentSource
from gateway.operations.operation_request import OperationRequest
from gateway.settings import BadSettings
from schema.build import build, executable
from tests.commands import Commands
from tests.company import PERSON, Company
from tests.security.transports import FOR_MUTATIONS, FOR_QUERIES, FOR_SUBSCRIPTIONS, Request, codes
from tests.serving import Gateway, serving, settings_for_tests

JSON, RESPONSE_JSON = "application/json", "application/graphql-response+json"
ME = "query Me { me { workspaceId } }"
CREATE = "mutation Create($input: CreateVerificationInput!) { createVerification(input: $input) { __typename } }"
FOLLOW = "subscription Follow($id: ID!) { verificationUpdated(id: $id) { verification { id status } } }"
LIST = "query List($first: Int) { verifications(first: $first) { edges { node { id } } } }"
TRUSTED = (ME, CREATE, FOLLOW, LIST)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def by_apollo(id: str) -> Request:
    """The extension that Apollo's and urql's clients send."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id}}}


NAMED: dict[str, Callable[[str], Request]] = {
    "Apollo's extension": by_apollo,
    "documentId": lambda id: {"documentId": id},
    "documentId with its prefix": lambda id: {"documentId": f"sha256:{id}"},
    "doc_id": lambda id: {"doc_id": id},
    "with an empty text": lambda id: {"query": "", **by_apollo(id)},
    "with a null text": lambda id: {"query": None, "doc_id": id},
}


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


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of the trusted documents."""
    return written(tmp_path_factory.mktemp("manifest"), {sha256(text): text for text in TRUSTED})


def written(directory: Path, content: object) -> Path:
    """A manifest with this content."""
    path = directory / "manifest.json"
    path.write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))
    return path


@pytest.fixture(scope="module")
async def remembering(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with persisted queries."""
    async with serving(shared_database_uri, persisted_queries=True) as gateway:
        yield gateway


@pytest.fixture(scope="module")
async def trusting(shared_database_uri: str, commands: Commands, manifest: Path) -> AsyncIterator[Gateway]:
    """A gateway that executes only the documents of the manifest."""
    async with serving(shared_database_uri, trusted_documents=manifest, documents="trusted-only", persisted_queries=True) as gateway:
        yield gateway


@pytest.mark.parametrize("transport", FOR_QUERIES)
async def test_a_hash_is_unknown_until_its_document_was_sent_with_it(remembering: Gateway, company: Company, transport: str) -> None:
    document, token = a_document(), company.token()
    hash = by_apollo(sha256(document))

    before = await response_to(remembering, token, hash, transport)
    sent = await response_to(remembering, token, {"query": document, **hash}, transport)
    after = await response_to(remembering, token, hash, transport)

    assert before == {"errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]}
    assert sent == after == {"data": {"me": {"workspaceId": company.workspace}}}


async def test_a_hash_works_for_all_callers_over_any_transport(remembering: Gateway, company: Company, stranger: Company) -> None:
    document = a_document()
    await response_to(remembering, company.token(), {"query": document, **by_apollo(sha256(document))}, "WebSocket")

    for transport in FOR_QUERIES:
        for name, named in NAMED.items():
            response = await response_to(remembering, stranger.token(), named(sha256(document)), transport)
            assert response == {"data": {"me": {"workspaceId": stranger.workspace}}}, (transport, name)


@pytest.mark.parametrize("accepted", [JSON, RESPONSE_JSON])
async def test_an_unknown_or_unsupported_hash_is_answered_with_200(
    remembering: Gateway, shared_gateway: Gateway, company: Company, accepted: str
) -> None:
    headers = {"authorization": f"Bearer {company.token()}", "accept": accepted}

    unknown = await remembering.client.post("/graphql", json=by_apollo(sha256(a_document())), headers=headers)
    unsupported = await shared_gateway.client.post("/graphql", json=by_apollo(sha256(a_document())), headers=headers)

    for response, expected in ((unknown, "PERSISTED_QUERY_NOT_FOUND"), (unsupported, "PERSISTED_QUERY_NOT_SUPPORTED")):
        assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
        assert response.headers["content-type"].startswith(accepted)
        assert code(response.json()) == expected


@pytest.mark.parametrize("transport", FOR_QUERIES)
async def test_a_document_with_the_hash_of_another_is_refused_and_not_kept(remembering: Gateway, company: Company, transport: str) -> None:
    document, other, token = a_document(), a_document(), company.token()
    await response_to(remembering, token, {"query": document, **by_apollo(sha256(document))})

    for victim in (document, other):
        poison = {"query": "query Poison { me { subject } }", **by_apollo(sha256(victim))}
        assert code(await response_to(remembering, token, poison, transport)) == "BAD_REQUEST"

    assert (await response_to(remembering, token, by_apollo(sha256(document)), transport))["data"] == {"me": {"workspaceId": company.workspace}}
    assert code(await response_to(remembering, token, by_apollo(sha256(other)), transport)) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("document", ["{", "{ nothing }", "{ me {" + " subject" * 1000 + "} }", "fragment F on Query { me { subject } }"])
async def test_an_invalid_document_is_not_kept(remembering: Gateway, company: Company, document: str) -> None:
    assert "errors" in await response_to(remembering, company.token(), {"query": document, **by_apollo(sha256(document))})

    assert code(await response_to(remembering, company.token(), by_apollo(sha256(document)))) == "PERSISTED_QUERY_NOT_FOUND"


@pytest.mark.parametrize("transport", FOR_QUERIES)
async def test_without_persisted_queries_every_hash_is_unsupported(company: Company, transport: str) -> None:
    document, gateway, token = a_document(), company.gateway, company.token()
    hash = by_apollo(sha256(document))

    before = await response_to(gateway, token, hash, transport)
    sent = await response_to(gateway, token, {"query": document, **hash}, transport)
    after = await response_to(gateway, token, hash, transport)

    assert before == after == {"errors": [{"message": "PersistedQueryNotSupported", "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"}}]}
    assert sent == {"data": {"me": {"workspaceId": company.workspace}}}


async def test_a_mutation_that_is_sent_by_its_hash_needs_post(remembering: Gateway, company: Company) -> None:
    request = {"variables": {"input": PERSON}, **by_apollo(sha256(CREATE))}
    assert code(await response_to(remembering, company.token(), request, "GET")) == "PERSISTED_QUERY_NOT_FOUND"
    await response_to(remembering, company.token(), {"query": CREATE, **request})

    response = await remembering.client.get(
        "/graphql",
        params={name: orjson.dumps(value).decode() for name, value in request.items()},
        headers={"authorization": f"Bearer {company.token()}"},
    )

    assert (response.status_code, response.headers["allow"], codes([response.json()])) == (405, "POST", {"BAD_REQUEST"})
    assert len(company.kept()) == 1


@pytest.mark.parametrize(
    "named",
    [
        {"extensions": {"persistedQuery": "x"}},
        {"extensions": {"persistedQuery": {}}},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": sha256(ME)}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 1}}},
        {"documentId": 1},
        {"documentId": ["x"]},
        {"doc_id": {}},
        {"documentId": "a", "doc_id": "b"},
        {"documentId": "a", **by_apollo("b")},
        {"documentId": "a", "query": 1},
    ],
)
async def test_an_invalid_or_contradictory_id_is_refused(remembering: Gateway, company: Company, named: Request) -> None:
    for request in (named, {"query": ME, **named}):
        response = await remembering.client.post("/graphql", json=request, headers={"authorization": f"Bearer {company.token()}"})
        assert (response.status_code, codes([response.json()])) == (400, {"BAD_REQUEST"})


async def test_a_request_may_repeat_the_same_hash_in_several_forms(remembering: Gateway, company: Company) -> None:
    named = {"documentId": f"sha256:{sha256(ME)}", "doc_id": sha256(ME), **by_apollo(sha256(ME))}

    for request in ({"query": ME, **named}, named):
        assert (await response_to(remembering, company.token(), request))["data"] == {"me": {"workspaceId": company.workspace}}


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


async def test_browsers_can_cache_the_catalogue_under_the_short_url_of_its_hash(remembering: Gateway, company: Company) -> None:
    document = f"query Q{uuid4().hex} {{ statuses {{ status }} }}"
    await response_to(remembering, company.token(), {"query": document, **by_apollo(sha256(document))})

    async def got(**headers: str) -> httpx2.Response:
        bearer = {"authorization": f"Bearer {company.token()}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await remembering.client.get("/graphql", params={"documentId": f"sha256:{sha256(document)}"}, headers=bearer)

    first = await got()
    again = await got(if_none_match=first.headers["etag"])

    assert (first.status_code, len(first.json()["data"]["statuses"])) == (200, 4)
    assert (again.status_code, again.content) == (304, b"")
