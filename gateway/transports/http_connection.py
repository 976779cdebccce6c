"""Connections as uvicorn reads them, with an end to patience: what comes has to come in time and in measure."""

import asyncio
import re
from asyncio import BaseTransport, Transport
from asyncio.events import TimerHandle
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.transports.entrance import FastPath
from gateway.transports.http import MAX_BODY_BYTES, GraphQLRequest
from gateway.transports.responses import STATUS_LINES, STRICT, Header, lines
from gateway.transports.socket_connection import WebSocketProtocol

MAX_HEAD_BYTES = 32_768
MAX_HEADERS = 100
MAX_PIPELINED = 8
# In chunks of a single byte each, it takes six.
MAX_FRAMING_BYTES_PER_BYTE = 9
MAX_DROPPED_BYTES = 4 * MAX_BODY_BYTES

VERSIONS = frozenset({"1.0", "1.1"})
# RFC 3986, 3.2.2, without the comma, by which a proxy joins two `Host` headers into one.
HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+;=-]*)(?::[0-9]*)?")

Refused = Callable[[str], None]
REASONS = {HTTPStatus.BAD_REQUEST: "syntax", HTTPStatus.REQUEST_TIMEOUT: "time", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "head"}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds: for the head of a request, for its body, for the next request, and for a client to go that was sent away."""

    head_seconds: float = 10.0
    body_seconds: float = 15.0
    idle_seconds: float = 5.0
    linger_seconds: float = 2.0


class TooMuch(Exception):
    """A request that isn't taken in: its head is too long, or too many came at once."""


class BadFraming(Exception):
    """A head by which two servers could disagree where the request ends or to which host it goes."""


class HttpProtocol(HttpToolsProtocol):
    """One connection of a client that speaks HTTP."""

    def __init__(self, *arguments: Any, fast_path: FastPath, patience: Patience, refused: Refused, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._fast_path = fast_path
        self._patience = patience
        self._refused = refused
        self._timer: TimerHandle | None = None
        self._latest: RequestResponseCycle | None = None
        self._partial = False  # What came is not a whole request yet …
        self._headed = False  # … but its head is complete.
        self._offer_ignored = False  # Its head offers an upgrade that is not accepted, and is parsed again without the offer.
        self._received_bytes = 0
        self._body_bytes = 0
        self._idle_since = 0.0
        self._keeper: TimerHandle | None = None
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
        self._stop_looking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and wait for the rest where this wasn't all of a request."""
        if self._deaf:
            self._dropped_bytes += len(data)
            if self._dropped_bytes > MAX_DROPPED_BYTES:
                self.transport.close()
            return
        self._partial = True
        self._received_bytes += len(data)
        try:
            self._parse(data)
        except HttpParserError:
            self._turn_away(self._excess)
        self._wait_for_the_rest()

    def _parse(self, data: bytes | memoryview) -> None:
        """Feed the parser. Raises: HttpParserError.

        At a head that offers an upgrade, httptools stops and takes what follows for another protocol, although an offer that is not
        accepted is to be ignored and the body read as usual (RFC 9110, 7.8). A new parser then reads that head again without the offer,
        and after it the body. A new one, because the old one drops what follows `connection: close` or HTTP/1.0 without a word.
        """
        while True:
            try:
                return self.parser.feed_data(data)
            except HttpParserUpgrade as upgrade:
                (head_end,) = upgrade.args
                rest = memoryview(data)[head_end:]
            if not self._offer_ignored:
                return self._upgrade_to_websocket(rest)
            self._offer_ignored = False
            self.parser = HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            # This head has no offer, so that the parser reads on after it, and the loop ends.
            self.parser.feed_data(self._head_without_offer())
            data = rest

    def _head_without_offer(self) -> bytes:
        version = self.scope["http_version"]
        request_line = f"{self.scope['method']} ".encode() + self.url + f" HTTP/{version}\r\n".encode()
        return request_line + lines(header for header in self.headers if header[0] != b"upgrade") + b"\r\n"

    def _wait_for_the_rest(self) -> None:
        if self._deaf or not self._partial:
            return
        # What comes beside a body: its head, the lengths of its chunks, and trailers.
        most = 2 * MAX_HEAD_BYTES + MAX_FRAMING_BYTES_PER_BYTE * self._body_bytes if self._headed else MAX_HEAD_BYTES
        if self._received_bytes > most:
            self._turn_away(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif not self._timer:
            self._wait(self._patience.body_seconds if self._headed else self._patience.head_seconds)

    def on_message_begin(self) -> None:
        """A request begins. Raises: TooMuch where others wait for their answers already, or the connection is given up."""
        if self._deaf or len(self.pipeline) >= MAX_PIPELINED:
            raise TooMuch
        self._partial = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete. Raises: TooMuch, BadFraming."""
        size = len(self.url) + sum(map(len, chain.from_iterable(self.headers)))
        if size > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._excess = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise TooMuch
        version = self.parser.get_http_version()
        check_framing(version, self.url, self.headers)
        if self.parser.should_upgrade() and not self._should_upgrade():
            self._ignore_offer(version)
            return
        self._stop_waiting()
        # What comes behind a body is added to the others, and none of the request's headers.
        self.scope["headers"] = self.headers.copy()
        super().on_headers_complete()
        # Only now: a target that is no URL raises above, and is answered like any other head that is refused.
        self._headed, self._body_bytes = True, 0
        self._latest = self.cycle

    def _ignore_offer(self, version: str) -> None:
        """Have this head parsed again without its offer. Raises: BadFraming for CONNECT, which is an upgrade without any offer."""
        method = self.parser.get_method().decode("ascii")
        if method == "CONNECT":
            raise BadFraming
        self.scope["method"], self.scope["http_version"] = method, version
        self._offer_ignored = True

    def _should_upgrade(self) -> bool:
        """Whether the offer is one for a WebSocket as RFC 6455, 4.1 describes it. Any other is ignored."""
        offers = [value for name, value in self.headers if name == b"upgrade"]
        is_websocket = len(offers) == 1 and offers[0].lower() == b"websocket"
        return is_websocket and self.parser.get_method() == b"GET" and self.parser.get_http_version() == "1.1" and not has_body(self.headers)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Answer a request, on the fast path if possible, otherwise by the application."""
        request = self._fast_path.request(cast("Scope", cycle.scope), cast("Receive", cycle.receive))
        if request is None:
            return super()._start_asgi_task(cycle, app)
        # The server waits for these tasks before it ends.
        return self.tasks.add(self.loop.create_task(self._answer(cycle, request)))

    async def _answer(self, cycle: RequestResponseCycle, request: GraphQLRequest) -> None:
        status: int | None = None
        try:
            if not cycle.more_body and len(cycle.body) <= MAX_BODY_BYTES:
                request.content = cycle.body
            response = self._fast_path.enter(request) or await self._fast_path.response(request)
            if self.flow.write_paused:
                await self.flow.drain()
            if not cycle.disconnected:
                status = response.status
                self._send(cycle, self._fast_path.written(request, response, self.server_state.default_headers, cycle.keep_alive))
        except BaseException:
            # No response can be sent any more: the process is ending.
            self.transport.close()
            raise
        finally:
            self._fast_path.leave(request, status)
            self.tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _send(self, cycle: RequestResponseCycle, response: bytes) -> None:
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self.transport.write(response)
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body came."""
        super().on_body(body)
        self._body_bytes += len(body)
        self._drop_the_rest()

    def on_message_complete(self) -> None:
        """The request is complete, unless its head is about to be parsed again. Raises: BadFraming."""
        if self._offer_ignored:
            return
        if self._is_closed_by_trailers():
            raise BadFraming
        super().on_message_complete()
        if not self._deaf:
            self._stop_waiting()
        self._headed, self._partial, self._received_bytes = False, False, 0

    def _is_closed_by_trailers(self) -> bool:
        """Whether trailers hold `connection: close`. llhttp obeys it and silently drops what follows, although the answer keeps the connection."""
        request = self._latest
        return request is not None and request.scope is self.scope and request.keep_alive and not self.parser.should_keep_alive()

    def on_response_complete(self) -> None:
        """It is answered. A timer for the time until the next request comes is not set and cleared for each: it looks from time to time."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self._keeper:
            self._keeper = self.loop.call_later(self._patience.idle_seconds, self._look_for_idleness)
        self._drop_the_rest()

    def _look_for_idleness(self) -> None:
        busy = self._partial or not self.cycle.response_complete
        left = self._patience.idle_seconds if busy else self._idle_since + self._patience.idle_seconds - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self._keeper = self.loop.call_later(left, self._look_for_idleness)

    def _stop_looking(self) -> None:
        if self._keeper:
            self._keeper.cancel()
            self._keeper = None

    def _upgrade_to_websocket(self, rest: memoryview) -> None:
        """From now on it is a socket, unless the library refuses its head without an event: nobody would ever close it then.

        Who has not waited for the answer to another request has that, and nothing else. `rest`: frames that came with the handshake.
        """
        if self._latest and not self._latest.response_complete:
            self._deaf, self._latest.keep_alive = True, False
            return
        self._stop_looking()
        self.handle_websocket_upgrade()
        socket = cast("WebSocketProtocol", self.transport.get_protocol())
        if not socket.handshake_initiated:
            socket.transport.write(b"".join(socket.conn.data_to_send()))
            socket.transport.close()
        elif rest:
            socket.data_received(bytes(rest))

    def _turn_away(self, status: HTTPStatus) -> None:
        if self._deaf:
            return
        self._refused(REASONS[status])
        unanswered = self._latest if self._latest and not self._latest.response_complete else None
        if unanswered and not self._headed:
            # The request before is still answered. A response to this one would come in between.
            self._deaf, unanswered.keep_alive = True, False
            self._stop_waiting()
        elif self._headed and (not unanswered or unanswered.response_started or self.pipeline):
            self.transport.close()
        else:
            if unanswered:
                unanswered.disconnected = True
                unanswered.message_event.set()
            self.transport.write(refusal(status))
            self._linger()

    def _drop_the_rest(self) -> None:
        """Of a request that is answered already, no more of the body is taken than of any other."""
        if self._headed and self._body_bytes > MAX_BODY_BYTES and self._latest and self._latest.response_complete:
            self._linger()

    def _linger(self) -> None:
        """Hang up, but take what is still on its way without a look at it: to close at once would tear down the answer as well. (RFC 9112, 9.6)"""
        if self._deaf or self.transport.is_closing():
            return
        self._deaf = True
        self._stop_looking()
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
    return STATUS_LINES[status] + lines([*STRICT.items(), (b"content-length", b"0"), (b"connection", b"close")]) + b"\r\n"


def check_framing(version: str, target: bytes, headers: list[Header]) -> None:
    """Refuse what httptools accepts and another server could read otherwise. Raises: BadFraming. Source: RFC 9112, 3.2, 6.1 and 9.3."""
    hosts = [value for name, value in headers if name == b"host"]
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    if version not in VERSIONS or len(hosts) > 1 or (version == "1.1" and not hosts):
        raise BadFraming
    if b"#" in target or (hosts and not HOST.fullmatch(hosts[0])):
        raise BadFraming
    if codings and (version == "1.0" or len(codings) > 1 or codings[0].lower() != b"chunked"):
        raise BadFraming


def has_body(headers: list[Header]) -> bool:
    """Whether a head announces a body."""
    return any(name == b"transfer-encoding" or (name == b"content-length" and int(value)) for name, value in headers)
