"""Builds requests in every framing: with each offer of an upgrade, and with a body in each format. Computes the response that each must receive."""

from dataclasses import dataclass

import orjson

ME = "{ me { subject workspaceId } }"
CREATE = "mutation ($input: CreateVerificationInput!) { createVerification(input: $input) { __typename } }"
PERSON = {"firstName": "Jeanne", "lastName": "Moreau", "redirectionUrl": "https://shop.example/welcome", "idempotencyKey": "smuggled"}
URL = "/graphql?query=%7Bme%7Bsubject%20workspaceId%7D%7D"


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller with its own workspace."""

    workspace: str
    token: str

    @property
    def subject(self) -> str:
        """The subject of the caller's token."""
        return f"user-of-{self.workspace}"

    @property
    def answer(self) -> bytes:
        """The body of the response to the query ME. It is different for each caller."""
        return orjson.dumps({"data": {"me": {"subject": self.subject, "workspaceId": self.workspace}}})


@dataclass(frozen=True, slots=True)
class Offer:
    """How a request offers to upgrade to another protocol.

    `version`: the HTTP version of the request. `closes`: whether the connection closes after the response.
    """

    headers: tuple[str, ...] = ()
    version: str = "1.1"
    closes: bool = False


JAVA = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
OFFERS = {
    "no offer": Offer(),
    "h2c": Offer(("Connection: Upgrade", "Upgrade: h2c")),
    "foo": Offer(("Connection: Upgrade", "Upgrade: foo")),
    "TLS": Offer(("Connection: Upgrade", "Upgrade: TLS/1.0")),
    "websocket": Offer(("Connection: Upgrade", "Upgrade: websocket")),
    "Java": Offer(JAVA),
    "a list": Offer(("Connection: Upgrade", "Upgrade: h2c, websocket")),
    "two Upgrade lines": Offer(("Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c")),
    "two Connection lines": Offer(("Connection: keep-alive", "Connection: Upgrade", "Upgrade: h2c")),
    "other case": Offer(("CONNECTION: uPGRADE", "X-Empty:", "UPGRADE:h2C")),
    "Upgrade alone": Offer(("Upgrade: h2c",)),
    "Connection alone": Offer(("Connection: Upgrade",)),
    "close": Offer(("Connection: close, Upgrade", "Upgrade: h2c"), closes=True),
    "close and websocket": Offer(("Connection: Upgrade, close", "Upgrade: websocket"), closes=True),
    "1.0": Offer(("Connection: Upgrade", "Upgrade: h2c"), "1.0", closes=True),
    "1.0 and websocket": Offer(("Connection: Upgrade", "Upgrade: websocket"), "1.0", closes=True),
}


def with_length(content: bytes) -> tuple[str, bytes]:
    """A body that is delimited by its length. Returns the header with the length, and the bytes of the body."""
    return f"Content-Length: {len(content)}", content


def in_chunks(content: bytes) -> tuple[str, bytes]:
    """A body in two chunks, with a chunk extension and a trailer. Returns the header that announces chunks, and the bytes of the body."""
    half = len(content) // 2
    first, second = content[:half], content[half:]
    return "Transfer-Encoding: chunked", b"%x\r\n%b\r\n%x;a=b\r\n%b\r\n0\r\nX-Trailer: x\r\n\r\n" % (half, first, len(second), second)


FRAMINGS = {"length": with_length, "chunked": in_chunks}


@dataclass(frozen=True, slots=True)
class Request:
    """A request to /graphql. If `content` is None, it has no body. If `caller` is None, it has no token. `framing`: a key of FRAMINGS."""

    method: str = "POST"
    offer: Offer = OFFERS["no offer"]
    framing: str = "length"
    content: bytes | None = None
    caller: Caller | None = None

    @property
    def parts(self) -> tuple[bytes, bytes]:
        """The bytes of the head, and the bytes of the body."""
        length, body = FRAMINGS[self.framing](self.content) if self.content is not None else ("", b"")
        target = URL if self.method in ("GET", "HEAD") else "/graphql"
        lines = [
            f"{self.method} {target} HTTP/{self.offer.version}",
            "Host: gateway",
            *([f"Authorization: Bearer {self.caller.token}"] if self.caller else []),
            *self.offer.headers,
            "Content-Type: application/json",
            *([length] if length else []),
        ]
        return "\r\n".join([*lines, "", ""]).encode(), body

    @property
    def whole(self) -> bytes:
        """All bytes of the request."""
        return b"".join(self.parts)


@dataclass(frozen=True, slots=True)
class Expected:
    """The response that a request must receive. `body`: None if any body is right. `closes`: whether the connection closes after the response."""

    status: int
    body: bytes | None = None
    closes: bool = False


def expected(request: Request, proxied: bool = False) -> Expected:
    """The response that a request must receive. If the gateway ignores the request's offer of an upgrade, the response is as without the offer.

    `proxied`: whether the request goes through nginx.
    """
    closes = request.offer.closes
    if is_badly_framed(request):
        return Expected(400, None if proxied else b"", closes=True)
    if is_incomplete_handshake(request, proxied):
        return Expected(400, closes=closes or not proxied)
    if request.method not in ("GET", "HEAD", "POST"):
        return Expected(405, closes=closes)
    if not request.caller:
        return Expected(401, closes=closes)
    if request.method == "POST" and not is_query(request.content or b""):
        return Expected(400, closes=closes)
    return Expected(200, b"" if request.method == "HEAD" else request.caller.answer, closes)


def is_badly_framed(request: Request) -> bool:
    """Whether a request is refused because of its framing: it has a body in chunks, which HTTP/1.0 does not allow."""
    return request.offer.version == "1.0" and request.content is not None and request.framing == "chunked"


def is_incomplete_handshake(request: Request, proxied: bool) -> bool:
    """Whether the gateway takes a request for a WebSocket handshake, and refuses it: no request of these tests has a `Sec-WebSocket-Key` header.

    nginx forwards only the first of several offers, and forwards every request in HTTP/1.1.
    """
    offers = [header for header in request.offer.headers if header.startswith("Upgrade")]
    if proxied:
        offers = offers[:1]
    version = "1.1" if proxied else request.offer.version
    return request.method == "GET" and request.content is None and version == "1.1" and offers == ["Upgrade: websocket"]


def is_query(content: bytes) -> bool:
    """Whether a body contains the query ME in JSON."""
    try:
        return bool(orjson.loads(content)["query"] == ME)
    except orjson.JSONDecodeError:
        return False


def smuggled(smuggler: Caller) -> bytes:
    """A whole request that must never be executed: a mutation, with a token that allows it. Tests hide it in the bodies of other requests."""
    content = orjson.dumps({"query": CREATE, "variables": {"input": PERSON}})
    return Request(content=content, caller=smuggler).whole


def contents(smuggler: Caller) -> dict[str, bytes]:
    """The bodies of the test requests, by name.

    In some bodies, many empty lines precede a request or a query. A parser that wrongly begins to read inside the body skips empty lines, so it finds
    the request wherever it begins.
    """
    query, request = orjson.dumps({"query": ME}), smuggled(smuggler)
    return {
        "a query": query,
        "a request": request,
        "a query that holds a request": orjson.dumps({"query": ME, "variables": {"x": request.decode()}}),
        "a request behind 18 KB": b"\r\n" * 9_000 + request,
        "a query behind 28 KB": b"\r\n" * 14_000 + query,
    }
