"""HTTP connections: uvicorn's protocol class with limits of times and sizes, and with strict framing."""

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
# A body in chunks of one byte each has six bytes of framing for each byte.
MAX_FRAMING_BYTES_PER_BYTE = 9
MAX_DISCARDED_BYTES = 4 * MAX_BODY_BYTES

VERSIONS = frozenset({"1.0", "1.1"})
# RFC 3986, 3.2.2, but without the comma: some proxies join two `Host` headers with one.
HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+;=-]*)(?::[0-9]*)?")

Refused = Callable[[str], None]
REASONS = {HTTPStatus.BAD_REQUEST: "syntax", HTTPStatus.REQUEST_TIMEOUT: "time", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "head"}


@dataclass(frozen=True, slots=True)
class Patience:
    """Timeouts in seconds: for the head of a request, for its body, for the next request, and for a refused client to close its connection."""

    head_seconds: float = 10.0
    body_seconds: float = 15.0
    idle_seconds: float = 5.0
    linger_seconds: float = 2.0


class LimitExceeded(Exception):
    """A request that is not read: its head is too long, or too many requests arrived at once."""


class BadFraming(Exception):
    """A head that two servers could read differently: where the request ends, or which host it is for."""


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection of a client."""

    def __init__(self, *arguments: Any, fast_path: FastPath, patience: Patience, refused: Refused, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._fast_path = fast_path
        self._patience = patience
        self._refused = refused
        self._timer: TimerHandle | None = None
        self._latest: RequestResponseCycle | None = None
        self._incomplete = False  # A request has begun to arrive and is not complete yet …
        self._headed = False  # … but its head is.
        self._offer_ignored = False  # Its head offers an upgrade that is not accepted, and is parsed again without the offer.
        self._received_bytes = 0
        self._body_bytes = 0
        self._idle_since = 0.0
        self._idle_timer: TimerHandle | None = None
        self._error_status = HTTPStatus.BAD_REQUEST
        self._discarding = False  # All further bytes are discarded.
        self._discarded_bytes = 0

    def connection_made(self, transport: BaseTransport) -> None:
        """Wait for the first request. Some clients never send one."""
        super().connection_made(cast("Transport", transport))
        self._start_timer(self._patience.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers."""
        self._stop_timer()
        self._stop_idle_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived. If a request is still incomplete then, check its size and start its timeout."""
        if self._discarding:
            self._discarded_bytes += len(data)
            if self._discarded_bytes > MAX_DISCARDED_BYTES:
                self.transport.close()
            return
        self._incomplete = True
        self._received_bytes += len(data)
        try:
            self._parse(data)
        except HttpParserError:
            self._refuse(self._error_status)
        self._limit_incomplete_request()

    def _parse(self, data: bytes | memoryview) -> None:
        """Feed the parser. Raises: HttpParserError.

        httptools stops at a head that offers an upgrade and takes the bytes behind it for another protocol. However, a server must ignore an offer
        that it does not accept, and read the body as usual (RFC 9110, 7.8). A new parser therefore reads that head again without the offer, and then
        the body. The old parser can't do so: it silently drops all bytes that follow a request with `connection: close` or HTTP/1.0.
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
            # The head has no offer now. The parser does not stop behind it, and the loop ends.
            self.parser.feed_data(self._head_without_offer())
            data = rest

    def _head_without_offer(self) -> bytes:
        version = self.scope["http_version"]
        request_line = f"{self.scope['method']} ".encode() + self.url + f" HTTP/{version}\r\n".encode()
        return request_line + lines(header for header in self.headers if header[0] != b"upgrade") + b"\r\n"

    def _limit_incomplete_request(self) -> None:
        if self._discarding or not self._incomplete:
            return
        # Besides the body itself, a request consists of its head, the sizes of its chunks, and its trailers.
        max_bytes = 2 * MAX_HEAD_BYTES + MAX_FRAMING_BYTES_PER_BYTE * self._body_bytes if self._headed else MAX_HEAD_BYTES
        if self._received_bytes > max_bytes:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif not self._timer:
            self._start_timer(self._patience.body_seconds if self._headed else self._patience.head_seconds)

    def on_message_begin(self) -> None:
        """A request begins. Raises: LimitExceeded if too many requests wait for their responses, or the connection is being closed."""
        if self._discarding or len(self.pipeline) >= MAX_PIPELINED:
            raise LimitExceeded
        self._incomplete = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete. Raises: LimitExceeded, BadFraming."""
        size = len(self.url) + sum(map(len, chain.from_iterable(self.headers)))
        if size > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._error_status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise LimitExceeded
        version = self.parser.get_http_version()
        check_framing(version, self.url, self.headers)
        if self.parser.should_upgrade() and not self._should_upgrade():
            self._ignore_offer(version)
            return
        self._stop_timer()
        # The parser appends trailers to `self.headers`. They must not become headers of the request.
        self.scope["headers"] = self.headers.copy()
        super().on_headers_complete()
        # Not earlier: the line above raises if the target is not a URL, and such a head is refused like any other.
        self._headed, self._body_bytes = True, 0
        self._latest = self.cycle

    def _ignore_offer(self, version: str) -> None:
        """Mark the head, so that it is parsed again without its offer. Raises: BadFraming for CONNECT, which is an upgrade without any offer."""
        method = self.parser.get_method().decode("ascii")
        if method == "CONNECT":
            raise BadFraming
        self.scope["method"], self.scope["http_version"] = method, version
        self._offer_ignored = True

    def _should_upgrade(self) -> bool:
        """Whether the head offers a WebSocket as RFC 6455, 4.1 requires. Any other offer is ignored."""
        offers = [value for name, value in self.headers if name == b"upgrade"]
        is_websocket = len(offers) == 1 and offers[0].lower() == b"websocket"
        return is_websocket and self.parser.get_method() == b"GET" and self.parser.get_http_version() == "1.1" and not has_body(self.headers)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Answer a request: on the fast path if possible, otherwise through the application."""
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
            # The process is ending, and no response can be sent.
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
        """A part of the body has arrived."""
        super().on_body(body)
        self._body_bytes += len(body)
        self._discard_long_body()

    def on_message_complete(self) -> None:
        """The request is complete, unless its head is about to be parsed again. Raises: BadFraming."""
        if self._offer_ignored:
            return
        if self._is_closed_by_trailers():
            raise BadFraming
        super().on_message_complete()
        if not self._discarding:
            self._stop_timer()
        self._headed, self._incomplete, self._received_bytes = False, False, 0

    def _is_closed_by_trailers(self) -> bool:
        """Whether trailers contain `connection: close`. llhttp obeys it and drops later requests, although the response keeps the connection."""
        request = self._latest
        return request is not None and request.scope is self.scope and request.keep_alive and not self.parser.should_keep_alive()

    def on_response_complete(self) -> None:
        """A response has been sent. Begin the next one, or wait for the next request.

        Setting and cancelling a timer for each request would be expensive. One timer therefore checks from time to time how long the connection
        has been idle.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self._idle_timer:
            self._idle_timer = self.loop.call_later(self._patience.idle_seconds, self._close_if_idle)
        self._discard_long_body()

    def _close_if_idle(self) -> None:
        busy = self._incomplete or not self.cycle.response_complete
        left = self._patience.idle_seconds if busy else self._idle_since + self._patience.idle_seconds - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self._idle_timer = self.loop.call_later(left, self._close_if_idle)

    def _stop_idle_timer(self) -> None:
        if self._idle_timer:
            self._idle_timer.cancel()
            self._idle_timer = None

    def _upgrade_to_websocket(self, rest: memoryview) -> None:
        """Make the connection a WebSocket. `rest`: frames that arrived together with the handshake.

        If an earlier request has no response yet, the client receives that response, and the connection is closed instead.
        The library may refuse the handshake without an event. It would then never close the connection, so that this method does.
        """
        if self._latest and not self._latest.response_complete:
            self._discarding, self._latest.keep_alive = True, False
            return
        self._stop_idle_timer()
        self.handle_websocket_upgrade()
        socket = cast("WebSocketProtocol", self.transport.get_protocol())
        if not socket.handshake_initiated:
            socket.transport.write(b"".join(socket.conn.data_to_send()))
            socket.transport.close()
        elif rest:
            socket.data_received(bytes(rest))

    def _refuse(self, status: HTTPStatus) -> None:
        if self._discarding:
            return
        self._refused(REASONS[status])
        unanswered = self._latest if self._latest and not self._latest.response_complete else None
        if unanswered and not self._headed:
            # The response to the request before must be sent first. This refusal would overtake it, and is not sent.
            self._discarding, unanswered.keep_alive = True, False
            self._stop_timer()
        elif self._headed and (not unanswered or unanswered.response_started or self.pipeline):
            self.transport.close()
        else:
            if unanswered:
                unanswered.disconnected = True
                unanswered.message_event.set()
            self.transport.write(refusal(status))
            self._linger()

    def _discard_long_body(self) -> None:
        """If a request is answered before all of its body has arrived, no more of the body is read than of any other."""
        if self._headed and self._body_bytes > MAX_BODY_BYTES and self._latest and self._latest.response_complete:
            self._linger()

    def _linger(self) -> None:
        """Close the sending side, and discard what still arrives until the client closes, or the time is up.

        Closing both sides at once could reset the connection, and the client would lose the response. Source: RFC 9112, 9.6.
        """
        if self._discarding or self.transport.is_closing():
            return
        self._discarding = True
        self._stop_idle_timer()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._start_timer(self._patience.linger_seconds)

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._time_out)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        self._timer = None
        if self._incomplete and not self._discarding:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()


def refusal(status: HTTPStatus) -> bytes:
    """The response to a request that the connection itself refuses, before any other code sees it."""
    return STATUS_LINES[status] + lines([*STRICT.items(), (b"content-length", b"0"), (b"connection", b"close")]) + b"\r\n"


def check_framing(version: str, target: bytes, headers: list[Header]) -> None:
    """Refuse heads that httptools accepts and that another server could read differently. Raises: BadFraming. Source: RFC 9112, 3.2, 6.1 and 9.3."""
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
