"""Reads the headers of a request and the address of the client, and gives each request the id by which the logs identify it."""

import re

from starlette.requests import HTTPConnection
from starlette.types import Scope
from uuid_utils import uuid7

from gateway.process.logs import REQUEST_ID
from gateway.transports.responses import Header, add_header

HEADER = b"x-request-id"
# The key under which a scope caches its headers by name.
HEADERS_BY_NAME = "gateway.headers"
# The key under which a scope says, with True, that the client has closed its sending side after this request.
HALF_CLOSED = "gateway.half_closed"
# The key under which the scope of a request that the fast path does not answer holds the `ConnectionPlace` of its connection.
CONNECTION_PLACE = "gateway.connection_place"
SAFE = re.compile(rb"[A-Za-z0-9._-]{8,64}")


def identify(scope: Scope) -> None:
    """A hook that gives a request its id, and adds the id to the response as `X-Request-Id`. The client's own id is used if it is safe to log."""
    sent_id = headers(scope).get(HEADER)
    id = scope["request_id"] = sent_id.decode() if sent_id and SAFE.fullmatch(sent_id) else uuid7().hex
    add_header(scope, HEADER, id.encode())
    REQUEST_ID.set(id)


def headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers of a request by name. The values of a repeated header are joined with commas."""
    by_name: dict[bytes, bytes] | None = scope.get(HEADERS_BY_NAME)
    if by_name is None:
        by_name = dict(scope["headers"])
        if len(by_name) < len(scope["headers"]):
            by_name = dict(joined(scope["headers"]))
        # Do not cache the headers in the scope of a WebSocket: the scope lives for as long as the socket is open, so the cache would take memory for
        # each open socket.
        if scope["type"] == "http":
            scope[HEADERS_BY_NAME] = by_name
    return by_name


def joined(headers: list[Header]) -> list[Header]:
    """Headers in which each name occurs once. The values of a repeated header are joined with commas, in their order.

    So the lines of a list, such as `Accept`, become one list. A header that is no list, such as `Content-Type`, gets a value that is not valid.
    Source: RFC 9110, 5.3.
    """
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return headers if len(values) == len(headers) else [(name, b", ".join(parts)) for name, parts in values.items()]


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """All values of a header, in the order in which the request repeats it."""
    return [value for each, value in scope["headers"] if each == name] if name in headers(scope) else []


def client_address(connection: HTTPConnection) -> str:
    """The client's IP address: that of the other end of the connection, or the address that a trusted proxy reports. Empty if it is unknown."""
    return connection.client.host if connection.client else ""


def request_id(connection: HTTPConnection) -> str:
    """The id of a request, or of the handshake of a WebSocket, by which the logs identify it."""
    id: str = connection.scope["request_id"]
    return id
