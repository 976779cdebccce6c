"""A request with several credentials is refused, over every transport, even if both are valid."""

from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gateway.transports.credentials import SeveralCredentials, socket_authorization
from providers.yousign import SIGNATURE_HEADER
from tests.company import Company
from tests.wire import PROTOCOL, Wire

ME = "{ me { workspaceId } }"
REFUSED = {"errors": [{"message": "send one authorization header", "extensions": {"code": "BAD_REQUEST"}}]}


def bearers(*tokens: str) -> list[tuple[str, str]]:
    """One header for each token. The names of the headers differ only in upper and lower case."""
    return [("authorization" if number % 2 else "Authorization", f"Bearer {token}") for number, token in enumerate(tokens)]


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_two_authorization_headers_are_refused(company: Company, stranger: Company, accept: str, equal: bool) -> None:
    client, own = company.gateway.client, company.token()
    headers = [("accept", accept), *bearers(own, own if equal else stranger.token())]

    responses = [
        await client.post("/graphql", json={"query": ME}, headers=headers),
        await client.get("/graphql", params={"query": ME}, headers=headers),
        await client.get("/livez", headers=headers),
    ]

    assert [(response.status_code, response.json()) for response in responses] == [(400, REFUSED)] * 3
    assert (await client.post("/graphql", json={"query": ME}, headers=bearers(own))).json()["data"]["me"]["workspaceId"] == company.workspace


async def test_tokens_that_a_proxy_has_joined_are_refused(company: Company) -> None:
    header = f"Bearer {company.token()}, Bearer {company.token()}"

    response = await company.gateway.client.post("/graphql", json={"query": ME}, headers={"authorization": header})

    assert (response.status_code, response.json()["errors"][0]["extensions"]) == (401, {"code": "UNAUTHENTICATED"})


async def test_other_headers_may_be_repeated(company: Company) -> None:
    headers = [*bearers(company.token()), ("x-tag", "a"), ("x-tag", "b"), ("accept-language", "de"), ("accept-language", "fr")]

    assert (await company.gateway.client.post("/graphql", json={"query": ME}, headers=headers)).status_code == 200


async def test_two_signatures_of_a_webhook_are_refused(company: Company) -> None:
    headers = [(SIGNATURE_HEADER, "sha256=00"), (SIGNATURE_HEADER, "sha256=11")]

    response = await company.gateway.client.post(f"/webhooks/{company.workspace}", content=b"{}", headers=headers)

    assert (response.status_code, response.json()["errors"][0]["message"]) == (400, f"send one {SIGNATURE_HEADER} header")


async def test_a_refused_request_is_counted(company: Company) -> None:
    async def count() -> float:
        text = (await company.gateway.client.get("/metrics")).text
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith('gateway_refused_total{reason="credentials"}'))

    before = await count()
    await company.gateway.client.post("/graphql", json={"query": ME}, headers=bearers("x", "x"))

    assert await count() - before == 1


async def test_a_handshake_with_two_authorization_headers_is_refused(company: Company) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(company.gateway.websocket, subprotocols=[PROTOCOL], additional_headers=bearers(company.token(), company.token())):
            pass

    assert refused.value.response.status_code == 400


async def refusal_of(company: Company, payload: dict[str, Any], headers: list[tuple[str, str]]) -> tuple[int | None, str | None]:
    """Send a connection_init with this payload. Returns the code and the reason with which the gateway closes the socket."""
    async with connect(company.gateway.websocket, subprotocols=[PROTOCOL], additional_headers=headers) as connection:
        wire = Wire(connection)
        await wire.send({"type": "connection_init", "payload": payload})
        return await wire.closed(), connection.close_reason


async def test_a_connection_init_with_several_tokens_closes_the_socket(company: Company, stranger: Company) -> None:
    own, other = f"Bearer {company.token()}", f"Bearer {stranger.token()}"
    several: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
        ({"authorization": own, "Authorization": own}, []),
        ({"authorization": own, "AUTHORIZATION": other}, []),
        ({"authorization": own, "Authorization": 7}, []),
        ({"authorization": own}, [("authorization", other)]),
    ]

    closed = [await refusal_of(company, payload, headers) for payload, headers in several]

    assert closed == [(4400, "send one authorization")] * 4


async def test_a_list_of_tokens_is_no_token(company: Company) -> None:
    own = f"Bearer {company.token()}"

    code, _ = await refusal_of(company, {"authorization": [own]}, [])

    assert code == 4403


@pytest.mark.parametrize(
    ("payload", "header", "authorization"),
    [
        ({}, None, None),
        ({}, "Bearer a", "Bearer a"),
        ({"authorization": "Bearer a"}, None, "Bearer a"),
        ({"Authorization": "Bearer a"}, None, "Bearer a"),
        ({"authorization": ""}, "Bearer a", "Bearer a"),
        ({"authorization": None, "Authorization": "Bearer a"}, None, "Bearer a"),
        ({"authorization": "Bearer a"}, "bearer  a", "Bearer a"),
        # Basic credentials in the header are meant for a proxy in front of the gateway, so the gateway ignores them.
        ({"authorization": "Bearer a"}, "Basic eDp5", "Bearer a"),
        ({"authorization": ["Bearer a"]}, None, None),
        ({"token": "a"}, None, None),
    ],
)
def test_the_authorization_of_a_socket_is_in_its_payload_or_its_header(
    payload: dict[str, Any], header: str | None, authorization: str | None
) -> None:
    assert socket_authorization(payload, header) == authorization


@pytest.mark.parametrize(
    ("payload", "header"),
    [({"authorization": "Bearer a", "Authorization": "Bearer a"}, None), ({"authorization": "Bearer a"}, "Bearer b")],
)
def test_two_authorizations_of_a_socket_are_refused(payload: dict[str, Any], header: str | None) -> None:
    with pytest.raises(SeveralCredentials):
        socket_authorization(payload, header)
