"""Generates streams from a seed. A stream is the requests that a client sends on one connection. Many of these requests are faulty."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

# A marker identifies a request. It is part of the request's target and of its `X-Request-Id`, and contains the index of the stream, a letter, and the
# number of the request in the stream. The letter is `r` for a request of the stream itself, `b` for a request that is hidden inside a body.
MARKER = re.compile(rb"s[0-9]{7}[rb][0-9]")
# A placeholder that the client replaces with a valid token. Streams contain no real token, so that they depend only on the seed.
TOKEN = b"TOKEN"
QUERY = b'{"query": "{ __typename }"}'

PATHS = (b"/livez", b"/nowhere", b"/graphql")
METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"OPTIONS", b"DELETE", b"TRACE", b"CONNECT", b"get", b"QUERY", b"PRI")
VERSIONS = (b"HTTP/1.0", b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/1.10", b"http/1.1", b"HTTP/1.1 ", b"", b"RTSP/1.0")
LENGTHS = (b"", b"0", b"+%d", b"-%d", b"0x%x", b"00%d", b"%d ", b"\t%d", b"%d, %d", b"%d %d", b"%d.0", b"4294967296", b"18446744073709551616", b"%d;")
CODINGS = (
    *(
        b"chunked",
        b"Chunked",
        b"chunked ",
        b"\tchunked",
        b"chunked\t",
        b"xchunked",
        b"identity",
        b"gzip, chunked",
        b"chunked, chunked",
        b"chunked, gzip",
    ),
    *(b"chunked;q=1", b'"chunked"', b"", b"chunked,", b",chunked", b"\x0bchunked", b"chunked\x80", b"cow"),
)
CONNECTIONS = (
    b"close",
    b"keep-alive",
    b"upgrade",
    b"close, upgrade",
    b"content-length",
    b"transfer-encoding",
    b"host",
    b"x-request-id",
    b"keep-alive, close",
)
OFFERS = (b"h2c", b"websocket", b"WebSocket", b"TLS/1.0", b"h2c, websocket", b"", b"foo/1")
HOSTS = (b"", b"gateway:80", b"a, b", b"a b", b"a@b", b"a/b", b"\x80", b"[::1]")
TARGETS = (b"http://gateway%b", b"http://other%b", b"%b#a", b"/%b", b"/a b%b", b"/\t%b", b"/\x80%b", b"/%%0d%%0a%b", b"/./..%b", b"a%b")
LINES = (
    *(
        b"x : 1",
        b" x: 1",
        b"x\t: 1",
        b"x",
        b": 1",
        b"x: \0",
        b"x: a\rb",
        b"x\0: 1",
        b"x: \x80",
        b"x_y: 1",
        b"content_length: 3",
        b"transfer_encoding: chunked",
    ),
    *(
        b"content-length : 3",
        b"transfer-encoding : chunked",
        b"x: 1\r\n content-length: 3",
        b"x: 1\ntransfer-encoding: chunked",
        b"expect: 100-continue",
    ),
    *(b"te: trailers", b"http2-settings: AAMAAABk", b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", b"sec-websocket-version: 13", b"x: 1\r"),
    *(
        b"proxy-connection: close",
        b"proxy-connection: upgrade",
        b"keep-alive: timeout=1",
        b"x-http-method-override: PUT",
        b"max-forwards: 0",
        b"trailer: x",
    ),
)
SIZES = (b"%x", b"%X", b"00%x", b"+%x", b"0x%x", b" %x", b"%x ", b"%x;a=b", b'%x;a="b"', b"%x;a\nb", b"%x\t", b"1%016x", b"-%x", b"")
ENDS = (b"\r\n", b"\n", b"\r", b"\r\r\n", b"")
TRAILERS = (
    *(
        b"x: 1",
        b"content-length: 3",
        b"transfer-encoding: chunked",
        b"connection: close",
        b"connection: upgrade\r\nupgrade: h2c",
        b"host: other",
        b"x : 1",
    ),
    *(b"x", b"x: 1\r\n y", b"x: \0"),
)
# The range of the lengths of large bodies. nginx has a buffer of 16 KiB, and forwards only longer requests in two parts.
LARGE = (18_000, 28_000)


@dataclass(slots=True)
class Request:
    """A request in separate parts, which mutations can change. `ends`: the bytes that end the last header line."""

    method: bytes
    target: bytes
    version: bytes
    host: list[bytes]
    lines: list[bytes]
    body: bytes = b""
    length: list[bytes] = field(default_factory=list)
    coding: list[bytes] = field(default_factory=list)
    ends: bytes = b"\r\n"

    def head(self) -> bytes:
        """The bytes of the request's head."""
        lines = [*(b"host: " + host for host in self.host), *self.lines]
        lines += [b"content-length: " + length for length in self.length]
        lines += [b"transfer-encoding: " + coding for coding in self.coding]
        request_line = b" ".join(filter(None, (self.method, self.target, self.version)))
        return request_line + b"\r\n" + b"".join(line + b"\r\n" for line in lines[:-1]) + b"".join(line + self.ends for line in lines[-1:]) + b"\r\n"


Mutation = Callable[[Random, Request], None]


def stream(seed: int, index: int) -> list[bytes]:
    """Generate one stream, as the segments in which the client sends it. The same seed and index give the same stream."""
    random = Random(f"{seed}:{index}")
    parts: list[bytes] = []
    for number in range(random.randint(1, 3)):
        parts += faulty(random, b"s%07d" % index, number)
    if random.random() < 0.15:
        parts = [flipped(random, part) for part in parts]
    cut = random.random()
    if cut < 0.3:
        return parts
    whole = b"".join(parts)
    if cut < 0.6:
        return [whole]
    places = sorted(random.randrange(len(whole) + 1) for _ in range(random.randint(1, 3)))
    return [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True) if start < end]


def faulty(random: Random, prefix: bytes, number: int) -> list[bytes]:
    """Generate a request with up to two mutations (see the functions at the end of this file). Returns its head, and its body if it has one.

    `prefix`: the beginning of its marker. `number`: the number of the request in its stream.
    """
    request = plain(random, prefix + b"r%d" % number)
    chunked = body(random, request, prefix + b"b%d" % number)
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        random.choice(MUTATIONS)(random, request)
    content = chunks(random, request.body) if chunked else request.body
    return [part for part in (b"\r\n" * (random.random() < 0.05) + request.head(), content) if part]


def plain(random: Random, marker: bytes) -> Request:
    """Generate a request without faults and without a body, which mutations then change."""
    target = random.choice(PATHS) + b"?" + marker
    request = Request(random.choice((b"GET", b"POST")), target, b"HTTP/1.1", [b"gateway"], [b"x-request-id: " + marker])
    if random.random() < 0.3:
        request.lines.append(b"authorization: Bearer " + TOKEN)
    if request.method == b"POST":
        request.lines.append(b"content-type: application/json")
    return request


def body(random: Random, request: Request, marker: bytes) -> bool:
    """Add a body to a request. Some GET requests get no body. Returns whether the body is in chunks.

    `marker`: the marker of the request that most bodies contain, to show if the gateway parses a body as a request.
    """
    if request.method == b"GET" and random.random() < 0.6:
        return False
    inner = plain(random, marker).head()
    request.body = random.choice((QUERY, inner, inner, inner, inner + inner))
    if random.random() < 0.04:
        # Parsers skip empty lines before a request. A parser that wrongly reads any part of this body as a request therefore finds the inner request.
        request.body = b"\r\n" * (random.randint(*LARGE) // 2) + request.body
    if chunked := random.random() < 0.5:
        request.coding = [b"chunked"]
    else:
        request.length = [b"%d" % len(request.body)]
    return chunked


def chunks(random: Random, content: bytes) -> bytes:
    """Encode a body in one or two chunks. Rarely, their framing has faults."""
    cut = random.randrange(len(content) + 1) if random.random() < 0.3 else 0
    sent = b"".join(sized(random, part) for part in (content[:cut], content[cut:]) if part)
    sent += b"0" + rarely(random, ENDS)
    if random.random() < 0.15:
        sent += random.choice(TRAILERS) + b"\r\n"
    return sent + rarely(random, ENDS)


def sized(random: Random, part: bytes) -> bytes:
    """Encode one chunk. Rarely, its size or its line ends have faults."""
    size = rarely(random, SIZES)
    return (size % len(part) if b"%" in size else size) + rarely(random, ENDS) + part + rarely(random, ENDS)


def rarely(random: Random, choices: tuple[bytes, ...]) -> bytes:
    """Returns the first choice in 95 % of all cases, otherwise any of the choices."""
    return random.choice(choices) if random.random() < 0.05 else choices[0]


def flipped(random: Random, part: bytes) -> bytes:
    """Change, add or remove one byte of a part of a request. If the byte belongs to a marker, the part is returned unchanged."""
    place = random.randrange(min(len(part), 400))
    if any(found.start() <= place <= found.end() for found in MARKER.finditer(part)):
        return part
    return part[:place] + random.choice((b"", b"\0", b"\r", b"\n", b" ", b":", b"\t", b"\xff", part[place : place + 1] * 2)) + part[place + 1 :]


def other_length(random: Random, request: Request) -> None:
    """A mutation: a content length that is wrong, repeated, or written in an unusual way. It replaces the correct length or is added to it."""
    written = random.choice(LENGTHS)
    length = written % ((len(request.body),) * written.count(b"%")) if b"%" in written else written
    near = b"%d" % max(0, len(request.body) + random.choice((-10, -1, 1, 10, 40)))
    chosen = random.choice((length, length, near, b"%d" % len(request.body)))
    request.length = random.choice(([chosen], [chosen, *request.length], [*request.length, chosen]))


def other_coding(random: Random, request: Request) -> None:
    """A mutation: a transfer coding that is unknown, repeated, or written in an unusual way. It replaces the correct coding or is added to it."""
    chosen = random.choice(CODINGS)
    request.coding = random.choice(([chosen], [chosen, *request.coding], [*request.coding, chosen]))


def other_host(random: Random, request: Request) -> None:
    """A mutation: no `Host` header, another host, or two `Host` headers."""
    request.host = random.choice(([], [random.choice(HOSTS)], [*request.host, random.choice((*request.host, *HOSTS, b"other"))]))


def offer(random: Random, request: Request) -> None:
    """A mutation: an offer to upgrade to another protocol."""
    request.lines += [b"upgrade: " + random.choice(OFFERS), b"connection: " + random.choice((b"upgrade", b"Upgrade", *CONNECTIONS))]
    if random.random() < 0.2:
        request.lines += [b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", b"sec-websocket-version: 13"]


def other_connection(random: Random, request: Request) -> None:
    """A mutation: an additional `Connection` header."""
    request.lines.append(b"connection: " + random.choice(CONNECTIONS))


def other_line(random: Random, request: Request) -> None:
    """A mutation: an additional header line, which may be malformed."""
    request.lines.insert(random.randrange(len(request.lines) + 1), random.choice(LINES))


def other_method(random: Random, request: Request) -> None:
    """A mutation: another method, with the same body."""
    request.method = random.choice(METHODS)


def other_target(random: Random, request: Request) -> None:
    """A mutation: a target in another form that contains the original target."""
    request.target = random.choice(TARGETS) % request.target


def other_version(random: Random, request: Request) -> None:
    """A mutation: another version of HTTP, or another protocol."""
    request.version = random.choice(VERSIONS)


def other_end(random: Random, request: Request) -> None:
    """A mutation: another end of the last header line, such as LF alone."""
    request.ends = random.choice(ENDS)


MUTATIONS: tuple[Mutation, ...] = (
    *(other_length, other_length, other_coding, other_coding, offer, offer, other_line, other_line),
    *(other_host, other_connection, other_method, other_target, other_version, other_end),
)
