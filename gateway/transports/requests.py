"""The headers of a request, its client's address, and the id by which the logs identify it."""

import re

from starlette.requests import HTTPConnection
from starlette.types import Scope
from uuid_utils import uuid7

from gateway.process.logs import REQUEST_ID
from gateway.transports.responses import add_header

HEADER = b"x-request-id"
# The key under which a scope caches its headers by name.
HEADERS = "gateway.headers"
SAFE = re.compile(rb"[A-Za-z0-9._-]{8,64}")


def identify(scope: Scope) -> None:
    """Give a request its id, and send the id in the response. The client's own id is used if it is safe to log."""
    sent_id = headers(scope).get(HEADER)
    id = scope["request_id"] = sent_id.decode() if sent_id and SAFE.fullmatch(sent_id) else uuid7().hex
    add_header(scope, HEADER, id.encode())
    REQUEST_ID.set(id)


def headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers of a request by name. If a header is repeated, its first value counts."""
    by_name: dict[bytes, bytes] | None = scope.get(HEADERS)
    if by_name is None:
        by_name = dict(reversed(scope["headers"]))
        # A socket is open for a long time, and would keep them in memory.
        if scope["type"] == "http":
            scope[HEADERS] = by_name
    return by_name


def values(scope: Scope, name: bytes) -> list[bytes]:
    """All values of a header."""
    return [value for each, value in scope["headers"] if each == name] if name in headers(scope) else []


def client_address(connection: HTTPConnection) -> str:
    """The client's IP address: the other end of the connection, or the address that a trusted proxy reports."""
    return connection.client.host if connection.client else ""


def request_id(connection: HTTPConnection) -> str:
    """The id of a request or a socket."""
    id: str = connection.scope["request_id"]
    return id
