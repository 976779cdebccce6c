"""Persisted queries: a client sends a document once, and from then on only its hash."""

from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import httpx2
import orjson
import pytest

from tests.commands import Commands
from tests.company import PERSON, Company
from tests.gateway.operations.documents_by_id import CREATE, JSON, ME, RESPONSE_JSON, a_document, by_apollo, code, response_to, sha256
from tests.security.transports import FOR_QUERIES, Request, codes
from tests.serving import Gateway, serving

NAMED: dict[str, Callable[[str], Request]] = {
    "Apollo's extension": by_apollo,
    "documentId": lambda id: {"documentId": id},
    "documentId with its prefix": lambda id: {"documentId": f"sha256:{id}"},
    "doc_id": lambda id: {"doc_id": id},
    "with an empty text": lambda id: {"query": "", **by_apollo(id)},
    "with a null text": lambda id: {"query": None, "doc_id": id},
}


@pytest.fixture(scope="module")
async def remembering(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway on which persisted queries are switched on."""
    async with serving(shared_database_uri, persisted_queries=True) as gateway:
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
