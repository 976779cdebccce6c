"""The two kinds of connections of subscribers: a socket with graphql-transport-ws, and an event stream for each subscription."""

import asyncio
import json
import os
import socket as sockets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any, Protocol

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

SUBPROTOCOL = Subprotocol("graphql-transport-ws")
OPEN_SECONDS = 5.0
PING_SECONDS = 4.0
# An event stream without any bytes for this long counts as broken: the gateway sends a comment into a silent stream every 12 seconds.
STREAM_SILENCE_SECONDS = 20.0


class Complete(Exception):
    """The server ended a subscription with `complete`."""


class Refused(Exception):
    """The server ended a subscription with an error of the operation."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class StreamEnded(Exception):
    """The server ended an event stream without `complete`, after which clients connect again."""


class Connection(Protocol):
    """A connection on which subscriptions run, one at a time."""

    def messages(self, query: str, variables: dict[str, Any], last_event_id: str | None = None) -> AsyncGenerator[dict[str, Any], None]:
        """Send a subscription. Yields the value of its field in each message. Never ends normally.

        `last_event_id`: the id of the last event that an event stream received. Sockets ignore it.
        Raises: Complete or Refused if the server ends the subscription; the errors of the connection.
        """
        ...

    def abort(self) -> None:
        """Abort the connection, as if the network had failed."""
        ...


class Socket:
    """A WebSocket, on which subscriptions run one after the other."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = count(1)

    async def messages(self, query: str, variables: dict[str, Any], last_event_id: str | None = None) -> AsyncGenerator[dict[str, Any], None]:
        """Send a subscription on this socket. Yields the value of its field in each message, as `Connection.messages` requires."""
        id = str(next(self._numbers))
        await self._connection.send(json.dumps({"type": "subscribe", "id": id, "payload": {"query": query, "variables": variables}}))
        while True:
            message = json.loads(await self._connection.recv())
            if message.get("id") != id:
                continue
            match message["type"]:
                case "next" if "errors" in message["payload"]:
                    raise Refused(message["payload"]["errors"][0]["extensions"]["code"])
                case "next":
                    yield message["payload"]["data"]["answer"]
                case "error":
                    raise Refused(message["payload"][0]["extensions"]["code"])
                case "complete":
                    raise Complete

    def abort(self) -> None:
        """Abort the connection, as if the network had failed."""
        self._connection.transport.abort()


class Stream:
    """Opens one event stream for each subscription."""

    def __init__(self, client: httpx2.AsyncClient, url: str, token: str) -> None:
        self._client = client
        self._url = url
        self._headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
        self._response: httpx2.Response | None = None

    async def messages(self, query: str, variables: dict[str, Any], last_event_id: str | None = None) -> AsyncGenerator[dict[str, Any], None]:
        """Open an event stream for a subscription. Yields the value of its field in each message, as `Connection.messages` requires."""
        headers = self._headers if last_event_id is None else {**self._headers, "last-event-id": last_event_id}
        body = {"query": query, "variables": variables}
        async with self._client.stream("POST", f"{self._url}/graphql", json=body, headers=headers) as response:
            if response.status_code == 401:
                # The token has expired since the connection was opened. A client then gets a new token and connects again, as after the code 4403.
                raise StreamEnded
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise Refused(json.loads(await response.aread())["errors"][0]["extensions"]["code"])
            self._response = response
            event = ""
            async for line in response.aiter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    event = value
                    if event == "complete":
                        raise Complete
                elif field == "data" and event == "next":
                    answer = json.loads(value)
                    if "errors" in answer:
                        raise Refused(answer["errors"][0]["extensions"]["code"])
                    yield answer["data"]["answer"]
        raise StreamEnded

    def abort(self) -> None:
        """Abort the connection of the open event stream, as if the network had failed."""
        network = self._response and self._response.extensions.get("network_stream")
        connection = network and network.get_extra_info("socket")
        if connection:
            # The loop's own object for the socket has no `shutdown`. A second object for the same socket has it.
            with suppress(OSError), sockets.socket(fileno=os.dup(connection.fileno())) as same:
                same.shutdown(sockets.SHUT_RDWR)


@asynccontextmanager
async def socket(url: str, token: str, *, slow: bool) -> AsyncIterator[Socket]:
    """Open a socket and authenticate. The connection is aborted at the end of the context.

    `slow`: the subscriber reads slowly, and the client library must not end the connection for this reason.
    """
    async with asyncio.timeout(OPEN_SECONDS):
        connection = await connect(
            url.replace("http", "ws", 1) + "/graphql",
            subprotocols=[SUBPROTOCOL],
            proxy=None,
            compression=None,
            ping_interval=PING_SECONDS,
            ping_timeout=None if slow else PING_SECONDS,
            max_queue=1 if slow else 16,
        )
    try:
        await connection.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        async with asyncio.timeout(OPEN_SECONDS):
            while json.loads(await connection.recv())["type"] != "connection_ack":
                pass
        yield Socket(connection)
    finally:
        # Abort the connection without a close handshake, as if the network had failed.
        connection.transport.abort()


@asynccontextmanager
async def event_streams(url: str, token: str) -> AsyncIterator[Stream]:
    """A connection that opens event streams. They are closed at the end of the context."""
    timeout = httpx2.Timeout(OPEN_SECONDS, read=STREAM_SILENCE_SECONDS)
    async with httpx2.AsyncClient(trust_env=False, timeout=timeout) as client:
        yield Stream(client, url, token)
