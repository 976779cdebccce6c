"""Clients use invalid tokens, and tokens that expire during a subscription. Cases S04 and S05 in tests/security/README.md.

Other tests use the same invalid tokens: tests/gateway/callers/test_tokens.py with POST requests and at the beginning of a socket, and
tests/gateway/callers/test_keys.py with keys that an issuer publishes.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import orjson
import pytest
from websockets.exceptions import ConnectionClosed

from domain.caller import Scope
from tests.company import Company
from tests.gateway.callers.test_tokens import OPERATIONS, bad_tokens
from tests.security.connections import answers
from tests.security.transports import EVENT_STREAM, Response, parameters, request_for
from tests.wire import GENEROUS_SECONDS, wired

UPDATED = "subscription($id: ID!) { verificationUpdated(id: $id) { verification { version } } }"
FEED = "subscription { verificationsUpdated { verification { updatedAt } } }"
LIFE = timedelta(seconds=4)
# How long after the expiry of a token the gateway may still deliver a change, before it ends the subscription.
A_MOMENT = timedelta(seconds=0.5)

Following = Callable[[Company, str], Awaitable[tuple[list[Response], object]]]


async def test_an_invalid_token_begins_no_stream_and_gets_no_answer_to_a_get(company: Company) -> None:
    id = await company.created()
    client, before = company.gateway.client, company.kept()
    query, subscription = request_for(OPERATIONS["verification"], {"id": id}), request_for(UPDATED, {"id": id})

    for what, authorization in bad_tokens(company.workspace).items():
        bearer = {"authorization": authorization} if authorization is not None else {}
        streaming = {**bearer, **EVENT_STREAM}
        responses = [
            await client.get("/graphql", params=parameters(query), headers=bearer),
            await client.get("/graphql", params=parameters(subscription), headers=streaming),
            await client.post("/graphql", json=query, headers=streaming),
            await client.post("/graphql", json=subscription, headers=streaming),
        ]

        for response in responses:
            assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer"), what
            assert [error["extensions"] for error in response.json()["errors"]] == [{"code": "UNAUTHENTICATED"}], what
            assert "data" not in response.json(), what
    assert company.kept() == before


async def test_a_token_is_accepted_only_in_the_authorization_header(company: Company) -> None:
    token, query = company.token(*Scope), "{ me { subject } }"
    client = company.gateway.client

    responses = [
        await client.post("/graphql", json=request_for(query), headers={name: f"Bearer {token}"})
        for name in ("cookie", "proxy-authorization", "x-authorization", "x-access-token")
    ]
    responses += [
        await client.get("/graphql", params={"query": query, name: value})
        for name in ("authorization", "access_token", "token", "connectionParams")
        for value in (token, f"Bearer {token}")
    ]
    responses.append(await client.post("/graphql", json=request_for(query), headers={"cookie": f"authorization=Bearer {token}; token={token}"}))
    responses.append(await client.post("/graphql", json={**request_for(query), "extensions": {"authorization": f"Bearer {token}"}}))

    assert {response.status_code for response in responses} == {401}


async def creating(company: Company) -> None:
    """Create one verification after the other, until this task is cancelled."""
    while True:
        await company.created()


async def by_event_stream(company: Company, token: str) -> tuple[list[Response], object]:
    """Follow the workspace with an event stream until it ends. Returns its responses, and the name of its last event."""
    responses, event = list[Response](), ""
    bearer = {"authorization": f"Bearer {token}", **EVENT_STREAM}
    async with company.gateway.client.stream("POST", "/graphql", json=request_for(FEED), headers=bearer) as stream:
        async for line in stream.aiter_lines():
            name, _, value = line.partition(": ")
            event = value if name == "event" else event
            if name == "data" and value:
                responses.append(orjson.loads(value))
    return responses, event


async def by_websocket(company: Company, token: str) -> tuple[list[Response], object]:
    """Follow the workspace over a socket until it is closed. Returns the responses, and the close code."""
    responses = list[Response]()
    async with wired(company.gateway, token) as wire:
        await wire.subscribe("1", FEED)
        with suppress(ConnectionClosed):
            while True:
                responses.append((await wire.hear())["payload"])
        return responses, wire.connection.close_code


# Clients must be able to reconnect with a new token. They do so if a stream ends without the event `complete`, and if a socket is closed with 4403.
@pytest.mark.parametrize(("following", "end"), [(by_event_stream, "next"), (by_websocket, 4403)])
async def test_a_subscription_ends_when_its_token_expires(company: Company, following: Following, end: object) -> None:
    token = company.token(ttl=LIFE)
    expires_at = datetime.fromisoformat((await company.ask("{ me { expiresAt } }", token=token))["me"]["expiresAt"])
    creation = asyncio.create_task(creating(company))
    try:
        async with asyncio.timeout(GENEROUS_SECONDS):
            responses, ended_with = await following(company, token)
    finally:
        creation.cancel()
        await asyncio.gather(creation, return_exceptions=True)

    rows = [response["data"]["verificationsUpdated"]["verification"] for response in responses]
    changed_at = [datetime.fromisoformat(row["updatedAt"]) for row in rows if row]
    assert ended_with == end
    assert changed_at
    assert max(changed_at) <= expires_at + A_MOMENT
    assert (await company.gateway.post("{ me { subject } }", token=token)).status_code == 401


async def test_each_request_on_a_shared_connection_has_its_own_caller(company: Company, stranger: Company) -> None:
    """The gateway must not use the caller of an earlier request for a later request on the same keep-alive connection."""
    requests = [(each.token(), request_for("{ me { workspaceId } }")) for each in (company, stranger)] * 5
    requests[4:4] = [("x", request_for("{ me { workspaceId } }"))]

    received = await answers(company.gateway, requests, at_once=1)

    named = [orjson.loads(body).get("data", {}).get("me", {}).get("workspaceId") for _, body in received]
    assert named == [*[company.workspace, stranger.workspace] * 2, None, *[company.workspace, stranger.workspace] * 3]
