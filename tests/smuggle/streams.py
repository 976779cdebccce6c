"""What a client sends on one connection: requests with faults in them, by a seed."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

# In the target and the id of each request, also of those that stand in bodies (b) instead of in the stream itself (r).
MARKER = re.compile(rb"s[0-9]{7}[rb][0-9]")
# Where a valid token is put in before it is sent: streams depend on nothing but the seed.
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
# nginx reads a head into 16 KiB, so that only what is longer leaves it in two parts.
LARGE = (18_000, 28_000)


@dataclass(slots=True)
class Request:
    """A request in the parts that are mutated."""

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
        """The head as it is sent."""
        lines = [*(b"host: " + host for host in self.host), *self.lines]
        lines += [b"content-length: " + length for length in self.length]
        lines += [b"transfer-encoding: " + coding for coding in self.coding]
        request_line = b" ".join(filter(None, (self.method, self.target, self.version)))
        return request_line + b"\r\n" + b"".join(line + b"\r\n" for line in lines[:-1]) + b"".join(line + self.ends for line in lines[-1:]) + b"\r\n"


Mutation = Callable[[Random, Request], None]


def stream(seed: int, index: int) -> list[bytes]:
    """The segments of one stream."""
    random = Random(f"{seed}:{index}")
    parts: list[bytes] = []
    for number in range(random.randint(1, 3)):
        parts += request(random, b"s%07d" % index, number)
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


def request(random: Random, prefix: bytes, number: int) -> list[bytes]:
    """One request, as a head and a body."""
    made = plain(random, prefix + b"r%d" % number)
    chunked = body(random, made, prefix + b"b%d" % number)
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        random.choice(MUTATIONS)(random, made)
    content = chunks(random, made.body) if chunked else made.body
    return [part for part in (b"\r\n" * (random.random() < 0.05) + made.head(), content) if part]


def plain(random: Random, marker: bytes) -> Request:
    """A request without fault."""
    target = random.choice(PATHS) + b"?" + marker
    made = Request(random.choice((b"GET", b"POST")), target, b"HTTP/1.1", [b"gateway"], [b"x-request-id: " + marker])
    if random.random() < 0.3:
        made.lines.append(b"authorization: Bearer " + TOKEN)
    if made.method == b"POST":
        made.lines.append(b"content-type: application/json")
    return made


def body(random: Random, made: Request, marker: bytes) -> bool:
    """Give it a body, or none. Returns whether it is in chunks."""
    if made.method == b"GET" and random.random() < 0.6:
        return False
    inner = plain(random, marker).head()
    made.body = random.choice((QUERY, inner, inner, inner, inner + inner))
    if random.random() < 0.04:
        # Whatever part of it is taken for a request: empty lines before one are skipped.
        made.body = b"\r\n" * (random.randint(*LARGE) // 2) + made.body
    if chunked := random.random() < 0.5:
        made.coding = [b"chunked"]
    else:
        made.length = [b"%d" % len(made.body)]
    return chunked


def chunks(random: Random, content: bytes) -> bytes:
    """A body in chunks, some of which have faults."""
    cut = random.randrange(len(content) + 1) if random.random() < 0.3 else 0
    sent = b"".join(sized(random, part) for part in (content[:cut], content[cut:]) if part)
    sent += b"0" + rarely(random, ENDS)
    if random.random() < 0.15:
        sent += random.choice(TRAILERS) + b"\r\n"
    return sent + rarely(random, ENDS)


def sized(random: Random, part: bytes) -> bytes:
    """One chunk."""
    size = rarely(random, SIZES)
    return (size % len(part) if b"%" in size else size) + rarely(random, ENDS) + part + rarely(random, ENDS)


def rarely(random: Random, choices: tuple[bytes, ...]) -> bytes:
    """Almost always the first of these."""
    return random.choice(choices) if random.random() < 0.05 else choices[0]


def flipped(random: Random, part: bytes) -> bytes:
    """The same with one byte changed, added or removed, but not in a marker."""
    place = random.randrange(min(len(part), 400))
    if any(found.start() <= place <= found.end() for found in MARKER.finditer(part)):
        return part
    return part[:place] + random.choice((b"", b"\0", b"\r", b"\n", b" ", b":", b"\t", b"\xff", part[place : place + 1] * 2)) + part[place + 1 :]


def other_length(random: Random, made: Request) -> None:
    """A length that is wrong or written otherwise, instead of the right one or beside it."""
    written = random.choice(LENGTHS)
    length = written % ((len(made.body),) * written.count(b"%")) if b"%" in written else written
    near = b"%d" % max(0, len(made.body) + random.choice((-10, -1, 1, 10, 40)))
    chosen = random.choice((length, length, near, b"%d" % len(made.body)))
    made.length = random.choice(([chosen], [chosen, *made.length], [*made.length, chosen]))


def other_coding(random: Random, made: Request) -> None:
    """A coding that is unknown or written otherwise, instead of the right one or beside it."""
    chosen = random.choice(CODINGS)
    made.coding = random.choice(([chosen], [chosen, *made.coding], [*made.coding, chosen]))


def other_host(random: Random, made: Request) -> None:
    """No host, another, or two."""
    made.host = random.choice(([], [random.choice(HOSTS)], [*made.host, random.choice((*made.host, *HOSTS, b"other"))]))


def offer(random: Random, made: Request) -> None:
    """An offer of another protocol."""
    made.lines += [b"upgrade: " + random.choice(OFFERS), b"connection: " + random.choice((b"upgrade", b"Upgrade", *CONNECTIONS))]
    if random.random() < 0.2:
        made.lines += [b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", b"sec-websocket-version: 13"]


def other_connection(random: Random, made: Request) -> None:
    """A header that says what becomes of the connection."""
    made.lines.append(b"connection: " + random.choice(CONNECTIONS))


def other_line(random: Random, made: Request) -> None:
    """A header line with a fault."""
    made.lines.insert(random.randrange(len(made.lines) + 1), random.choice(LINES))


def other_method(random: Random, made: Request) -> None:
    """Another method, with the same body."""
    made.method = random.choice(METHODS)


def other_target(random: Random, made: Request) -> None:
    """Another form of the same target."""
    made.target = random.choice(TARGETS) % made.target


def other_version(random: Random, made: Request) -> None:
    """Another version."""
    made.version = random.choice(VERSIONS)


def other_end(random: Random, made: Request) -> None:
    """Another end of the last header line."""
    made.ends = random.choice(ENDS)


MUTATIONS: tuple[Mutation, ...] = (
    *(other_length, other_length, other_coding, other_coding, offer, offer, other_line, other_line),
    *(other_host, other_connection, other_method, other_target, other_version, other_end),
)
