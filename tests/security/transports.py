"""The ways in: one operation, asked for over each transport that takes it, and what comes back in one shape."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx2
import orjson

from tests.serving import Gateway
from tests.wire import wired

EVENT_STREAM = {"accept": "text/event-stream"}

Request = dict[str, Any]
Response = dict[str, Any]
# All responses to an operation that ends by itself: one, or as many as a subscription has.
Transport = Callable[[Gateway, str, Request], Awaitable[list[Response]]]
# The responses as they come.
Live = Callable[[Gateway, str, Request], AsyncGenerator[Response, None]]


def asking(query: str, variables: dict[str, Any] | None = None) -> Request:
    """A request as clients send it."""
    return {"query": query, "variables": variables}


async def by_post(gateway: Gateway, token: str, request: Request) -> list[Response]:
    """POST, with JSON for an answer."""
    response = await gateway.client.post("/graphql", json=request, headers={"authorization": f"Bearer {token}"})
    return [response.json()]


async def by_address(gateway: Gateway, token: str, request: Request) -> list[Response]:
    """GET, with all of the request in the URL."""
    response = await gateway.client.get("/graphql", params=parameters(request), headers={"authorization": f"Bearer {token}"})
    return [response.json()]


async def by_stream(gateway: Gateway, token: str, request: Request) -> list[Response]:
    """POST, with an event stream for an answer."""
    return told(await gateway.client.post("/graphql", json=request, headers={"authorization": f"Bearer {token}", **EVENT_STREAM}))


async def by_socket(gateway: Gateway, token: str, request: Request) -> list[Response]:
    """A WebSocket. The errors of an operation that can't begin read as over HTTP."""
    responses: list[Response] = []
    async with wired(gateway, token) as wire:
        await wire.send({"type": "subscribe", "id": "1", "payload": request})
        while (message := await wire.hear())["type"] != "complete":
            responses.append(message["payload"] if message["type"] == "next" else {"errors": message["payload"]})
            if message["type"] == "error":
                break
    return responses


FOR_QUERIES: dict[str, Transport] = {"POST": by_post, "GET": by_address, "event stream": by_stream, "WebSocket": by_socket}
FOR_MUTATIONS: dict[str, Transport] = {name: transport for name, transport in FOR_QUERIES.items() if name != "GET"}
FOR_SUBSCRIPTIONS: dict[str, Transport] = {"event stream": by_stream, "WebSocket": by_socket}


def transports_of(query: str) -> dict[str, Transport]:
    """Those that take an operation."""
    kind = query.lstrip().partition("(")[0].partition(" ")[0].partition("{")[0]
    return {"mutation": FOR_MUTATIONS, "subscription": FOR_SUBSCRIPTIONS}.get(kind, FOR_QUERIES)


def parameters(request: Request) -> dict[str, str]:
    """A request as the parameters of a URL."""
    return {name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in request.items() if value is not None}


def told(response: httpx2.Response) -> list[Response]:
    """The responses in an event stream that has ended, or the one that refuses to begin it."""
    if not response.headers["content-type"].startswith("text/event-stream"):
        return [response.json()]
    events = [dict(line.split(": ", 1) for line in event.split("\n") if ": " in line) for event in response.text.split("\n\n")]
    return [orjson.loads(event["data"]) for event in events if event.get("event") == "next"]


def codes(responses: list[Response]) -> set[str]:
    """The codes of all errors."""
    return {error["extensions"]["code"] for response in responses for error in response.get("errors", [])}


async def live_by_stream(gateway: Gateway, token: str, request: Request, **headers: str) -> AsyncGenerator[Response, None]:
    """The responses in an event stream as they come."""
    known = {"authorization": f"Bearer {token}", **EVENT_STREAM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with gateway.client.stream("POST", "/graphql", json=request, headers=known) as response:
        if not response.is_success:
            yield orjson.loads(await response.aread())
            return
        event = ""
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            event = value if name == "event" else event
            if (name, event) == ("data", "next"):
                yield orjson.loads(value)


async def live_by_socket(gateway: Gateway, token: str, request: Request) -> AsyncGenerator[Response, None]:
    """The responses of a WebSocket as they come, until the operation ends."""
    async with wired(gateway, token) as wire:
        await wire.send({"type": "subscribe", "id": "1", "payload": request})
        while (message := await wire.hear())["type"] == "next":
            yield message["payload"]
        if message["type"] == "error":
            yield {"errors": message["payload"]}


LIVE: dict[str, Live] = {"event stream": live_by_stream, "WebSocket": live_by_socket}
