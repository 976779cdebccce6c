"""A WebSocket client for tests. It speaks graphql-transport-ws, and can also send arbitrary frames."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.serving import Gateway

PROTOCOL = Subprotocol("graphql-transport-ws")
GENEROUS_SECONDS = 30.0

Message = dict[str, Any]


class Wire:
    """One WebSocket, with methods to send and receive messages. A test fails if an expected message does not arrive within GENEROUS_SECONDS."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, frame: str | bytes) -> None:
        """Send a text or bytes as one frame, without encoding it as JSON."""
        await self.connection.send(frame)

    async def send(self, message: object) -> None:
        """Send a message as JSON."""
        await self.say(orjson.dumps(message).decode())

    async def begin(self, token: str) -> None:
        """Send connection_init with the token, and wait for the acknowledgement."""
        await self.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, id: str, query: str, variables: dict[str, Any] | None = None) -> None:
        """Send a `subscribe` message, which starts an operation of any type."""
        await self.send({"type": "subscribe", "id": id, "payload": {"query": query, "variables": variables}})

    async def hear(self) -> Message:
        """Receive the next message of the gateway, decoded from JSON."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            message: Message = orjson.loads(await self.connection.recv())
        return message

    async def closed(self) -> int | None:
        """Wait until the gateway closes the socket. Messages that arrive before are ignored. Returns the close code."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            try:
                while True:
                    await self.connection.recv()
            except ConnectionClosed:
                return self.connection.close_code

    async def ended(self) -> tuple[list[Message], int | None]:
        """Receive messages until the gateway closes the socket. Returns the messages and the close code."""
        messages: list[Message] = []
        try:
            while True:
                messages.append(await self.hear())
        except ConnectionClosed:
            return messages, self.connection.close_code


class Following:
    """Reads the messages of the only operation on a socket, a subscription."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def response(self) -> Message:
        """Receive the next message. Returns its payload, a GraphQL response that may have errors."""
        message = await self._wire.hear()
        assert message["type"] == "next", message
        response: Message = message["payload"]
        return response

    async def next(self) -> Any:
        """Receive the next message. Returns the value of the subscription's field. Fails the test if the response has errors."""
        response = await self.response()
        assert "errors" not in response, response
        [value] = response["data"].values()
        return value

    async def until(self, condition: Callable[[Any], bool]) -> list[Any]:
        """Receive messages until the condition holds for the value of the subscription's field. Returns all values, including the last one."""
        values = [await self.next()]
        while not condition(values[-1]):
            values.append(await self.next())
        return values

    async def rest(self) -> list[Any]:
        """Receive messages until the subscription completes. Returns the values of the subscription's field."""
        values: list[Any] = []
        while (message := await self._wire.hear())["type"] == "next":
            assert "errors" not in message["payload"], message
            values += message["payload"]["data"].values()
        assert message["type"] == "complete", message
        return values

    async def errors(self) -> list[dict[str, Any]]:
        """Receive the message that ends the subscription because of errors. Returns the errors."""
        message = await self._wire.hear()
        assert message["type"] == "error", message
        errors: list[dict[str, Any]] = message["payload"]
        return errors


@asynccontextmanager
async def wired(gateway: Gateway, token: str | None = None) -> AsyncIterator[Wire]:
    """A context with an open WebSocket. If a token is given, the socket is authenticated with it: its connection_init has been acknowledged."""
    async with connect(gateway.websocket, subprotocols=[PROTOCOL], open_timeout=GENEROUS_SECONDS) as connection:
        wire = Wire(connection)
        if token:
            await wire.begin(token)
        yield wire


@asynccontextmanager
async def following(gateway: Gateway, token: str, query: str, variables: dict[str, Any] | None = None) -> AsyncIterator[Following]:
    """A context with a running subscription, on a new socket."""
    async with wired(gateway, token) as wire:
        await wire.subscribe("1", query, variables)
        yield Following(wire)
