"""The clients of a proxy. Each client sends one stream (see streams.py), and reads all responses to it."""

import asyncio
from asyncio import BaseTransport, Transport
from collections.abc import Iterable
from functools import partial
from typing import cast

from tests.smuggle.streams import MARKER, TOKEN, stream

CONCURRENT = 48
# The pause between two segments of a stream. It makes a proxy read most segments one by one. The checks hold also if a proxy reads two together.
PAUSE_SECONDS = 0.001
# How long a client waits until the proxy closes the connection. A proxy that keeps it open for longer waits for bytes that will never arrive: it has
# not understood the requests as the gateway has. This counts as a disagreement.
END_SECONDS = 60.0


class Client(asyncio.Protocol):
    """One connection to a proxy, which the client half-closes after the last segment. `done` is set when the proxy closes the connection."""

    def __init__(self, segments: list[bytes]) -> None:
        self._segments = segments
        self.received = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: BaseTransport) -> None:
        """Called when the connection to the proxy is open: sends the first segment, and the others after pauses."""
        self._transport = cast("Transport", transport)
        self._send(0)

    def _send(self, number: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(self._segments[number])
        if number + 1 < len(self._segments):
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._send, number + 1)
        else:
            self._transport.write_eof()

    def data_received(self, data: bytes) -> None:
        """Keep the received bytes, which are those of the responses."""
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the proxy has closed the connection: sets `done`."""
        if not self.done.done():
            self.done.set_result(None)


async def send(port: int, seed: int, indices: Iterable[int], token: bytes) -> list[tuple[bytes, str]]:
    """Send the streams with these indices to the proxy at this port. `token`: the valid token that replaces TOKEN in the streams.

    Returns disagreements, each as the marker of a request and an explanation: connections that the proxy did not close, and responses that reached
    the client of another stream.
    """
    loop = asyncio.get_running_loop()
    remaining = iter(indices)
    disagreements: list[tuple[bytes, str]] = []

    async def sending() -> None:
        for index in remaining:
            segments = [segment.replace(TOKEN, token) for segment in stream(seed, index)]
            transport, client = await loop.create_connection(partial(Client, segments), "127.0.0.1", port)
            own = b"s%07d" % index
            if not (await asyncio.wait([client.done], timeout=END_SECONDS))[0]:
                disagreements.append((own + b"r0", f"the proxy kept the connection for {END_SECONDS:.0f} s"))
            transport.abort()
            for name in {*MARKER.findall(client.received)}:
                if not name.startswith(own):
                    disagreements.append((name, f"was answered to stream {index}"))
                    disagreements.append((own + b"r0", f"got the response to {name.decode()}"))

    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENT):
            group.create_task(sending())
    return disagreements
