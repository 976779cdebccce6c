"""Connections on which tests send segments one by one, and check every byte that the server sends."""

import asyncio
from asyncio import BaseTransport, Protocol, Transport
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import cast

import pytest

from gateway import server
from gateway.transports.http_connection import HttpProtocol
from tests.wire import GENEROUS_SECONDS

WITHOUT_BODY = "HEAD"


class Reads:
    """Records how a gateway in this process reads from its connections.

    It counts all reads, all connections, and the bytes that were read from each client. Clients are identified by their ports.
    """

    def __init__(self) -> None:
        self.connections = self.count = 0
        self._bytes: Counter[int] = Counter()
        self._closed: set[int] = set()
        self._changed = asyncio.Event()

    def add(self, port: int, count: int) -> None:
        """Record one read, in which the gateway has read `count` bytes from a client."""
        self.count += 1
        self._bytes[port] += count
        self._changed.set()

    def close(self, port: int) -> None:
        """Record that the connection of a client has been closed."""
        self._closed.add(port)
        self._changed.set()

    def forget(self, port: int) -> None:
        """Delete the records of a port, because it now belongs to another client."""
        self._bytes.pop(port, None)
        self._closed.discard(port)

    async def until(self, port: int, count: int) -> None:
        """Wait until the gateway has read `count` bytes from a client, or the client's connection is closed."""
        await self._wait_for(lambda: self._bytes[port] >= count or port in self._closed)

    async def beyond(self, count: int) -> None:
        """Wait until the gateway has read from its connections more than `count` times in all."""
        await self._wait_for(lambda: self.count > count)

    async def _wait_for(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(GENEROUS_SECONDS):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


@contextmanager
def observed() -> Iterator[Reads]:
    """A context whose value records what gateways read from their connections. It observes all gateways that start within it."""
    reads = Reads()

    class Observed(HttpProtocol):
        def connection_made(self, transport: BaseTransport) -> None:
            super().connection_made(transport)
            reads.connections += 1
            self.port = cast("tuple[str, int]", self.client)[1]

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            reads.add(self.port, len(data))

        def connection_lost(self, exc: Exception | None) -> None:
            reads.close(self.port)
            super().connection_lost(exc)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "HttpProtocol", Observed)
        yield reads


@dataclass(frozen=True, slots=True)
class Peer:
    """A server to which test clients connect: a gateway, or nginx in front of a gateway. `reads`: the record of its reads, if it is observed."""

    port: int
    reads: Reads | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that a client has received."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection(Protocol):
    """A client's connection. It keeps all bytes that arrive, also if the connection is reset later.

    `reads`: the record of the server's reads, if the server is observed.
    """

    def __init__(self, reads: Reads | None) -> None:
        self._reads = reads
        self._sent_bytes = 0
        self._received = bytearray()
        self._ended = False
        self._changed = asyncio.Event()

    def connection_made(self, transport: BaseTransport) -> None:
        """Called when the connection is open. Forgets what the server read from an earlier connection that had the same client port."""
        self.transport = cast("Transport", transport)
        self._port: int = transport.get_extra_info("sockname")[1]
        if self._reads:
            self._reads.forget(self._port)

    def data_received(self, data: bytes) -> None:
        """Called when bytes have arrived: keeps them."""
        self._received += data
        self._changed.set()

    def eof_received(self) -> bool:
        """Called when the server has closed its sending side: wakes the methods that wait for bytes."""
        self._ended = True
        self._changed.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the connection is closed, also by a reset: wakes the methods that wait for bytes."""
        self.eof_received()

    async def send(self, *segments: bytes) -> None:
        """Send segments. If the server is observed, each segment is sent only after the server has read the previous segment."""
        for segment in segments:
            self.transport.write(segment)
            self._sent_bytes += len(segment)
            if self._reads:
                await self._reads.until(self._port, self._sent_bytes)

    async def answer(self, method: str = "GET") -> Answer:
        """Read the next response. `method`: the method of its request, because a response to HEAD has no body."""
        head = (await self.until(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        length = 0 if method == WITHOUT_BODY else int(headers["content-length"])
        return Answer(int(head[0].split(" ")[1]), headers, await self.exactly(length))

    async def remaining(self) -> bytes:
        """Read until the server closes its sending side. Returns all bytes that were not read before."""
        await self._wait_for(lambda: self._ended)
        return bytes(self._received)

    async def until(self, end: bytes) -> bytes:
        """Read the next bytes, up to and including `end`."""
        await self._wait_for(lambda: end in self._received or self._ended)
        assert end in self._received, f"the connection ended before the response: {bytes(self._received)!r}"
        return await self.exactly(self._received.index(end) + len(end))

    async def exactly(self, count: int) -> bytes:
        """Read the next `count` bytes."""
        await self._wait_for(lambda: len(self._received) >= count or self._ended)
        assert len(self._received) >= count, f"the connection ended within a response: {bytes(self._received)!r}"
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    async def _wait_for(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(GENEROUS_SECONDS):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def connected(peer: Peer) -> AsyncIterator[Connection]:
    """Open a connection to a server, and close it when the context ends."""
    _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(peer.reads), "127.0.0.1", peer.port)
    try:
        yield connection
    finally:
        connection.transport.abort()
