"""Connections as uvicorn reads them, with an end to patience: what comes has to come in time and in measure."""

from asyncio import BaseTransport, Transport
from asyncio.events import TimerHandle
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from gateway.headers import STRICT
from gateway.http import MOST_BODY_BYTES

MOST_HEAD_BYTES = 32_768
MOST_HEADERS = 100
MOST_PIPELINED = 8
MOST_DROPPED_BYTES = 4 * MOST_BODY_BYTES
MESSAGES_PER_SECOND = 100.0
BURST_MESSAGES = 500
# So little is taken at a time that a flood of the smallest frames is noticed before all of it was looked at.
SLICE_BYTES = 4096
# How long the other side may take to agree that a socket is closed.
CLOSE_SECONDS = 3.0
TRY_AGAIN_LATER = 1013
TOO_MANY_MESSAGES = f"at most {MESSAGES_PER_SECOND:.0f} messages a second"

Refused = Callable[[str], None]
REASONS = {HTTPStatus.BAD_REQUEST: "syntax", HTTPStatus.REQUEST_TIMEOUT: "time", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "head"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds: for the head of a request, for its body, and for a client to go that was sent away."""

    head_seconds: float = 10.0
    body_seconds: float = 15.0
    linger_seconds: float = 2.0


class TooMuch(Exception):
    """A request that isn't taken in: its head is too long, or too many came at once."""


class HttpProtocol(HttpToolsProtocol):
    """One connection of a client that speaks HTTP."""

    def __init__(self, *arguments: Any, patience: Patience, refused: Refused, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._patience = patience
        self._refused = refused
        self._timer: TimerHandle | None = None
        self._asked: RequestResponseCycle | None = None
        self._partial = False  # What came is not a whole request yet …
        self._headed = False  # … but its head is complete.
        self._head_bytes = 0
        self._body_bytes = 0
        self._excess = HTTPStatus.BAD_REQUEST
        self._deaf = False
        self._dropped_bytes = 0

    def connection_made(self, transport: BaseTransport) -> None:
        """Wait for the first request. There are clients that never say anything."""
        super().connection_made(cast("Transport", transport))
        self._wait(self._patience.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and wait for the rest where this wasn't all of a request."""
        if self._deaf:
            self._dropped_bytes += len(data)
            if self._dropped_bytes > MOST_DROPPED_BYTES:
                self.transport.close()
            return
        self._partial = True
        self._head_bytes += len(data)
        super().data_received(data)
        self._wait_for_the_rest()

    def _wait_for_the_rest(self) -> None:
        if self._deaf or not self._partial:
            return
        if not self._headed and self._head_bytes > MOST_HEAD_BYTES:
            self._turn_away(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif not self._timer:
            self._wait(self._patience.body_seconds if self._headed else self._patience.head_seconds)

    def on_message_begin(self) -> None:
        """A request begins. Raises: TooMuch where others wait for their answers already, or the connection is given up."""
        if self._deaf or len(self.pipeline) >= MOST_PIPELINED:
            raise TooMuch
        self._partial = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete. Raises: TooMuch."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MOST_HEAD_BYTES or len(self.headers) > MOST_HEADERS:
            self._excess = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise TooMuch
        self._stop_waiting()
        self._headed, self._body_bytes = True, 0
        super().on_headers_complete()
        self._asked = self.cycle

    def on_body(self, body: bytes) -> None:
        """A part of the body came."""
        super().on_body(body)
        self._body_bytes += len(body)
        self._drop_the_rest()

    def on_message_complete(self) -> None:
        """The request is complete."""
        super().on_message_complete()
        if not self._deaf:
            self._stop_waiting()
        self._headed, self._partial, self._head_bytes = False, False, 0

    def on_response_complete(self) -> None:
        """It is answered."""
        super().on_response_complete()
        self._drop_the_rest()

    def handle_websocket_upgrade(self) -> None:
        """From now on it is a socket, unless the library refuses its head without an event: nobody would ever close it then."""
        super().handle_websocket_upgrade()
        socket = self.transport.get_protocol()
        if isinstance(socket, WebSocketProtocol) and not socket.handshake_initiated:
            socket.transport.write(b"".join(socket.conn.data_to_send()))
            socket.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what isn't a request."""
        self._turn_away(self._excess)

    def _turn_away(self, status: HTTPStatus) -> None:
        if self._deaf:
            return
        self._refused(REASONS[status])
        asked = self._asked if self._asked and not self._asked.response_complete else None
        if asked and not self._headed:
            # What was asked before is still answered. An answer to this here would come in between.
            self._deaf, asked.keep_alive = True, False
            self._stop_waiting()
        elif self._headed and (not asked or asked.response_started or self.pipeline):
            self.transport.close()
        else:
            if asked:
                asked.disconnected = True
                asked.message_event.set()
            self.transport.write(refusal(status))
            self._linger()

    def _drop_the_rest(self) -> None:
        """Of a request that is answered already, no more of the body is taken than of any other."""
        if self._headed and self._body_bytes > MOST_BODY_BYTES and self._asked and self._asked.response_complete:
            self._linger()

    def _linger(self) -> None:
        """Hang up, but take what is still on its way without a look at it: to close at once would tear down the answer as well. (RFC 9112, 9.6)"""
        if self._deaf or self.transport.is_closing():
            return
        self._deaf = True
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._wait(self._patience.linger_seconds)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, self._late)

    def _stop_waiting(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        if self._partial and not self._deaf:
            self._turn_away(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()


def refusal(status: HTTPStatus) -> bytes:
    """The answer to a request that nothing but the connection has seen."""
    lines = [b"HTTP/1.1 %d %b" % (status, status.phrase.encode()), *(b"%b: %b" % header for header in STRICT.items())]
    return b"\r\n".join([*lines, b"content-length: 0", b"connection: close", b"\r\n"])


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

    def __init__(self, *arguments: Any, refused: Refused, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.close_timeout = CLOSE_SECONDS
        self._refused = refused
        self._pace = Pace(MESSAGES_PER_SECOND, BURST_MESSAGES, self.loop.time)
        self._deaf = False

    def data_received(self, data: bytes) -> None:
        """Read on, for as long as it is worth it."""
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

    async def send(self, message: ASGISendEvent) -> None:
        """Send, unless the socket was closed beneath the application. Raises: ClientDisconnected."""
        await self.writable.wait()
        if self.close_sent:
            # The application would not be here had it been its own doing.
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # Refused with a response, which uvicorn would take for an application that has forgotten the handshake.
            self.handshake_complete = True

    def _turn_away(self) -> None:
        self._deaf = True
        self._refused("messages")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": TRY_AGAIN_LATER, "reason": TOO_MANY_MESSAGES})
        try:
            self.conn.send_close(TRY_AGAIN_LATER, TOO_MANY_MESSAGES)
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
