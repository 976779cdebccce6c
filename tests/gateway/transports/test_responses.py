"""Tests of the security headers that every response carries."""

from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from gateway.pages.access import PageAccess
from gateway.pages.console import routes
from gateway.pages.page import POLICY
from simulation.credentials import Credentials, Tokens
from tests.commands import Commands
from tests.company import PERSON
from tests.serving import Gateway, serving

STRICT = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { verificationUrl } } }"
ME = {"query": "{ me { subject } }"}
CREDENTIALS = Credentials("http://x.example", "http://x.example/graphql", "ws://x.example/graphql", "demo", Tokens("a", "b", "c", "d"))


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway that also serves the HTML page at `/`, as it does on a developer's machine."""
    async with serving(shared_database_uri, pages=routes(PageAccess(lambda: CREDENTIALS), at_root=True)) as running:
        yield running


def strict_of(headers: httpx2.Headers) -> dict[str, str]:
    """The headers of a response that STRICT names. Also checks that each of them occurs exactly once."""
    counted = Counter(name.decode().lower() for name, _ in headers.raw)
    assert all(counted[name] == 1 for name in STRICT), counted
    return {name: headers[name] for name in STRICT}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/livez", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/livez", 405),
        ("POST", "/graphql", 401),
        ("PUT", "/graphql", 405),
        ("OPTIONS", "/graphql", 405),
    ],
)
async def test_responses_that_are_not_pages_have_all_strict_headers(gateway: Gateway, method: str, path: str, status: int) -> None:
    response = await gateway.client.request(method, path)

    assert response.status_code == status
    assert strict_of(response.headers) == STRICT
    assert response.headers["date"].endswith(" GMT")
    assert "strict-transport-security" not in response.headers


async def test_graphql_responses_streams_and_refusals_have_all_strict_headers(gateway: Gateway) -> None:
    bearer = {"authorization": f"Bearer {gateway.token()}"}
    answer = await gateway.client.post("/graphql", json=ME, headers=bearer)
    stream = await gateway.client.post("/graphql", json=ME, headers={**bearer, "accept": "text/event-stream"})
    foreign = await gateway.client.post("/graphql", json=ME, headers={**bearer, "origin": "https://evil.example"})

    assert [each.status_code for each in (answer, stream, foreign)] == [200, 200, 403]
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert [strict_of(each.headers) for each in (answer, stream, foreign)] == [STRICT] * 3


async def test_a_header_that_a_response_sets_itself_is_not_sent_twice(gateway: Gateway) -> None:
    schema = await gateway.client.get("/schema.graphql")

    assert strict_of(schema.headers) == {**STRICT, "cache-control": "no-cache"}


async def test_pages_and_their_files_have_their_own_policy_and_all_other_strict_headers(gateway: Gateway) -> None:
    link = (await gateway.query(CREATE, {"input": PERSON}))["createVerification"]["verificationUrl"]

    for path in ("/", "/console.js", "/style.css", urlsplit(link).path, f"{urlsplit(link).path}0"):
        headers = strict_of((await gateway.client.get(path)).headers)
        assert headers.pop("content-security-policy").startswith(f"{POLICY}; ")
        assert headers == {name: value for name, value in STRICT.items() if name != "content-security-policy"} | {"referrer-policy": "same-origin"}


async def test_a_refused_handshake_has_all_strict_headers(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with connect(gateway.websocket, origin=Origin("https://evil.example")):
            pass

    headers = refusal.value.response.headers
    assert {name: headers[name] for name in STRICT} == STRICT
    assert headers["x-request-id"]


async def test_a_gateway_over_https_sends_strict_transport_security(shared_database_uri: str) -> None:
    async with serving(shared_database_uri, public_url="https://gateway.example") as gateway:
        for path in ("/livez", "/nowhere", "/style.css"):
            assert (await gateway.client.get(path)).headers["strict-transport-security"] == "max-age=63072000"
