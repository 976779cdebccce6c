"""A TCP forwarder between a gateway and MongoDB, with which a test makes MongoDB unreachable at first, or holds back certain messages."""

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


class Forwarder:
    """Forwards connections from its own port to a MongoDB, in both directions, after `open` was called. `uri`: the MongoDB URI with this port.

    Data that contain `marker` are held back until the test sets `released`. The forwarder sets `held` when it begins to hold data back. A test may
    change `marker`.
    """

    def __init__(self, bound: socket.socket, uri: str, marker: bytes) -> None:
        parts = urlsplit(uri)
        user, at, hosts = parts.netloc.rpartition("@")
        host, _, port = hosts.partition(",")[0].partition(":")
        # The driver must connect directly: otherwise it would bypass the forwarder and connect to the members of the replica set.
        options = {**dict(parse_qsl(parts.query)), "directConnection": "true"}
        options.pop("replicaSet", None)
        netloc = f"{user}{at}127.0.0.1:{bound.getsockname()[1]}"
        self.uri = urlunsplit(parts._replace(netloc=netloc, query=urlencode(options)))
        self.held, self.released = asyncio.Event(), asyncio.Event()
        self._bound = bound
        self._target = (host, int(port or 27017))
        self.marker = marker
        # How many connections were accepted so far.
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to accept and forward connections."""
        self._server = await asyncio.start_server(self._connected, sock=self._bound)

    async def close(self) -> None:
        """Close all connections, and accept no new ones."""
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._forward(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: StreamReader, writer: StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pipe(reader, server_writer))
                group.create_task(self._pipe(server_reader, writer))
        except* OSError:
            pass
        finally:
            writer.close()
            server_writer.close()

    async def _pipe(self, reader: StreamReader, writer: StreamWriter) -> None:
        while content := await reader.read(65_536):
            if self.marker in content:
                self.held.set()
                await self.released.wait()
            writer.write(content)
            await writer.drain()
        writer.write_eof()


@asynccontextmanager
async def forwarding(uri: str, marker: bytes = b"never sent") -> AsyncIterator[Forwarder]:
    """A forwarder to the MongoDB with this URI. It refuses connections until the test calls `open`. It is closed at the end of the block."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        forwarder = Forwarder(bound, uri, marker)
        try:
            yield forwarder
        finally:
            await forwarder.close()
