"""WebSocket connections: uvicorn's protocol class, extended by a limited rate of incoming messages and by a faster way to send frames."""

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
# How many received bytes are parsed at once. The number is low, so that a flood of small frames is noticed before all frames have been parsed.
SLICE_BYTES = 4096
# How many bytes are kept if a client sends messages before it has received the response to its handshake. They are enough for about one message.
EARLY_BYTES = 65_536
FINAL_TEXT = 0x81
PING = b"\x89\x00"
# How many of the latest frames are cached. Many subscribers receive the same frame: the frames for one change differ only in the id of the
# subscription, and most clients give their first subscription the same id.
MAX_FRAMES = 16
# How long the gateway waits for the client to answer a close frame. After that, it closes the connection.
CLOSE_SECONDS = 3.0
TOO_MANY_MESSAGES = f"at most {MESSAGES_PER_SECOND:.0f} messages a second"


class Pace:
    """A token bucket that limits messages: `per_second` messages a second, and up to `burst` messages at once. `now` returns the time in seconds."""

    def __init__(self, per_second: float, burst: float, now: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._now = now
        self._left, self._at = burst, now()

    def allows(self, count: int) -> bool:
        """Whether `count` more messages are within the limit. They are counted even if they exceed the limit."""
        at = self._now()
        self._left = min(self._burst, self._left + (at - self._at) * self._per_second) - count
        self._at = at
        return self._left >= 0


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection. The client may send a limited number of messages a second. Pings, pongs and parts of messages count as messages."""

    def __init__(self, *arguments: Any, refused: Callable[[str], None], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.close_timeout = CLOSE_SECONDS
        self._refused = refused
        self._pace = Pace(MESSAGES_PER_SECOND, BURST_MESSAGES, self.loop.time)
        self._discarding = False
        self._early = b""

    def data_received(self, data: bytes) -> None:
        """Parse the received bytes, unless the socket is being closed.

        Bytes that arrive before the response to the handshake has been sent are kept until then, because the library `websockets` can't parse them
        yet.
        Clients must not send messages before they receive that response (RFC 6455, 4.1), but some do.
        """
        if self.handshake_initiated and not self.handshake_complete:
            self._early += data
            if len(self._early) > EARLY_BYTES:
                self.transport.close()
            return
        for start in range(0, len(data), SLICE_BYTES):
            if self._discarding or self.transport.is_closing():
                return
            super().data_received(data[start : start + SLICE_BYTES])

    def handle_events(self) -> None:
        """Handle the frames that were parsed, or close the socket if the client has sent too many messages."""
        if self._pace.allows(len(self.conn.events)):
            super().handle_events()
        else:
            self._refuse_flood()

    def handle_connect(self, event: Request) -> None:
        """Start the handshake. Put this connection into the scope as a `Frames`, so that the application can send frames without ASGI messages."""
        super().handle_connect(event)
        if event is self.request and self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            cast("dict[str, Any]", self.scope)["extensions"][FRAMES] = self

    async def write(self, *parts: bytes) -> None:
        """Send a text, given in parts, as one frame. Waits while the write buffer is full. Raises: ClientDisconnected if the socket is closed."""
        await self.writable.wait()
        if not self._write(text_frame, parts):
            raise ClientDisconnected

    def deliver(self, *parts: bytes) -> bool:
        """Send a text, given in parts, as one frame, without waiting. Returns False if the socket is closed or its write buffer is full.

        The encoded frame is cached, because many sockets may send the same text.
        """
        return self._write(same_frame, parts)

    def _write(self, framed: Callable[..., bytes], parts: tuple[bytes, ...]) -> bool:
        if self.close_sent or not self.writable.is_set() or self.transport.is_closing():
            return False
        self.transport.write(framed(*parts))
        return True

    async def send(self, message: ASGISendEvent) -> None:
        """Send an ASGI message. Raises: ClientDisconnected if this class has closed the socket."""
        await self.writable.wait()
        if self.close_sent:
            # This class has closed the socket itself, and the application has not noticed yet. The exception stops the application. (If the
            # application had closed the socket, it would not send this message.)
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.accept":
            # Free the handshake's request and response. No code needs them any more, and they would stay in memory for as long as the socket is open.
            del self.request, self.response
            if self.handshake_complete and self._early:
                early, self._early = self._early, b""
                self.data_received(early)
        elif message["type"] == "websocket.http.response.body":
            # The application has refused the handshake with a response. If this attribute stayed False, uvicorn would log that the handshake was not
            # completed.
            self.handshake_complete = True

    def send_keepalive_ping(self) -> None:
        """Send a ping, and schedule the next ping.

        The library `websockets` is not used: it would remember each ping, although no code waits for pongs.
        """
        self.ping_timer = None
        if not self.close_sent and not self.transport.is_closing():
            self.transport.write(PING)
            self.schedule_ping()

    def _refuse_flood(self) -> None:
        self._discarding = True
        self._refused("messages")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": Close.TRY_AGAIN_LATER, "reason": TOO_MANY_MESSAGES})
        try:
            self.conn.send_close(Close.TRY_AGAIN_LATER, TOO_MANY_MESSAGES)
        except InvalidState:
            # Close the connection at once, because no close frame can be sent: the socket was not open yet, or was already closing.
            return self.transport.close()
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        # Until the client closes, bytes that still arrive are read and discarded. Closing with unread bytes would reset the connection, and the close
        # frame might not arrive.
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)
        return None


def text_frame(*parts: bytes) -> bytes:
    """A complete WebSocket frame that contains a text message, given in parts."""
    return b"".join((head(sum(map(len, parts))), *parts))


# Like `text_frame`, with a cache for texts that many sockets send.
same_frame = lru_cache(MAX_FRAMES)(text_frame)


def head(size: int) -> bytes:
    """The head of a WebSocket frame that contains a complete, unmasked text message of `size` bytes. Source: RFC 6455, 5.2."""
    if size < 126:
        return bytes((FINAL_TEXT, size))
    return struct.pack("!BBH", FINAL_TEXT, 126, size) if size < 65_536 else struct.pack("!BBQ", FINAL_TEXT, 127, size)
