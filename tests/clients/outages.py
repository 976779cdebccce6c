"""A proxy between a client and a gateway. While the gateway is down, it refuses connections in one of two ways, and counts them."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

# What a proxy such as nginx responds while the server behind it is down.
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Outages:
    """The proxy of one client. `port`: the port to which the client connects. `refusal`: the bytes that the proxy sends before it closes a connection
    during an outage.
    """

    port: int = 0
    refused: int = 0
    refusal: bytes = b""
    _gateway_port: int | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def end(self, gateway_port: int) -> None:
        """End the outage: forward new connections to the gateway on this port."""
        self._gateway_port = gateway_port

    def begin(self, refusal: bytes) -> None:
        """Begin an outage: abort all connections, as when a gateway is killed, and refuse new ones until `end` is called."""
        self._gateway_port, self.refusal, self.refused = None, refusal, 0
        for task in self._tasks:
            task.cancel()

    async def connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Forward one connection, or refuse it. The server calls this method."""
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            if self._gateway_port is None:
                await self._refuse(reader, writer)
            else:
                await self._forward(self._gateway_port, reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _refuse(self, reader: StreamReader, writer: StreamWriter) -> None:
        # Read the request before the connection is aborted: Node's `fetch` waits forever if a connection is closed before it has sent its request.
        await reader.read(65_536)
        self.refused += 1
        if self.refusal:
            writer.write(self.refusal)
            writer.close()
            await writer.wait_closed()

    async def _forward(self, port: int, reader: StreamReader, writer: StreamWriter) -> None:
        gateway_reader, gateway_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            copies = [asyncio.create_task(_copy(reader, gateway_writer)), asyncio.create_task(_copy(gateway_reader, writer))]
            try:
                await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for copy in copies:
                    copy.cancel()
        finally:
            gateway_writer.transport.abort()


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while content := await reader.read(65_536):
            writer.write(content)
            await writer.drain()


@asynccontextmanager
async def outages() -> AsyncIterator[Outages]:
    """A proxy that refuses connections until `end` is called. It is closed at the end of the block."""
    proxy = Outages()
    server = await asyncio.start_server(proxy.connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.begin(b"")
