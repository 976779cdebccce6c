"""A proxy between a client and a gateway. While the gateway is down, the proxy refuses connections, with or without a response, and counts them."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

# What a proxy such as nginx responds while the server behind it is down.
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Outages:
    """The proxy of one client. `port`: the port to which the client connects.

    `refused`: how many connections the proxy has refused in the current outage. `refusal`: the bytes that it sends before it closes a connection
    during an outage. `blocks_sockets`: whether the proxy refuses WebSockets even when there is no outage.
    """

    port: int = 0
    refused: int = 0
    refusal: bytes = b""
    blocks_sockets: bool = False
    _gateway_port: int | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _swallowing: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The URL of the proxy, which the client uses as the URL of the gateway."""
        return f"http://127.0.0.1:{self.port}"

    def swallow(self) -> None:
        """Discard all that arrives on the open connections from now on, without closing them. The client sees the same if it loses its network."""
        self._swallowing |= self._tasks

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
                await self._forward(self._gateway_port, reader, writer, lambda: task in self._swallowing)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _refuse(self, reader: StreamReader, writer: StreamWriter) -> None:
        # Read the request before the connection is aborted: Node's `fetch` waits forever if a connection is closed before the request was sent.
        await reader.read(65_536)
        self.refused += 1
        if self.refusal:
            writer.write(self.refusal)
            writer.close()
            await writer.wait_closed()

    async def _forward(self, port: int, reader: StreamReader, writer: StreamWriter, swallows: Callable[[], bool]) -> None:
        head = await reader.read(65_536)
        if self.blocks_sockets and b"upgrade: websocket" in head.lower():
            writer.write(FORBIDDEN)
            await writer.drain()
            return
        gateway_reader, gateway_writer = await asyncio.open_connection("127.0.0.1", port)
        gateway_writer.write(head)
        try:
            streams = ((reader, gateway_writer), (gateway_reader, writer))
            copies = [asyncio.create_task(_copy(source, target, swallows)) for source, target in streams]
            try:
                await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for copy in copies:
                    copy.cancel()
        finally:
            gateway_writer.transport.abort()


async def _copy(reader: StreamReader, writer: StreamWriter, swallows: Callable[[], bool]) -> None:
    with suppress(OSError):
        while content := await reader.read(65_536):
            if swallows():
                continue
            writer.write(content)
            await writer.drain()


@asynccontextmanager
async def outages(blocks_sockets: bool = False) -> AsyncIterator[Outages]:
    """A context with a proxy that refuses connections until `end` is called. At the end of the context, the proxy is closed."""
    proxy = Outages(blocks_sockets=blocks_sockets)
    server = await asyncio.start_server(proxy.connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.begin(b"")
