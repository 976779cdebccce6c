"""A WebSocket that says what a test tells it to, in graphql-transport-ws or not."""

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
    """One socket. Whatever is waited for comes within a generous time, or the test fails."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, frame: str | bytes) -> None:
        """Send a frame as it stands."""
        await self.connection.send(frame)

    async def send(self, message: object) -> None:
        """Send a message."""
        await self.say(orjson.dumps(message).decode())

    async def begin(self, token: str) -> None:
        """Introduce the caller, and see it acknowledged."""
        await self.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, id: str, query: str, variables: dict[str, Any] | None = None) -> None:
        """Ask for an operation."""
        await self.send({"type": "subscribe", "id": id, "payload": {"query": query, "variables": variables}})

    async def hear(self) -> Message:
        """The next message."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            message: Message = orjson.loads(await self.connection.recv())
        return message

    async def closed(self) -> int | None:
        """The code with which the gateway closes, whatever it says before."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            try:
                while True:
                    await self.connection.recv()
            except ConnectionClosed:
                return self.connection.close_code


class Following:
    """The messages of one subscription."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def response(self) -> Message:
        """The next response, errors and all."""
        message = await self._wire.hear()
        assert message["type"] == "next", message
        response: Message = message["payload"]
        return response

    async def next(self) -> Any:
        """What the subscription's field brings next."""
        response = await self.response()
        assert "errors" not in response, response
        [value] = response["data"].values()
        return value

    async def until(self, holds: Callable[[Any], bool]) -> list[Any]:
        """What the field brings up to the value for which something holds."""
        values = [await self.next()]
        while not holds(values[-1]):
            values.append(await self.next())
        return values

    async def rest(self) -> list[Any]:
        """All that the field still brings until the subscription completes."""
        values: list[Any] = []
        while (message := await self._wire.hear())["type"] == "next":
            assert "errors" not in message["payload"], message
            values += message["payload"]["data"].values()
        assert message["type"] == "complete", message
        return values

    async def errors(self) -> list[dict[str, Any]]:
        """The errors that end the subscription."""
        message = await self._wire.hear()
        assert message["type"] == "error", message
        errors: list[dict[str, Any]] = message["payload"]
        return errors


@asynccontextmanager
async def wired(gateway: Gateway, token: str | None = None) -> AsyncIterator[Wire]:
    """A socket; where there is a token, one that is ready for operations."""
    async with connect(gateway.websocket, subprotocols=[PROTOCOL], open_timeout=GENEROUS_SECONDS) as connection:
        wire = Wire(connection)
        if token:
            await wire.begin(token)
        yield wire


@asynccontextmanager
async def following(gateway: Gateway, token: str, query: str, variables: dict[str, Any] | None = None) -> AsyncIterator[Following]:
    """A subscription, on a socket of its own."""
    async with wired(gateway, token) as wire:
        await wire.subscribe("1", query, variables)
        yield Following(wire)
