"""Functions that send an operation, one for each transport. All return the responses in the same form, so one test can use every transport."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx2
import orjson
from websockets.exceptions import ConnectionClosed

from tests.serving import Gateway
from tests.wire import wired

EVENT_STREAM = {"accept": "text/event-stream"}

Request = dict[str, Any]
Response = dict[str, Any]
# A function that sends an operation with a token, and returns all responses. The operation must end by itself.
Transport = Callable[[Gateway, str, Request], Awaitable[list[Response]]]
# A function that sends an operation with a token, and yields each response when it arrives.
Live = Callable[[Gateway, str, Request], AsyncGenerator[Response, None]]


def request_for(query: str, variables: dict[str, Any] | None = None) -> Request:
    """The body of a GraphQL request, as an object."""
    return {"query": query, "variables": variables}


async def by_post(gateway: Gateway, token: str, request: Request) -> list[Response]:
    """Send the operation in a POST request. The response is JSON."""
    response = await gateway.client.post("/graphql", json=request, headers={"authorization": f"Bearer {token}"})
    return [response.json()]


async def by_address(gateway: Gateway, token: str, request: Request) -> list[Response]:
    """Send the operation in the URL of a GET request. The response is JSON."""
    response = await gateway.client.get("/graphql", params=parameters(request), headers={"authorization": f"Bearer {token}"})
    return [response.json()]


async def by_stream(gateway: Gateway, token: str, request: Request) -> list[Response]:
    """Send the operation in a POST request. The response is an event stream."""
    return streamed_responses(await gateway.client.post("/graphql", json=request, headers={"authorization": f"Bearer {token}", **EVENT_STREAM}))


async def by_socket(gateway: Gateway, token: str, request: Request) -> list[Response]:
    """Send the operation over a WebSocket. The errors of a message `error` are returned in the same form as those of an HTTP response.

    If the gateway closes the socket, the last response is `{"closed": {"code": …, "reason": …}}`.
    """
    responses: list[Response] = []
    async with wired(gateway, token) as wire:
        await wire.send({"type": "subscribe", "id": "1", "payload": request})
        try:
            while (message := await wire.hear())["type"] != "complete":
                responses.append(message["payload"] if message["type"] == "next" else {"errors": message["payload"]})
                if message["type"] == "error":
                    break
        except ConnectionClosed:
            responses.append({"closed": {"code": wire.connection.close_code, "reason": wire.connection.close_reason}})
    return responses


FOR_QUERIES: dict[str, Transport] = {"POST": by_post, "GET": by_address, "event stream": by_stream, "WebSocket": by_socket}
FOR_MUTATIONS: dict[str, Transport] = {name: transport for name, transport in FOR_QUERIES.items() if name != "GET"}
FOR_SUBSCRIPTIONS: dict[str, Transport] = {"event stream": by_stream, "WebSocket": by_socket}


def transports_of(query: str) -> dict[str, Transport]:
    """The transports over which clients may send this operation: a query, a mutation or a subscription."""
    kind = query.lstrip().partition("(")[0].partition(" ")[0].partition("{")[0]
    return {"mutation": FOR_MUTATIONS, "subscription": FOR_SUBSCRIPTIONS}.get(kind, FOR_QUERIES)


def parameters(request: Request) -> dict[str, str]:
    """The parts of a request as the parameters of a URL."""
    return {name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in request.items() if value is not None}


def streamed_responses(response: httpx2.Response) -> list[Response]:
    """Decode the responses of an event stream that has ended. If the stream was refused, this is the JSON response."""
    if not response.headers["content-type"].startswith("text/event-stream"):
        return [response.json()]
    events = [dict(line.split(": ", 1) for line in event.split("\n") if ": " in line) for event in response.text.split("\n\n")]
    return [orjson.loads(event["data"]) for event in events if event.get("event") == "next"]


def codes(responses: list[Response]) -> set[str]:
    """The codes of all errors in these responses."""
    return {error["extensions"]["code"] for response in responses for error in response.get("errors", [])}


async def live_by_stream(gateway: Gateway, token: str, request: Request, **headers: str) -> AsyncGenerator[Response, None]:
    """Send the operation in a POST request, and yield the responses of the event stream when they arrive."""
    sent = {"authorization": f"Bearer {token}", **EVENT_STREAM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with gateway.client.stream("POST", "/graphql", json=request, headers=sent) as response:
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
    """Send the operation over a WebSocket, and yield the responses when they arrive, until the operation ends."""
    async with wired(gateway, token) as wire:
        await wire.send({"type": "subscribe", "id": "1", "payload": request})
        while (message := await wire.hear())["type"] == "next":
            yield message["payload"]
        if message["type"] == "error":
            yield {"errors": message["payload"]}


LIVE: dict[str, Live] = {"event stream": live_by_stream, "WebSocket": live_by_socket}
