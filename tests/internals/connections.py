"""Makes uvicorn's connection objects without a network socket, and the bytes that clients send to them."""

import asyncio
from collections.abc import Callable
from typing import Any

import uvicorn
from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

GET = b"GET /graphql HTTP/1.1\r\nhost: gateway\r\n\r\n"
UPLOAD = b"POST /graphql HTTP/1.1\r\nhost: gateway\r\ncontent-length: 2\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: gateway\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\ntrailer: late\r\n\r\n"
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nhost: gateway\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n"
)
# How long an application that must not end sleeps. It sleeps instead of waiting forever, because the event loop keeps a reference to a sleeping task,
# while a task that waits forever could be garbage-collected.
LONG_SECONDS = 3600


class Callbacks:
    """Records the calls that httptools makes, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda *values: self.calls.append((name, *values))

    @property
    def names(self) -> list[str]:
        """The names of the calls, without arguments."""
        return [name for name, *_ in self.calls]


def parser(callbacks: object) -> HttpRequestParser:
    """A parser of httptools, configured as uvicorn does."""
    made = HttpRequestParser(callbacks)
    made.set_dangerous_leniencies(lenient_data_after_close=True)
    return made


class RecordingTransport(asyncio.Transport):
    """A transport that records the bytes that a connection writes, and the methods that the connection calls."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed = self.paused = False
        self.protocol: asyncio.BaseProtocol | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """An application that never responds."""
    await asyncio.sleep(LONG_SECONDS)


async def accepting(scope: Any, receive: Any, send: Any) -> None:
    """An application that accepts a WebSocket and reads no message."""
    await send({"type": "websocket.accept"})
    await asyncio.sleep(LONG_SECONDS)


def config(app: Any, **options: Any) -> uvicorn.Config:
    """A configuration of uvicorn for this application, without logging, lifespan events and compression, which these tests do not need."""
    return uvicorn.Config(app, log_config=None, lifespan="off", ws_per_message_deflate=False, **options)


class Connections:
    """Makes uvicorn's connection objects. A test calls their methods as the event loop would; no network socket is involved.

    The transport of each connection is a `RecordingTransport`, which records what uvicorn writes.
    """

    def __init__(self) -> None:
        self._state = ServerState()
        self._sockets: list[WebSocketsSansIOProtocol] = []

    def http(
        self, app: Any = silent, kind: type[HttpToolsProtocol] = HttpToolsProtocol, **options: Any
    ) -> tuple[HttpToolsProtocol, RecordingTransport]:
        """Make the object of a new HTTP connection. Returns the object and its transport."""
        connection, transport = kind(config=config(app, **options), server_state=self._state, app_state={}), RecordingTransport()
        connection.connection_made(transport)
        return connection, transport

    def socket(
        self, app: Any = accepting, kind: type[WebSocketsSansIOProtocol] = WebSocketsSansIOProtocol, **options: Any
    ) -> tuple[WebSocketsSansIOProtocol, RecordingTransport]:
        """Make the object of a WebSocket connection that has not received its handshake yet. Returns the object and its transport."""
        connection, transport = kind(config=config(app, **options), server_state=self._state, app_state={}), RecordingTransport()
        connection.connection_made(transport)
        self._sockets.append(connection)
        return connection, transport

    async def close(self) -> None:
        """Stop the timers and cancel the tasks of all connections."""
        for each in self._sockets:
            each.stop_keepalive()
        for task in (tasks := [*self._state.tasks]):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run_ready_tasks(count: int = 5) -> None:
    """Let the event loop run `count` iterations, so that tasks that are ready can run."""
    for _ in range(count):
        await asyncio.sleep(0)


def masked(text: bytes) -> bytes:
    """A WebSocket frame that contains a text message of a client, masked as the protocol requires."""
    return Frame(Opcode.TEXT, text).serialize(mask=True)
