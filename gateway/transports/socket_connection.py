"""Sockets as uvicorn reads them: what comes has to come at a pace that can be kept up with."""

import struct
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

from gateway.transports.websocket import FRAMES, Close

MESSAGES_PER_SECOND = 100.0
BURST_MESSAGES = 500
# So little is taken at a time that a flood of the smallest frames is noticed before all of it was looked at.
SLICE_BYTES = 4096
# What is kept of a client that does not wait for the answer to its handshake: about a message.
EARLY_BYTES = 65_536
FINAL_TEXT = 0x81
PING = b"\x89\x00"
# Of what is told to many, the last frames are kept: they differ by the subscription's id alone, which most clients begin with the same.
MAX_FRAMES = 16
# How long the other side may take to agree that a socket is closed.
CLOSE_SECONDS = 3.0
TOO_MANY_MESSAGES = f"at most {MESSAGES_PER_SECOND:.0f} messages a second"


class Pace:
    """So many in a second, and some at once. `now` tells seconds."""

    def __init__(self, per_second: float, burst: float, now: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._now = now
        self._left, self._at = burst, now()

    def keeps(self, count: int) -> bool:
        """Whether that many more are in measure."""
        at = self._now()
        self._left = min(self._burst, self._left + (at - self._at) * self._per_second) - count
        self._at = at
        return self._left >= 0


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One socket. Its messages come at a pace that can be kept up with, and the library's own pings and parts of messages count as such."""

    def __init__(self, *arguments: Any, refused: Callable[[str], None], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.close_timeout = CLOSE_SECONDS
        self._refused = refused
        self._pace = Pace(MESSAGES_PER_SECOND, BURST_MESSAGES, self.loop.time)
        self._deaf = False
        self._early = b""

    def data_received(self, data: bytes) -> None:
        """Read on, for as long as it is worth it. What comes before the handshake is answered waits for that: the library can't read it sooner.

        Clients must not send so early (RFC 6455, 4.1), but some do.
        """
        if self.handshake_initiated and not self.handshake_complete:
            self._early += data
            if len(self._early) > EARLY_BYTES:
                self.transport.close()
            return
        for start in range(0, len(data), SLICE_BYTES):
            if self._deaf or self.transport.is_closing():
                return
            super().data_received(data[start : start + SLICE_BYTES])

    def handle_events(self) -> None:
        """Take what came, or turn away who sends too much."""
        if self._pace.keeps(len(self.conn.events)):
            super().handle_events()
        else:
            self._turn_away()

    def handle_connect(self, event: Request) -> None:
        """Begin, and offer the application to send texts that are ready, without ASGI messages around them: see `Frames`."""
        super().handle_connect(event)
        if event is self.request and self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            cast("dict[str, Any]", self.scope)["extensions"][FRAMES] = self

    async def write(self, *parts: bytes) -> None:
        """Send the parts of a text in one frame. Raises: ClientDisconnected."""
        await self.writable.wait()
        if not self._write(frame, parts):
            raise ClientDisconnected

    def deliver(self, *parts: bytes) -> bool:
        """The same without waiting. Returns whether it was sent: not if the socket is closed or its buffer full. Many sockets may send the same."""
        return self._write(same_frame, parts)

    def _write(self, framed: Callable[..., bytes], parts: tuple[bytes, ...]) -> bool:
        if self.close_sent or not self.writable.is_set() or self.transport.is_closing():
            return False
        self.transport.write(framed(*parts))
        return True

    async def send(self, message: ASGISendEvent) -> None:
        """Send, unless the socket was closed beneath the application. Raises: ClientDisconnected."""
        await self.writable.wait()
        if self.close_sent:
            # The application would not be here had it been its own doing.
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.accept":
            # They would be kept for as long as the socket lasts, and nobody asks for them any more.
            del self.request, self.response
            if self.handshake_complete and self._early:
                early, self._early = self._early, b""
                self.data_received(early)
        elif message["type"] == "websocket.http.response.body":
            # Refused with a response, which uvicorn would take for an application that has forgotten the handshake.
            self.handshake_complete = True

    def send_keepalive_ping(self) -> None:
        """Send a ping, and another one later. Nobody waits for the answer, so that the library need not know of it."""
        self.ping_timer = None
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(PING)
            self.schedule_ping()

    def _turn_away(self) -> None:
        self._deaf = True
        self._refused("messages")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": Close.TRY_AGAIN_LATER, "reason": TOO_MANY_MESSAGES})
        try:
            self.conn.send_close(Close.TRY_AGAIN_LATER, TOO_MANY_MESSAGES)
        except InvalidState:
            # It was not open yet, or not any more.
            return self.transport.close()
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        # What still comes is taken without a look at it until the other side closes: a reset would tear down the close frame.
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)
        return None


def frame(*parts: bytes) -> bytes:
    """A text in a frame of its own."""
    return b"".join((head(sum(map(len, parts))), *parts))


same_frame = lru_cache(MAX_FRAMES)(frame)


def head(size: int) -> bytes:
    """What stands before so many bytes of an unmasked text in a frame of its own. Source: RFC 6455, 5.2."""
    if size < 126:
        return bytes((FINAL_TEXT, size))
    return struct.pack("!BBH", FINAL_TEXT, 126, size) if size < 65_536 else struct.pack("!BBQ", FINAL_TEXT, 127, size)
