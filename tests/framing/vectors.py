"""Requests that two servers could interpret differently, in classes of faults, and how the gateway must decide about each of them.

The classes are explained in docs/decisions/request-framing.md.
"""

from collections.abc import Iterable
from typing import NamedTuple

# The body of all requests with a body. It is itself a request: if the gateway wrongly parsed it as one, a response with 401 would follow.
BODY = b"GET /graphql?a HTTP/1.1\r\nhost: gateway\r\n\r\n"
# The request that is sent after each vector, to see whether the gateway reads it. If so, the response is 200, and the connection closes.
NEXT = b"GET /livez HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n"

# The gateway's possible decisions about a vector: the statuses of all responses until it closes the connection. 404 is the response to the vector.
READ = (404, 200)  # The vector is answered, and then the next request.
LAST = (404,)  # The vector is answered, and the connection closes. The next request is not read.
REFUSED = (400,)  # The vector is refused, and the connection closes.

LENGTH = b"content-length: %d" % len(BODY)
CHUNKED = b"transfer-encoding: chunked"
HOST = b"host: gateway"
# Control characters. No part of a head may contain them.
CONTROLS = (b"\0", b"\x01", b"\x0b", b"\x0c", b"\x1b", b"\x7f")


class Vector(NamedTuple):
    """A request that two servers could interpret differently. `statuses`: the decision that the gateway must make (READ, LAST or REFUSED)."""

    name: str
    request: bytes
    statuses: tuple[int, ...]


def head(*lines: bytes, method: bytes = b"POST", target: bytes = b"/nowhere", version: bytes = b" HTTP/1.1", host: bytes = HOST) -> bytes:
    """A head with these header lines. The path does not exist, so the response is 404 for every method."""
    return b"\r\n".join([method + b" " + target + version, *([host] if host else []), *lines, b"", b""])


def sized(*lines: bytes, **changed: bytes) -> bytes:
    """A request with these header lines, and with BODY, delimited by `Content-Length`. `changed`: arguments of `head`."""
    return head(*lines, LENGTH, **changed) + BODY


def chunks(
    size: bytes = b"%x" % len(BODY), behind_size: bytes = b"\r\n", behind: bytes = b"\r\n", last: bytes = b"0\r\n", trailers: bytes = b"\r\n"
) -> bytes:
    """The bytes of BODY in one chunk. The arguments replace parts of the framing with other bytes, so that it is unusual or wrong."""
    return size + behind_size + BODY + behind + last + trailers


def coded(*lines: bytes, body: bytes | None = None) -> bytes:
    """A request with these header lines, followed by a body in chunks."""
    return head(*lines) + (chunks() if body is None else body)


def each(decision: tuple[int, ...], requests: Iterable[tuple[bytes, bytes]]) -> list[Vector]:
    """Vectors with the same expected decision. `requests`: for each vector, the bytes that make it special, and the whole request.

    The special bytes become the vector's name.
    """
    return [Vector(repr(part)[2:-1] or "nothing", request, decision) for part, request in requests]


CLASSES: dict[str, list[Vector]] = {
    "header name": [
        *each(REFUSED, ((name, sized(name + b": 1")) for name in (b"x ", b"x\t", b" x", b"\tx", b"x y", b"", b" ", b":x"))),
        *each(REFUSED, ((b"x" + char + b"y", sized(b"x" + char + b"y: 1")) for char in (*CONTROLS, b"\r", b"\n", b"\x80", b"\xa0", b"\xff"))),
        *each(
            REFUSED,
            (
                (b"x" + char + b"y", sized(b"x" + char + b"y: 1"))
                for char in (b"(", b")", b"/", b'"', b"@", b"{", b"}", b",", b";", b"=", b"[", b"\\")
            ),
        ),
        *each(READ, ((name, sized(name + b": 1")) for name in (b"x_y", b"x.y", b"0", b"!#$%&'*+-.^_`|~"))),
        *each(REFUSED, ((line, sized(line)) for line in (b"x", b"x y", b"content-length 3", b"\xef\xbb\xbfx"))),
    ],
    "name of a length with characters around it": [
        *each(
            REFUSED,
            (
                (name, head(name + b": %d" % len(BODY)) + BODY)
                for name in (b"content-length ", b" content-length", b"content-length\t", b"\x01content-length")
            ),
        ),
        *each(
            REFUSED,
            (
                (name, coded(name + b": chunked"))
                for name in (b"transfer-encoding ", b" transfer-encoding", b"transfer- encoding", b"\0transfer-encoding", b"transfer-encoding\x88")
            ),
        ),
        *each(REFUSED, ((name.encode(), coded(name.encode() + b": chunked")) for name in ("tran\u017ffer-encoding", "transfer\u2010encoding"))),
        *each(REFUSED, ((name, sized(name + b": 3")) for name in (b"content-length ", b"\rcontent-length"))),
    ],
    "name that only resembles a length": [
        *each(READ, ((name, sized(name + b": chunked")) for name in (b"transfer_encoding", b"transfer--encoding", b"x-transfer-encoding", b"te"))),
        *each(READ, ((name, coded(CHUNKED, name + b": 3")) for name in (b"content_length", b"content--length", b"x-content-length"))),
        Vector("a length that is not one, and no body", head(b"content_length: 3"), READ),
    ],
    "header value": [
        *each(REFUSED, ((b"a" + char + b"b", sized(b"x: a" + char + b"b")) for char in (*CONTROLS, b"\r", b"\n"))),
        *each(REFUSED, ((line, sized(line)) for line in (b"x: \0", b"x: a\0", b"x: a\r", b"x: a\rcontent-length: 3", b"x: a\n content-length: 3"))),
        *each(READ, ((line, sized(line)) for line in (b"x:", b"x:  ", b"x: a\tb", b"x:a", b"x:\ta \t", b"x: \x80\xa0\xff"))),
    ],
    "folded line": [
        *each(
            REFUSED,
            (
                (lines, sized(lines))
                for lines in (
                    b"x: a\r\n b",
                    b"x: a\r\n\tb",
                    b"x:\r\n a",
                    b"x: a\r\n ",
                    b"x: a\n b",
                    b" x: a\r\nx: a",
                    b"x: a\r\n transfer-encoding: chunked",
                )
            ),
        ),
        Vector("in a length", head(b"content-length: 4\r\n 2") + BODY, REFUSED),
        Vector("in a coding", coded(b"transfer-encoding:\r\n chunked"), REFUSED),
        Vector("before the first header", sized(host=b" x: a\r\n" + HOST), REFUSED),
    ],
    "content-length": [
        *each(
            REFUSED,
            (
                (value, head(b"content-length: " + value) + BODY)
                for value in (
                    b"",
                    b"+42",
                    b"-42",
                    b"0x2a",
                    b"4e1",
                    b"42.0",
                    b"42,42",
                    b"42, 42",
                    b"4 2",
                    b'"42"',
                    b"$42",
                    b"42\x01",
                    b"\x0142",
                    b"42\xa0",
                    b"42;x",
                )
            ),
        ),
        Vector("2 ** 64", head(b"content-length: 18446744073709551616") + BODY, REFUSED),
        Vector("twice the same", sized(LENGTH), REFUSED),
        Vector("two that differ", sized(b"content-length: 3"), REFUSED),
        Vector("two, the first of which is 0", sized(b"content-length: 0"), REFUSED),
        *each(READ, ((value, head(b"content-length:" + value) + BODY) for value in (b"42", b" 42 ", b"\t42\t", b" 0042"))),
        Vector("0", head(b"content-length: 0"), READ),
        Vector("none", head(), READ),
    ],
    "transfer-encoding": [
        *each(
            REFUSED,
            (
                (value, coded(b"transfer-encoding: " + value))
                for value in (
                    *(
                        b"",
                        b"identity",
                        b"gzip",
                        b"gzip, chunked",
                        b"chunked, chunked",
                        b"chunked, gzip",
                        b"chunked,",
                        b",chunked",
                        b"chunked;x",
                        b"chunked;q=1",
                    ),
                    *(
                        b"xchunked",
                        b"chunkedx",
                        b"chunk",
                        b"chunked chunked",
                        b'"chunked"',
                        b"chunked\x01",
                        b"\x0bchunked",
                        b"\0chunked",
                        b"chunked\xa0",
                    ),
                    # RFC 9112 allows a space or a tab after the name of the coding, but the gateway's parser, llhttp, refuses them.
                    *(b"chunked ", b"chunked\t"),
                )
            ),
        ),
        Vector("twice", coded(CHUNKED, CHUNKED), REFUSED),
        Vector("gzip and chunked in two headers", coded(b"transfer-encoding: gzip", CHUNKED), REFUSED),
        Vector("chunked and another in two headers", coded(CHUNKED, b"transfer-encoding: cow"), REFUSED),
        Vector("an empty one first", coded(b"transfer-encoding:", CHUNKED), REFUSED),
        *each(
            READ,
            ((line, coded(line)) for line in (CHUNKED, b"Transfer-Encoding: ChUnKeD", b"transfer-encoding:chunked", b"transfer-encoding:\t chunked")),
        ),
    ],
    "transfer-encoding beside content-length": [
        Vector("coding first", coded(CHUNKED, b"content-length: 3"), REFUSED),
        Vector("length first", coded(b"content-length: 3", CHUNKED), REFUSED),
        Vector("a length of 0", coded(b"content-length: 0", CHUNKED), REFUSED),
        Vector("the body's own length", coded(b"content-length: %d" % len(chunks()), CHUNKED), REFUSED),
        Vector("identity", sized(b"transfer-encoding: identity"), REFUSED),
        Vector("an unknown coding", sized(b"transfer-encoding: xchunked"), REFUSED),
        Vector("both twice", coded(CHUNKED, CHUNKED, LENGTH, LENGTH), REFUSED),
    ],
    "chunk": [
        *each(
            REFUSED,
            (
                (size, coded(CHUNKED, body=chunks(size)))
                for size in (b"", b" 2a", b"2a ", b"+2a", b"-2a", b"0x2a", b"2a_", b"2a\t", b"2a\0", b"2g", b"1" + b"0" * 16)
            ),
        ),
        *each(
            REFUSED,
            ((end, coded(CHUNKED, body=chunks(behind_size=end))) for end in (b"\n", b"\r", b"\r\r\n", b";a\nb\r\n", b";a\rb\r\n", b" ;a\r\n")),
        ),
        *each(REFUSED, ((end, coded(CHUNKED, body=chunks(behind=end))) for end in (b"", b"\n", b"\r", b"x\r\n"))),
        Vector("LF behind the last", coded(CHUNKED, body=chunks(last=b"0\n")), REFUSED),
        Vector("LF behind it all", coded(CHUNKED, body=chunks(trailers=b"\n")), REFUSED),
        *each(READ, ((size, coded(CHUNKED, body=chunks(size))) for size in (b"2a", b"2A", b"0000002a", b"2a;a", b"2a;a=b", b'2a;a="b c"'))),
    ],
    "trailer": [
        *each(
            REFUSED,
            (
                (trailer, coded(CHUNKED, body=chunks(trailers=trailer + b"\r\n\r\n")))
                for trailer in (
                    *(
                        b"content-length: 3",
                        b"transfer-encoding: chunked",
                        b"connection: close",
                        b"proxy-connection: close",
                        b"x: a\r\nconnection: x, close",
                    ),
                    *(b"x y: a", b"x : a", b"x", b": a", b"x: a\r\n b", b"x: a\0", b"x: a\rb", b"x: a\nb: c"),
                )
            ),
        ),
        *each(
            READ,
            (
                (trailer, coded(CHUNKED, body=chunks(trailers=trailer + b"\r\n\r\n")))
                for trailer in (b"x: a", b"host: other", b"connection: keep-alive", b"connection: upgrade\r\nupgrade: h2c", b"content_length: 3")
            ),
        ),
    ],
    "line end": [
        Vector("LF everywhere", sized(LENGTH).replace(b"\r\n", b"\n"), REFUSED),
        Vector("LF behind the request line", b"GET /nowhere HTTP/1.1\n" + HOST + b"\r\n\r\n", REFUSED),
        Vector("LF behind a header", head(HOST + b"\nx: a", host=b""), REFUSED),
        Vector("LF for the empty line", b"GET /nowhere HTTP/1.1\r\n" + HOST + b"\r\n\n", REFUSED),
        Vector("CR for the empty line", b"GET /nowhere HTTP/1.1\r\n" + HOST + b"\r\n\r", REFUSED),
        Vector("CR CR LF", sized(b"x: a\r"), REFUSED),
        Vector("CR behind the request line", b"GET /nowhere HTTP/1.1\r" + HOST + b"\r\n\r\n", REFUSED),
        *each(READ, ((before, before + sized()) for before in (b"\r\n", b"\r\n\r\n", b"\n", b"\r"))),
        *each(REFUSED, ((before, before + sized()) for before in (b" ", b"\t", b"\0", b"\xef\xbb\xbf"))),
    ],
    "version": [
        *each(
            REFUSED,
            (
                (version, sized(version=b" " + version))
                for version in (
                    *(
                        b"HTTP/0.9",
                        b"HTTP/1.2",
                        b"HTTP/2.0",
                        b"HTTP/3.0",
                        b"HTTP/1.10",
                        b"HTTP/01.1",
                        b"HTTP/1",
                        b"HTTP/1,1",
                        b"HTTP/11",
                        b"HTTP/",
                        b"http/1.1",
                    ),
                    *(b"HTTP/1.1 ", b"HTTP/1.1\t", b"HTTP/1.1x", b"HTTP/1.1 HTTP/1.1", b"HTTPS/1.1", b"XTTP/1.1", b"SIP/2.0", b"HTTP/1.\xb9"),
                )
            ),
        ),
        Vector("none, which is HTTP/0.9", head(version=b""), REFUSED),
        Vector("none, and no header", b"GET /nowhere\r\n", REFUSED),
        Vector("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REFUSED),
        Vector("HTTP/1.0", sized(version=b" HTTP/1.0"), LAST),
        Vector("HTTP/1.0 without host", sized(version=b" HTTP/1.0", host=b""), LAST),
        Vector("HTTP/1.0 with keep-alive", sized(b"connection: keep-alive", version=b" HTTP/1.0"), LAST),
        Vector("HTTP/1.0 in chunks", head(CHUNKED, version=b" HTTP/1.0") + chunks(), REFUSED),
        # httptools does not report the name of the protocol, so the gateway treats RTSP as HTTP. This is harmless, because both protocols delimit
        # requests in the same way.
        Vector("RTSP/1.0", sized(version=b" RTSP/1.0"), LAST),
        Vector("RTSP/1.1", sized(version=b" RTSP/1.1"), READ),
    ],
    "method": [
        *each(READ, ((method, sized(method=method)) for method in (b"DELETE", b"OPTIONS", b"PUT", b"PATCH", b"TRACE", b"QUERY"))),
        *each(
            REFUSED,
            (
                (method, sized(method=method))
                for method in (b"post", b"POST\t", b"PO ST", b"PO\0ST", b"GE:T", b"NOBODY", b"bad_method", b"POSTPOST", b"")
            ),
        ),
        *each(REFUSED, ((target, sized(method=b"CONNECT", target=target)) for target in (b"gateway:443", b"/nowhere"))),
    ],
    "body of a GET or HEAD": [
        *each(READ, ((method, sized(method=method)) for method in (b"GET", b"HEAD"))),
        *each(READ, ((method + b" in chunks", head(CHUNKED, method=method) + chunks()) for method in (b"GET", b"HEAD"))),
        *each(READ, ((method + b" of length 0", head(b"content-length: 0", method=method)) for method in (b"GET", b"HEAD"))),
    ],
    "target": [
        *each(
            REFUSED,
            (
                (b"/a" + char + b"b", sized(target=b"/a" + char + b"b"))
                for char in (*CONTROLS, b" ", b"\t", b"\r", b"\n", b"\x80", b"\xff", b"\xc3\xb6")
            ),
        ),
        *each(REFUSED, ((target, sized(target=target)) for target in (b"", b"nowhere", b"?a", b"#a", b"\0/nowhere", b"http:nowhere"))),
        *each(REFUSED, ((target, sized(target=target)) for target in (b"/nowhere#a", b"/nowhere?a#b", b"http://gateway/nowhere#a"))),
        Vector(
            "a request in it",
            b"GET /nowhere\tHTTP/1.1\r\nhost: gateway\r\n\r\nGET\t/graphql HTTP/1.1\r\nhost: gateway\r\n\r\n",
            REFUSED,
        ),
        *each(
            REFUSED,
            (
                (target, sized(target=target))
                for target in (b"http://gateway", b"http://gateway?a", b"http:///nowhere", b"http://gateway:a/nowhere", b"http://gateway:99999/")
            ),
        ),
        *each(
            READ,
            (
                (target, sized(target=target))
                for target in (
                    b"/a%20b",
                    b"/a%0d%0ab",
                    b"/a%00b",
                    b"/a%ffb",
                    b"/a%zz",
                    b"//nowhere",
                    b'/a"<>\\^`{|}',
                    b"/user:pass@a:1/b",
                    b"/a?b=/../c",
                    b"*",
                )
            ),
        ),
        *each(
            READ,
            ((target, sized(target=target)) for target in (b"http://gateway/nowhere", b"http://other/nowhere", b"http://user:pass@gateway/nowhere")),
        ),
        Vector("two spaces before it", sized(target=b" /nowhere"), READ),
        Vector("two spaces behind it", sized(version=b"  HTTP/1.1"), READ),
        Vector("tabs around it", sized(method=b"GET\t/nowhere\tHTTP/1.1", target=b"", version=b""), REFUSED),
    ],
    "host": [
        Vector("none", sized(host=b""), REFUSED),
        Vector("none beside an absolute target", sized(host=b"", target=b"http://gateway/nowhere"), REFUSED),
        Vector("twice the same", sized(HOST), REFUSED),
        Vector("two that differ", sized(b"host: other"), REFUSED),
        Vector("two, of which one is empty", sized(b"host:"), REFUSED),
        *each(
            REFUSED,
            (
                (host, sized(host=b"host: " + host))
                for host in (
                    b"a b",
                    b"a,b",
                    b"a, b",
                    b"a/b",
                    b"a?b",
                    b"a#b",
                    b"u@a",
                    b"a:b",
                    b"a:1:1",
                    b"http://a",
                    b"[::1",
                    b"::1",
                    b'"a"',
                    b"a\\b",
                    b"\xc3\xb6",
                    b"a\tb",
                )
            ),
        ),
        *each(REFUSED, ((line, sized(host=line)) for line in (b"host : gateway", b" host: gateway", b"host", b"h\xc3\xb6st: gateway"))),
        *each(
            READ,
            (
                (host, sized(host=b"host: " + host))
                for host in (b"", b"gateway:8000", b"gateway:", b"[::1]", b"[::1]:80", b"127.0.0.1", b"a_b.example", b"a%20b")
            ),
        ),
    ],
    "connection": [
        *each(
            LAST,
            (
                (value, sized(b"connection: " + value))
                for value in (b"close", b"CLOSE", b"close ", b", close", b"close, keep-alive", b"keep-alive, close", b"close\t, x")
            ),
        ),
        Vector("two", sized(b"connection: keep-alive", b"connection: close"), LAST),
        Vector("of a proxy", sized(b"proxy-connection: close"), LAST),
        Vector("close, in chunks", coded(b"connection: close", CHUNKED), LAST),
        *each(
            READ,
            (
                (value, sized(b"connection: " + value))
                for value in (b"", b"keep-alive", b"closed", b"xclose", b"close x", b"content-length", b"host", b"transfer-encoding")
            ),
        ),
        *each(READ, ((value, sized(b"expect: " + value)) for value in (b"x", b"100-continued"))),
    ],
}
