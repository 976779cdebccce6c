"""Opens many WebSocket connections from one process. This process does little work for each message, so the server remains the bottleneck."""

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
SUBPROTOCOL = "graphql-transport-ws"
# Clients must mask their frames (RFC 6455, 5.3). A mask of zeros leaves the content unchanged.
MASK = b"\0\0\0\0"


class Broken(Exception):
    """A socket was closed, or received an unexpected message or too few messages."""


def frame(opcode: int, content: bytes) -> bytes:
    """A WebSocket frame that a client sends, with up to 65,535 bytes of content."""
    size = len(content)
    head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2)
    return head + MASK + content


def content(message: bytes) -> bytes:
    """The content of a WebSocket frame that a server sent."""
    return message[{126: 4, 127: 10}.get(message[1], 2) :]


class Crowd:
    """All sockets to one server. Counts their messages, and records the times of the first and the last one."""

    def __init__(self, target: Served, subscribes: bool = True, sends_current_state: bool = False, ignored: bytes | None = None) -> None:
        """Prepare for sockets to the server `target`. No socket is open until `join` is called.

        `subscribes`: each socket subscribes with the protocol graphql-transport-ws. `sends_current_state`: the first message of a subscription is
        the current state, and the server sends it at once. `ignored`: messages that contain this text are not counted; None: all are counted.
        """
        address = urlsplit(target.url)
        self.host, self.port = address.hostname or "", address.port or 0
        self.target = target
        self.subscribes = subscribes
        self.sends_current_state = sends_current_state
        self.ignored = ignored
        self.sockets: list[Socket] = []
        self.loop = asyncio.get_running_loop()
        self.all_arrived: asyncio.Future[None] = self.loop.create_future()
        self.broken = ""
        self.closing = False
        self._expected = self._count = 0
        self.first = self.last = 0.0

    async def join(self, query: str, ids: Iterable[str]) -> None:
        """Open a socket for each id, with a subscription to the verification that has this id. Waits until all subscriptions are active."""
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
        """Start to count messages from zero. `complete` then waits until this many have arrived."""
        self._expected, self._count = messages, 0
        self.all_arrived = self.loop.create_future()

    async def complete(self) -> None:
        """Wait until the expected messages have arrived. Raises: Broken if they do not arrive in time, or if a socket fails."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.all_arrived
        if self.broken or self._count != self._expected:
            raise Broken(self.broken or f"{self._count} messages arrived of {self._expected}")

    def arrived(self) -> None:
        """Count a message that a socket has received, and record the time if it is the first or the last one."""
        now = perf_counter()
        self._count += 1
        if self._count == 1:
            self.first = now
        if self._count >= self._expected:
            self.last = now
            if not self.all_arrived.done():
                self.all_arrived.set_result(None)

    async def leave(self) -> None:
        """Close all sockets."""
        self.closing = True
        for socket in self.sockets:
            socket.close()
        await asyncio.sleep(0.5)


class ClientSocket(asyncio.Protocol):
    """One WebSocket connection of a client. Subclasses decide what to do with what it receives.

    `authority`: the host and the port of the server. `subprotocol`: the subprotocol that the client requests, if any.
    """

    __slots__ = ("authority", "buffer", "open", "subprotocol", "transport")

    def __init__(self, authority: str, subprotocol: str | None) -> None:
        self.authority = authority
        self.subprotocol = subprotocol
        self.buffer = b""
        self.open = False
        self.transport: asyncio.Transport | None = None

    def upgraded(self) -> None:
        """Called when the server has accepted the WebSocket."""
        raise NotImplementedError

    def received(self, message: bytes) -> None:
        """Called when a frame with a text has arrived. `message`: the whole frame."""
        raise NotImplementedError

    def refused(self, why: str, message: bytes) -> None:
        """Called when the handshake was refused, or when a frame has arrived that is no text and no ping, such as a close frame.
        `why`: what happened, in words. `message`: the bytes of the response or of the frame.
        """
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Request the upgrade of the new connection to WebSocket."""
        # The cast is needed because uvloop's transports do not inherit from asyncio.Transport, although they have its methods.
        self.transport = cast("asyncio.Transport", transport)
        self.buffer = b""
        self.open = False
        key = b64encode(token_bytes(16)).decode()
        lines = ["GET /graphql HTTP/1.1", f"host: {self.authority}", "upgrade: websocket", "connection: upgrade"]
        lines += [f"sec-websocket-key: {key}", "sec-websocket-version: 13"]
        if self.subprotocol:
            lines.append(f"sec-websocket-protocol: {self.subprotocol}")
        self.transport.write("\r\n".join([*lines, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        """Split the received bytes into frames, and process each. Usually the bytes are exactly one frame."""
        if self.buffer:
            data, self.buffer = self.buffer + data, b""
        if not self.open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self.buffer = head
                return
            if b" 101 " not in head[:20]:
                self.refused("upgrade refused", head)
                return
            self.open = True
            self.upgraded()
        while len(data) > 1:
            size = data[1]
            begin = 2 if size < 126 else 4
            whole = begin + size if size < 126 else begin + int.from_bytes(data[2:4])
            if len(data) < whole:
                break
            self._receive(data if len(data) == whole else data[:whole])
            data = data[whole:]
        self.buffer = data

    def send(self, **message: object) -> None:
        """Send a message of graphql-transport-ws."""
        self._write(TEXT, orjson.dumps(message))

    def close(self) -> None:
        """Close the connection."""
        if self.transport:
            self.transport.close()

    def _receive(self, message: bytes) -> None:
        opcode = message[0] & 0xF
        if opcode == TEXT:
            self.received(message)
        elif opcode == PING:
            self._write(PONG, content(message))
        else:
            self.refused("unexpected frame", message)

    def _write(self, opcode: int, text: bytes) -> None:
        assert self.transport
        self.transport.write(frame(opcode, text))


class Socket(ClientSocket):
    """One WebSocket connection. It subscribes, then keeps the last message that it received, and reports each message to the crowd."""

    __slots__ = ("crowd", "id", "message", "query", "ready")

    def __init__(self, crowd: Crowd, query: str, id: str) -> None:
        super().__init__(f"{crowd.host}:{crowd.port}", SUBPROTOCOL if crowd.subscribes else None)
        self.crowd = crowd
        self.query = query
        self.id = id
        self.message = b""
        self.ready: asyncio.Future[None] = crowd.loop.create_future()

    def connection_lost(self, error: Exception | None) -> None:
        """Report the closed connection as a failure, unless the crowd is closing its sockets."""
        if not self.crowd.closing:
            self._fail("a socket was closed")

    def upgraded(self) -> None:
        """Begin the protocol graphql-transport-ws with the token, if this socket subscribes. Otherwise, the socket is ready."""
        if self.crowd.subscribes:
            return self.send(type="connection_init", payload={"authorization": f"Bearer {self.crowd.target.token}"})
        return self.ready.set_result(None)

    def received(self, message: bytes) -> None:
        """Go on with the handshake of the subscription, or keep the message."""
        if self.ready.done():
            if self.crowd.ignored and self.crowd.ignored in message:
                return
            self.message = message
            self.crowd.arrived()
        else:
            self._handshake(orjson.loads(content(message)))

    def refused(self, why: str, message: bytes) -> None:
        """Report the refusal to the crowd as a failure."""
        self._fail(f"{why}: {message[:100]!r}")

    def _handshake(self, message: dict[str, object]) -> None:
        match message["type"]:
            case "connection_ack":
                self.send(type="subscribe", id="1", payload={"query": self.query, "variables": {"id": self.id}})
                # If the server sends no current state, send a ping. The pong shows that the server has processed the subscription.
                if not self.crowd.sends_current_state:
                    self.send(type="ping")
            case "next" | "pong":
                self.ready.set_result(None)
            case other:
                self._fail(f"unexpected message: {other}")

    def _fail(self, why: str) -> None:
        self.crowd.broken = why
        for waiting in (self.ready, self.crowd.all_arrived):
            if not waiting.done():
                waiting.set_exception(Broken(why))
