"""Responses whose content is sent in one piece, and the security headers that all responses carry."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from starlette.types import Receive, Scope, Send

Header = tuple[bytes, bytes]

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Response:
    """A response to a request, or to a refused WebSocket handshake. Its content is sent in one piece."""

    __slots__ = ("content", "headers", "status")

    def __init__(self, status: int, headers: list[Header], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = "websocket.http" if scope["type"] == "websocket" else "http"
        await send({"type": f"{kind}.response.start", "status": self.status, "headers": self.headers})
        await send({"type": f"{kind}.response.body", "body": self.content})


def sized(status: int, media_type: str, content: bytes, others: Sequence[Header] = ()) -> Response:
    """A response with the headers `Content-Type` and `Content-Length`, and with `others`."""
    return Response(status, [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(content)), *others], content)


# The headers that keep browsers from running scripts of a response, showing it in a frame, guessing its type, caching it, or embedding it in other
# sites. HTML pages replace some of them with weaker ones.
STRICT = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    # This header keeps pages of other origins from embedding a response as an image or a script. CORS alone decides what their scripts may fetch.
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
# Makes browsers use only HTTPS for two years, as preload lists recommend. Subdomains are not included, because they may belong to other services.
OVER_HTTPS = {b"strict-transport-security": b"max-age=63072000"}

# The key under which the scope of a request holds the headers that `add_header` adds to the response, no matter which code makes the response.
ADDED_HEADERS = "gateway.added_headers"


def add_header(scope: Scope, name: bytes, value: bytes) -> None:
    """Add a header to the response that the request with this scope will receive."""
    scope.setdefault(ADDED_HEADERS, []).append((name, value))


class Headers:
    """Collects all headers of a response: those that the response sets, those added with `add_header`, and security headers.

    The security headers are `STRICT`, and over HTTPS also `OVER_HTTPS`. If the response sets one of them itself, its value is not replaced.
    """

    def __init__(self, https: bool) -> None:
        self._strict = STRICT | (OVER_HTTPS if https else {})
        self._strict_lines = lines(self._strict.items())

    def of(self, scope: Scope, own: Iterable[Header]) -> list[Header]:
        """All headers of a response. `own`: the headers that the response sets itself."""
        own = list(own)
        named = {name for name, _ in own}
        return [*own, *scope.get(ADDED_HEADERS, ()), *[header for header in self._strict.items() if header[0] not in named]]

    def lines(self, scope: Scope, own: list[Header]) -> bytes:
        """The headers that `of` returns, as the lines that are sent."""
        for name, _ in own:
            if name in self._strict:
                return lines(self.of(scope, own))
        return lines([*own, *scope.get(ADDED_HEADERS, ())]) + self._strict_lines


def lines(headers: Iterable[Header]) -> bytes:
    """Headers as the lines that are sent. Each line ends with CR LF."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
