"""Many sockets in one process, with so little work for each message that the server stays the slower side."""

import asyncio
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from secrets import token_bytes
from time import perf_counter
from typing import cast
from urllib.parse import urlsplit

import orjson

from bench.machinery import Served

AT_ONCE = 50
PATIENCE_SECONDS = 60.0
TEXT, PING, PONG = 0x1, 0x9, 0xA
# A mask of zeros leaves the text as it is.
MASK = b"\0\0\0\0"


class Broken(Exception):
    """A socket that closed, or said what it should not."""


def frame(opcode: int, content: bytes) -> bytes:
    """A frame from a client."""
    size = len(content)
    head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2)
    return head + MASK + content


def content(message: bytes) -> bytes:
    """The text in a frame from a server."""
    return message[{126: 4, 127: 10}.get(message[1], 2) :]


class Crowd:
    """Sockets of one server, and when their messages came."""

    def __init__(self, target: Served, subscribes: bool = True, told_first: bool = False) -> None:
        """`subscribes`: over graphql-transport-ws; `told_first`: a subscriber is sent the state that stands."""
        address = urlsplit(target.url)
        self.host, self.port = address.hostname or "", address.port or 0
        self.target = target
        self.subscribes = subscribes
        self.told_first = told_first
        self.sockets: list[Socket] = []
        self.loop = asyncio.get_running_loop()
        self.all_arrived: asyncio.Future[None] = self.loop.create_future()
        self.broken = ""
        self.closing = False
        self._expected = self._count = 0
        self.first = self.last = 0.0

    async def join(self, query: str, ids: Iterable[str]) -> None:
        """Have a socket for each id, which follows it."""
        waiting = list(ids)
        for at in range(0, len(waiting), AT_ONCE):
            made = [Socket(self, query, id) for id in waiting[at : at + AT_ONCE]]
            self.sockets += made
            for socket in made:
                await self._connect(socket)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*(socket.ready for socket in made))

    async def _connect(self, socket: "Socket") -> None:
        await self.loop.create_connection(lambda: socket, self.host, self.port)

    def expect(self, messages: int) -> None:
        """Expect so many messages from now on."""
        self._expected, self._count = messages, 0
        self.all_arrived = self.loop.create_future()

    async def complete(self) -> None:
        """Wait until they have come. Raises: Broken."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.all_arrived
        if self.broken or self._count != self._expected:
            raise Broken(self.broken or f"{self._count} messages came of {self._expected}")

    def arrived(self) -> None:
        """Note that one more has come."""
        now = perf_counter()
        self._count += 1
        if self._count == 1:
            self.first = now
        if self._count >= self._expected:
            self.last = now
            if not self.all_arrived.done():
                self.all_arrived.set_result(None)

    async def leave(self) -> None:
        """Close all of them."""
        self.closing = True
        for socket in self.sockets:
            socket.close()
        await asyncio.sleep(0.5)


class Socket(asyncio.Protocol):
    """One socket, which keeps its last message. It introduces itself, subscribes, and then counts."""

    __slots__ = ("buffer", "crowd", "greeted", "id", "message", "query", "ready", "transport")

    def __init__(self, crowd: Crowd, query: str, id: str) -> None:
        self.crowd = crowd
        self.query = query
        self.id = id
        self.buffer = b""
        self.message = b""
        self.greeted = False
        self.ready: asyncio.Future[None] = crowd.loop.create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a socket."""
        # uvloop's transports are no subclass of it.
        self.transport = cast("asyncio.Transport", transport)
        key = b64encode(token_bytes(16)).decode()
        lines = ["GET /graphql HTTP/1.1", f"host: {self.crowd.host}:{self.crowd.port}", "upgrade: websocket", "connection: upgrade"]
        lines += [f"sec-websocket-key: {key}", "sec-websocket-version: 13"]
        if self.crowd.subscribes:
            lines.append("sec-websocket-protocol: graphql-transport-ws")
        self.transport.write("\r\n".join([*lines, "", ""]).encode())

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody closes a socket before the end."""
        if not self.crowd.closing:
            self._break("a socket was closed")

    def data_received(self, data: bytes) -> None:
        """Take what came: mostly one whole message."""
        if self.buffer:
            data, self.buffer = self.buffer + data, b""
        if not self.greeted:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self.buffer = head
                return
            self._greet(head)
        while len(data) > 1:
            size = data[1]
            begin = 2 if size < 126 else 4
            whole = begin + size if size < 126 else begin + int.from_bytes(data[2:4])
            if len(data) < whole:
                break
            self._take(data if len(data) == whole else data[:whole])
            data = data[whole:]
        self.buffer = data

    def say(self, **message: object) -> None:
        """Send a message of the protocol."""
        self._write(TEXT, orjson.dumps(message))

    def close(self) -> None:
        """Let go."""
        if self.transport:
            self.transport.close()

    def _greet(self, head: bytes) -> None:
        if b" 101 " not in head[:20]:
            return self._break(f"no socket: {head[:100]!r}")
        self.greeted = True
        if self.crowd.subscribes:
            return self.say(type="connection_init", payload={"authorization": f"Bearer {self.crowd.target.token}"})
        return self.ready.set_result(None)

    def _take(self, message: bytes) -> None:
        opcode = message[0] & 0xF
        if opcode == PING:
            self._write(PONG, content(message))
        elif opcode != TEXT:
            self._break(f"a frame that nobody expects: {message[:100]!r}")
        elif self.ready.done():
            self.message = message
            self.crowd.arrived()
        else:
            self._prepare(orjson.loads(content(message)))

    def _prepare(self, message: dict[str, object]) -> None:
        match message["type"]:
            case "connection_ack":
                self.say(type="subscribe", id="1", payload={"query": self.query, "variables": {"id": self.id}})
                # Where nothing comes by itself, an answer tells that the server has come so far.
                if not self.crowd.told_first:
                    self.say(type="ping")
            case "next" | "pong":
                self.ready.set_result(None)
            case other:
                self._break(f"a message that nobody expects: {other}")

    def _write(self, opcode: int, text: bytes) -> None:
        assert self.transport
        self.transport.write(frame(opcode, text))

    def _break(self, why: str) -> None:
        self.crowd.broken = why
        for waiting in (self.ready, self.crowd.all_arrived):
            if not waiting.done():
                waiting.set_exception(Broken(why))
