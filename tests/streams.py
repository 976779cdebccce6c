"""A client of event streams for tests. It reads frame by frame."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx2
import orjson

from tests.serving import Gateway

EVENT_STREAM = "text/event-stream"
GENEROUS_SECONDS = 30


class Event(NamedTuple):
    """One event of a stream. `data` is decoded from JSON."""

    name: str
    id: str
    data: Any


class Stream:
    """Reads one event stream, frame by frame. A frame is everything up to an empty line."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._chunks = response.aiter_raw()
        self._buffer = b""

    async def frame(self) -> bytes:
        """Read the next frame. Returns it without the empty line at its end, or no bytes if the stream has ended."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            while b"\n\n" not in self._buffer:
                chunk = await anext(self._chunks, b"")
                if not chunk:
                    return b""
                self._buffer += chunk
        frame, _, self._buffer = self._buffer.partition(b"\n\n")
        return frame

    async def event(self) -> Event:
        """Read the next event, and skip comments. The event has an empty name if the stream has ended."""
        while (frame := await self.frame()).startswith(b":"):
            pass
        fields = dict(line.split(b": ", 1) for line in frame.split(b"\n") if b": " in line)
        return Event(fields.get(b"event", b"").decode(), fields.get(b"id", b"").decode(), orjson.loads(fields.get(b"data", b"null")))

    async def next(self) -> tuple[str, Any]:
        """Read the next message. Returns its id and its data."""
        event = await self.event()
        assert event.name == "next"
        return event.id, event.data

    async def rest(self) -> list[bytes]:
        """Read all frames until the stream ends."""
        frames = []
        while frame := await self.frame():
            frames.append(frame)
        return frames


@asynccontextmanager
async def streaming(gateway: Gateway, token: str, query: str, **changed: Any) -> AsyncIterator[Stream]:
    """Open a stream for an operation. The first frame is already read, unless the request was refused.

    `changed`: variables of the operation, and `headers` of the request.
    """
    headers = {"authorization": f"Bearer {token}", "accept": EVENT_STREAM, **changed.pop("headers", {})}
    content = {"query": query, "variables": changed}
    async with gateway.client.stream("POST", "/graphql", json=content, headers=headers) as response:
        stream = Stream(response)
        if response.headers["content-type"].startswith(EVENT_STREAM):
            assert await stream.frame() == b"retry: 1500"
        yield stream
