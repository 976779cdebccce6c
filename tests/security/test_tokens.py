"""Tokens that nobody may be trusted for, and those that end while they are in use. Cases S04 and S05; over POST and at the socket's beginning
they are tried in tests/gateway/callers/test_tokens.py, with keys that are published in tests/gateway/callers/test_keys.py.
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
from tests.security.transports import EVENT_STREAM, Response, asking, parameters
from tests.wire import GENEROUS_SECONDS, wired

UPDATED = "subscription($id: ID!) { verificationUpdated(id: $id) { verification { version } } }"
FEED = "subscription { verificationsUpdated { verification { updatedAt } } }"
LIFE = timedelta(seconds=4)
# Something that happens takes longer to be told than the gateway takes to see that it is time.
A_MOMENT = timedelta(seconds=0.5)

Following = Callable[[Company, str], Awaitable[tuple[list[Response], object]]]


async def test_without_a_token_that_counts_no_stream_begins_and_no_address_is_answered(company: Company) -> None:
    id = await company.created()
    client, before = company.gateway.client, company.kept()
    query, subscription = asking(OPERATIONS["verification"], {"id": id}), asking(UPDATED, {"id": id})

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


async def test_a_token_counts_nowhere_but_where_it_belongs(company: Company) -> None:
    token, query = company.token(*Scope), "{ me { subject } }"
    client = company.gateway.client

    responses = [
        await client.post("/graphql", json=asking(query), headers={name: f"Bearer {token}"})
        for name in ("cookie", "proxy-authorization", "x-authorization", "x-access-token")
    ]
    responses += [
        await client.get("/graphql", params={"query": query, name: value})
        for name in ("authorization", "access_token", "token", "connectionParams")
        for value in (token, f"Bearer {token}")
    ]
    responses.append(await client.post("/graphql", json=asking(query), headers={"cookie": f"authorization=Bearer {token}; token={token}"}))
    responses.append(await client.post("/graphql", json={**asking(query), "extensions": {"authorization": f"Bearer {token}"}}))

    assert {response.status_code for response in responses} == {401}


async def creating(company: Company) -> None:
    """Something happens all the time."""
    while True:
        await company.created()


async def streamed(company: Company, token: str) -> tuple[list[Response], object]:
    """What an event stream brings, and the last event of it."""
    responses, event = list[Response](), ""
    bearer = {"authorization": f"Bearer {token}", **EVENT_STREAM}
    async with company.gateway.client.stream("POST", "/graphql", json=asking(FEED), headers=bearer) as stream:
        async for line in stream.aiter_lines():
            name, _, value = line.partition(": ")
            event = value if name == "event" else event
            if name == "data" and value:
                responses.append(orjson.loads(value))
    return responses, event


async def sent(company: Company, token: str) -> tuple[list[Response], object]:
    """What a socket brings, and the code with which it is closed."""
    responses = list[Response]()
    async with wired(company.gateway, token) as wire:
        await wire.subscribe("1", FEED)
        with suppress(ConnectionClosed):
            while True:
                responses.append((await wire.hear())["payload"])
        return responses, wire.connection.close_code


# A stream that ends without `complete` is one that clients begin again, as they do with a socket after 4403.
@pytest.mark.parametrize(("following", "end"), [(streamed, "next"), (sent, 4403)])
async def test_what_is_followed_ends_with_the_token_and_nothing_comes_after(company: Company, following: Following, end: object) -> None:
    token = company.token(ttl=LIFE)
    expires_at = datetime.fromisoformat((await company.ask("{ me { expiresAt } }", token=token))["me"]["expiresAt"])
    happening = asyncio.create_task(creating(company))
    try:
        async with asyncio.timeout(GENEROUS_SECONDS):
            responses, ended_with = await following(company, token)
    finally:
        happening.cancel()
        await asyncio.gather(happening, return_exceptions=True)

    rows = [response["data"]["verificationsUpdated"]["verification"] for response in responses]
    happened = [datetime.fromisoformat(row["updatedAt"]) for row in rows if row]
    assert ended_with == end
    assert happened
    assert max(happened) <= expires_at + A_MOMENT
    assert (await company.gateway.post("{ me { subject } }", token=token)).status_code == 401


async def test_one_who_asks_on_an_open_stream_of_another_is_another(company: Company, stranger: Company) -> None:
    """A connection that is kept alive keeps nothing of who spoke on it."""
    asked = [(each.token(), asking("{ me { workspaceId } }")) for each in (company, stranger)] * 5
    asked[4:4] = [("x", asking("{ me { workspaceId } }"))]

    told = await answers(company.gateway, asked, at_once=1)

    named = [orjson.loads(body).get("data", {}).get("me", {}).get("workspaceId") for _, body in told]
    assert named == [*[company.workspace, stranger.workspace] * 2, None, *[company.workspace, stranger.workspace] * 3]
