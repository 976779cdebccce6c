"""Responses that are ready, and sent in one piece."""

from collections.abc import Iterable
from http import HTTPStatus

from starlette.types import Receive, Scope, Send

Header = tuple[bytes, bytes]

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Response:
    """A response to a request, or to a WebSocket's handshake."""

    __slots__ = ("content", "headers", "status")

    def __init__(self, status: int, headers: list[Header], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = "websocket.http" if scope["type"] == "websocket" else "http"
        await send({"type": f"{kind}.response.start", "status": self.status, "headers": self.headers})
        await send({"type": f"{kind}.response.body", "body": self.content})


def sized(status: int, media_type: str, content: bytes) -> Response:
    """A response that says what it holds, and how much."""
    return Response(status, [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(content))], content)


# Nothing here may run, be framed, guessed at, kept, or be shown by other sites. Pages say themselves what else they need.
STRICT = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    # This is about images and scripts. What other origins may fetch is decided by CORS alone, which this doesn't touch.
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
# Two years, as preload lists ask for. Other names of the same domain are not ours to decide on.
OVER_HTTPS = {b"strict-transport-security": b"max-age=63072000"}

# What a request's response is to carry, whoever makes it.
ADDED_HEADERS = "gateway.added_headers"


def add_header(scope: Scope, name: bytes, value: bytes) -> None:
    """Have the response to a request carry a header."""
    scope.setdefault(ADDED_HEADERS, []).append((name, value))


class Headers:
    """All headers of a response: its own, those that it is to carry, and those of the strict ones that it doesn't set otherwise."""

    def __init__(self, https: bool) -> None:
        self._strict = STRICT | (OVER_HTTPS if https else {})
        self._strict_lines = lines(self._strict.items())

    def of(self, scope: Scope, own: Iterable[Header]) -> list[Header]:
        """The headers of a response that has these of its own."""
        own = list(own)
        named = {name for name, _ in own}
        return [*own, *scope.get(ADDED_HEADERS, ()), *[header for header in self._strict.items() if header[0] not in named]]

    def lines(self, scope: Scope, own: list[Header]) -> bytes:
        """The same as they are sent."""
        for name, _ in own:
            if name in self._strict:
                return lines(self.of(scope, own))
        return lines([*own, *scope.get(ADDED_HEADERS, ())]) + self._strict_lines


def lines(headers: Iterable[Header]) -> bytes:
    """Headers as they are sent."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
