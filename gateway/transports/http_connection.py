"""HTTP connections: uvicorn's protocol class, extended by timeouts, limits, and strict framing (where requests begin and end).

It also answers the requests of clients that close their sending side after their last request.
"""

import asyncio
import re
from asyncio import BaseTransport, Transport
from asyncio.events import TimerHandle
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from itertools import chain
from typing import Any, cast

from httptools import HttpParserError, HttpParserInvalidURLError, HttpParserUpgrade, HttpRequestParser, parse_url
from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.callers.rate import CountRefusal
from gateway.process.drain import Drain
from gateway.transports.connection_places import ConnectionPlaces
from gateway.transports.entrance import FastPath
from gateway.transports.http import MAX_BODY_BYTES, RETRY_SECONDS, GraphQLRequest
from gateway.transports.requests import CONNECTION_PLACE, HALF_CLOSED, joined
from gateway.transports.responses import Header, add_header, lines
from gateway.transports.socket_connection import WebSocketProtocol
from gateway.transports.unchunked import unchunked

MAX_HEAD_BYTES = 32_768
MAX_HEADERS = 100
MAX_PIPELINED = 8
# How many bytes a request may have for each byte of its body. A body with chunks of one byte each must be accepted, although every chunk takes six
# bytes (`1\r\nx\r\n`). The other three bytes leave room for leading zeros in the sizes of chunks.
MAX_RECEIVED_BYTES_PER_BODY_BYTE = 9
# After the gateway has refused a request, it still reads and discards up to this many bytes before it closes the connection. If it closed at once,
# the client could lose the response.
MAX_DISCARDED_BYTES = 32 * MAX_BODY_BYTES
# A head that is too long is still read up to this many times its maximum length, to find out which origin may read the refusal. Browsers send the
# header `Origin` after the headers that a page has set, and Chromium sends heads of up to 256 KiB.
MAX_EXCESS = 8

VERSIONS = frozenset({"1.0", "1.1"})
MAX_CACHED_HOSTS = 256
# The allowed values of `Host`: those of RFC 3986, 3.2.2, except that a comma is refused, because some proxies join two `Host` headers with a comma.
HOST_PATTERN = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+;=-]*)(?::[0-9]*)?")

REASONS = {
    HTTPStatus.BAD_REQUEST: "syntax",
    HTTPStatus.REQUEST_TIMEOUT: "time",
    HTTPStatus.UPGRADE_REQUIRED: "syntax",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "head",
    HTTPStatus.SERVICE_UNAVAILABLE: "connections",
}
CONNECTION_CLOSE: Header = (b"connection", b"close")
# The headers of refusals with these statuses. Refusals with another status have only `CONNECTION_CLOSE`.
REFUSAL_HEADERS: dict[HTTPStatus, list[Header]] = {
    # Source: RFC 6455, 4.4; RFC 9110, 7.8.
    HTTPStatus.UPGRADE_REQUIRED: [(b"connection", b"upgrade, close"), (b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")],
    HTTPStatus.SERVICE_UNAVAILABLE: [CONNECTION_CLOSE, (b"retry-after", RETRY_SECONDS.encode())],
}


@dataclass(frozen=True, slots=True)
class Patience:
    """The timeouts of a connection.

    `head_seconds`: until the head of a request is complete. `body_seconds`: until its body is complete. `idle_seconds`: until the next request.
    `linger_seconds`: until the connection is closed after a refusal, or after a response that was sent while a body that is too long still arrived.
    This time begins again when the client sends bytes, but the connection is closed after `body_seconds` at the latest.
    """

    head_seconds: float = 10.0
    body_seconds: float = 15.0
    idle_seconds: float = 75.0
    linger_seconds: float = 2.0


class LimitExceeded(Exception):
    """A request that is not read any further.

    Its head is too long or has too many headers, too many requests wait for their responses, or the connection is closing.
    """


class BadFraming(Exception):
    """A request that is refused because two servers could interpret it differently.

    They could disagree about where the request ends, which host it is for, or whether the connection stays open after it, also as a WebSocket.
    """


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection. uvicorn creates an object of this class for each connection."""

    def __init__(
        self,
        *arguments: Any,
        fast_path: FastPath,
        places: ConnectionPlaces,
        patience: Patience,
        refused: CountRefusal,
        drain: Drain,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._drain = drain
        self._places = places
        self._fast_path = fast_path
        self._patience = patience
        self._refused = refused
        self._timer: TimerHandle | None = None
        self._running: RequestResponseCycle | None = None  # The request that is answered now, or was answered last.
        self._latest: RequestResponseCycle | None = None  # The request whose head arrived last.
        self._incomplete = False  # Whether a request has begun to arrive and is not complete yet.
        self._headed = False  # Whether the head of the incomplete request is complete.
        self._offer_ignored = False  # Whether the head offers an upgrade that is not accepted. The head is then parsed again.
        self._received_bytes = 0
        self._body_bytes = 0
        self._idle_since = 0.0
        self._idle_timer: TimerHandle | None = None
        self._error_status = HTTPStatus.BAD_REQUEST
        self._discarding = False  # Whether all further bytes are discarded, because the connection is closing.
        self._discarded_bytes = 0
        self._lingers_until = 0.0

    def connection_made(self, transport: BaseTransport) -> None:
        """Called when a client has connected: starts the timeout for the head of the first request, because some clients never send one.

        A connection beyond the limit of its address is refused with status 503. If the address has more than twice as many connections as the limit
        allows, the new connection is closed without a response.
        """
        super().connection_made(cast("Transport", transport))
        self._place = self._places.place(self.client[0] if self.client else "")
        number, limit = self._place.take(), self._places.max_per_address
        if number <= limit:
            self._start_timer(self._patience.head_seconds)
        elif number <= 2 * limit:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._refused(REASONS[HTTPStatus.SERVICE_UNAVAILABLE])
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the connection is closed: gives up the connection's place among those of its address, and cancels the timers."""
        self._place.close()
        self._stop_timer()
        self._stop_idle_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the received bytes. If a request is still incomplete afterwards, check its size and start its timeout."""
        if self._discarding:
            self._discarded_bytes += len(data)
            if self._discarded_bytes > MAX_DISCARDED_BYTES:
                self.transport.close()
            elif self._timer:
                self._start_timer(min(self._patience.linger_seconds, self._lingers_until - self.loop.time()))
            return
        self._incomplete = True
        self._received_bytes += len(data)
        try:
            self._parse(data)
        except HttpParserError:
            self._refuse(self._error_status)
        self._limit_incomplete_request(len(data))

    def eof_received(self) -> bool:  # type: ignore[override]
        """Called when the client has closed its sending side. Returns whether the connection stays open: it does if responses are still due.

        All requests that have arrived completely are answered. Then the connection closes. Event streams of subscriptions end now.
        """
        running = self._running
        if running is None or running.response_complete or running.disconnected:
            return False
        if self._headed and running is self._latest:
            running.disconnected = True
            running.message_event.set()
            return False
        if self._headed:
            # `popleft` takes the newest request, since uvicorn adds requests on the left. The body of this request is incomplete, and the rest can't
            # arrive any more, so the request must not run.
            self.pipeline.popleft()
            self._headed = False
        self._stop_timer()
        last = self.pipeline[0][0] if self.pipeline else running
        last.keep_alive = False
        for cycle in (running, *(cycle for cycle, _ in self.pipeline)):
            cast("Scope", cycle.scope)[HALF_CLOSED] = True
        running.message_event.set()  # This wakes an event stream, which then ends.
        return True

    def _parse(self, data: bytes | memoryview) -> None:
        """Feed the parser. Raises: HttpParserError.

        When a head offers an upgrade, httptools stops after the head and treats the following bytes as another protocol. But a server must ignore an
        offer that it does not accept, and must read the body as usual (RFC 9110, 7.8). A new parser therefore reads the same head again without the
        offer, and then the body. The old parser can't be used again: after a request with HTTP/1.0 or `connection: close`, it silently drops bytes.
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
            # Let the new parser read the head again, without its offer of an upgrade, at which the old parser has stopped. Then the loop goes on with
            # the bytes after the head.
            self.parser.feed_data(self._head_without_offer())
            data = rest

    def _head_without_offer(self) -> bytes:
        version = self.scope["http_version"]
        request_line = f"{self.scope['method']} ".encode() + self.url + f" HTTP/{version}\r\n".encode()
        return request_line + lines(header for header in self.headers if header[0] != b"upgrade") + b"\r\n"

    def _limit_incomplete_request(self, new_bytes: int) -> None:
        if self._discarding or not self._incomplete:
            return
        # Limit all bytes of the request. The maximum size of a body limits neither the head nor the sizes of chunks nor the trailers.
        max_bytes = 2 * MAX_HEAD_BYTES + MAX_RECEIVED_BYTES_PER_BODY_BYTE * self._body_bytes if self._headed else MAX_HEAD_BYTES
        excess = self._received_bytes - max_bytes
        if excess > (0 if self._headed else (MAX_EXCESS - 1) * MAX_HEAD_BYTES):
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif 0 < excess <= new_bytes:
            # The head has just become too long. Wait for its end, because the header `Origin` may be there.
            self._start_timer(self._patience.linger_seconds)
        elif not self._timer:
            self._start_timer(self._patience.body_seconds if self._headed else self._patience.head_seconds)

    def on_message_begin(self) -> None:
        """Called by the parser when a request begins. Raises: LimitExceeded if too many requests are unanswered, or the connection is closing."""
        if self._discarding or len(self.pipeline) >= MAX_PIPELINED:
            raise LimitExceeded
        self._incomplete = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Called by the parser when the head is complete: checks the head, and starts the request. Raises: LimitExceeded, BadFraming."""
        size = len(self.url) + sum(map(len, chain.from_iterable(self.headers)))
        if size > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._error_status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise LimitExceeded
        version = self.parser.get_http_version()
        check_framing(version, self.url, self.headers)
        if version == "1.0":
            self.expect_100_continue = False  # Source: RFC 9110, 10.1.1.
        if self.parser.should_upgrade() and not self._should_upgrade():
            self._ignore_offer(version)
            return
        self._stop_timer()
        # The parser later appends trailers to `self.headers`. The copy keeps the trailers out of the headers of the request.
        self.scope["headers"] = self.headers.copy()
        super().on_headers_complete()
        # Set `_headed` only after the call above, which raises if the target is not a URL. The request then still counts as one without a complete
        # head, so `_refuse` sends a response instead of only closing.
        self._headed, self._body_bytes = True, 0
        self._latest = self.cycle

    def _ignore_offer(self, version: str) -> None:
        """Mark the head to be parsed again without its offer of an upgrade.

        Raises: BadFraming for a CONNECT request, which httptools treats as an upgrade too, although it contains no offer; and for a WebSocket
                handshake in HTTP/1.0. Its client expects a WebSocket, or an error (RFC 6455, 4.2.1).
        """
        method = self.parser.get_method().decode("ascii")
        if method == "CONNECT" or (version == "1.0" and has_websocket_key(self.headers)):
            raise BadFraming
        self.scope["method"], self.scope["http_version"] = method, version
        self._offer_ignored = True

    def _should_upgrade(self) -> bool:
        """Whether the head offers an upgrade to WebSocket as RFC 6455, 4.1 requires. All other offers are ignored."""
        offers = [value for name, value in self.headers if name == b"upgrade"]
        is_websocket = len(offers) == 1 and offers[0].lower() == b"websocket"
        return is_websocket and self.parser.get_method() == b"GET" and self.parser.get_http_version() == "1.1" and not has_body(self.headers)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Answer a request: on the fast path if possible, otherwise through the application."""
        self._running = cycle
        if self._drain.announced:
            # The process is about to end. If proxies kept this connection, they could send a request on it just when it is closed.
            cycle.keep_alive = False
        request = self._fast_path.request(cast("Scope", cycle.scope), cast("Receive", cycle.receive))
        if request is None:
            cast("Scope", cycle.scope)[CONNECTION_PLACE] = self._place
            if self._drain.announced:
                add_header(cast("Scope", cycle.scope), *CONNECTION_CLOSE)
            return super()._start_asgi_task(cycle, cast("Any", unchunked(cycle, app)) if cycle.scope["http_version"] == "1.0" else app)
        # Add the task to uvicorn's set of tasks. Before the server ends, it waits for the tasks in this set.
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
            # No response can be sent, because the task was cancelled at the end of the process, or because a hook failed. So close the connection.
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
        """Called by the parser for each part of a body: counts its bytes."""
        super().on_body(body)
        self._body_bytes += len(body)
        self._discard_long_body()

    def on_message_complete(self) -> None:
        """Called by the parser when the request is complete, and also when the parser stops at an offer of an upgrade. Raises: BadFraming."""
        if self._offer_ignored:
            return
        if self._is_closed_by_trailers():
            raise BadFraming
        super().on_message_complete()
        if not self._discarding:
            self._stop_timer()
        self._headed, self._incomplete, self._received_bytes = False, False, 0

    def _is_closed_by_trailers(self) -> bool:
        """Whether the trailers contain `connection: close`.

        llhttp, the parser inside httptools, would then ignore all later requests, although our response says that the connection stays open.
        """
        request = self._latest
        return request is not None and request.scope is self.scope and request.keep_alive and not self.parser.should_keep_alive()

    def on_response_complete(self) -> None:
        """Called when a response has been sent: begins the response to the next request, or waits for the next request.

        Setting and cancelling a timer for each request would be expensive. Instead, one timer checks from time to time how long the connection has
        been idle.
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

        If an earlier request has no response yet, there is no upgrade: the client receives that response, and the connection closes.
        The library `websockets` may refuse the handshake without emitting an event. uvicorn then leaves the connection open, so this method closes
        it.
        """
        if self._latest and not self._latest.response_complete:
            self._discarding, self._latest.keep_alive = True, False
            return
        if has_websocket_key(self.headers) and [value for name, value in self.headers if name == b"sec-websocket-version"] != [b"13"]:
            self._refuse(HTTPStatus.UPGRADE_REQUIRED)
            return
        self._place.close()
        self._stop_idle_timer()
        # The library `websockets` refuses a handshake with several `Connection` headers of which one is empty, so these are joined into one. Other
        # repeated headers are not joined: the entrance refuses some headers if they are repeated, and must still see that they are.
        others = [header for header in self.headers if header[0] != b"connection"]
        self.scope["headers"] = [*others, *joined([header for header in self.headers if header[0] == b"connection"])]
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
            # The previous request has no response yet, and this refusal would be sent before that response. So the refusal is not sent at all: the
            # connection closes after the response to the previous request.
            self._discarding, unanswered.keep_alive = True, False
            self._stop_timer()
        elif self._headed and (not unanswered or unanswered.response_started or self.pipeline):
            self.transport.close()
        else:
            if unanswered:
                unanswered.disconnected = True
                unanswered.message_event.set()
            own = [*self.server_state.default_headers, *REFUSAL_HEADERS.get(status, [CONNECTION_CLOSE])]
            self.transport.write(self._fast_path.refusal(status, self._refused_scope(), own))
            self._linger()

    def _refused_scope(self) -> Scope:
        """What was read of a request that is refused, as the scope of a request."""
        if self._headed:
            return cast("Scope", self.scope)
        if cast("Scope | None", self.scope) is None or (self._latest and self._latest.scope is self.scope):
            return {"type": "http", "path": "", "headers": []}  # No request has begun since the one whose head arrived last.
        try:
            path = parse_url(self.url).path.decode("ascii")
        except (HttpParserInvalidURLError, AttributeError):
            path = ""
        return {"type": "http", "path": path, "headers": self.headers}

    def _discard_long_body(self) -> None:
        """Stop reading the body of a request that has already been answered, if the body is too long. http.py limits the bodies of other requests."""
        if self._headed and self._body_bytes > MAX_BODY_BYTES and self._latest and self._latest.response_complete:
            self._linger()

    def _linger(self) -> None:
        """Close the sending side, and discard all bytes that still arrive, until the client closes its side or a timeout passes (see `Patience`).

        If both sides were closed at once, the connection could be reset, and the client would lose the response. Source: RFC 9112, 9.6.
        """
        if self._discarding or self.transport.is_closing():
            return
        self._discarding = True
        self._stop_idle_timer()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._lingers_until = self.loop.time() + self._patience.body_seconds
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
            is_too_long = not self._headed and self._received_bytes > MAX_HEAD_BYTES
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if is_too_long else HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()


def check_framing(version: str, target: bytes, headers: list[Header]) -> None:
    """Refuse a head that httptools accepts but that another server could interpret differently.

    Raises: BadFraming.
    Source: RFC 9112, 3.2, 6.1 and 9.3.
    """
    names = [name for name, _ in headers]
    hosts, codings = names.count(b"host"), names.count(b"transfer-encoding")
    if version not in VERSIONS or hosts > 1 or (version == "1.1" and not hosts):
        raise BadFraming
    if b"#" in target or (hosts and not is_host(headers[names.index(b"host")][1])):
        raise BadFraming
    if codings and (version == "1.0" or codings > 1 or headers[names.index(b"transfer-encoding")][1].lower() != b"chunked"):
        raise BadFraming


@lru_cache(MAX_CACHED_HOSTS)
def is_host(value: bytes) -> bool:
    """Whether the value of a `Host` header is a host, with or without a port. Cached, since most requests name the same host."""
    return HOST_PATTERN.fullmatch(value) is not None


def has_websocket_key(headers: list[Header]) -> bool:
    """Whether the headers are those of a WebSocket handshake, and not only an offer of WebSocket: whether they contain `Sec-WebSocket-Key`."""
    return any(name == b"sec-websocket-key" for name, _ in headers)


def has_body(headers: list[Header]) -> bool:
    """Whether the headers of a request announce a body."""
    return any(name == b"transfer-encoding" or (name == b"content-length" and int(value)) for name, value in headers)
