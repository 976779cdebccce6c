"""What is true of every request: an id to find it by in the logs, and no more of it there than that."""

import re

from starlette.requests import HTTPConnection
from starlette.types import Scope
from uuid_utils import uuid7

from gateway.process.logs import REQUEST_ID
from gateway.transports.responses import add_header

HEADER = b"x-request-id"
# Where a scope keeps what was found out of its headers.
HEADERS = "gateway.headers"
SAFE = re.compile(rb"[A-Za-z0-9._-]{8,64}")


def identify(scope: Scope) -> None:
    """Give a request an id, the one that it came with where that is safe to log, and answer with it."""
    given = headers(scope).get(HEADER)
    id = scope["request_id"] = given.decode() if given and SAFE.fullmatch(given) else uuid7().hex
    add_header(scope, HEADER, id.encode())
    REQUEST_ID.set(id)


def headers(scope: Scope) -> dict[bytes, bytes]:
    """The headers of a request by their names; of one that stands there more than once, the first counts."""
    known: dict[bytes, bytes] | None = scope.get(HEADERS)
    if known is None:
        known = dict(reversed(scope["headers"]))
        # A socket lasts for long, and would keep them that long.
        if scope["type"] == "http":
            scope[HEADERS] = known
    return known


def values(scope: Scope, name: bytes) -> list[bytes]:
    """All values of a header."""
    return [value for each, value in scope["headers"] if each == name] if name in headers(scope) else []


def client_address(connection: HTTPConnection) -> str:
    """Where a request comes from: the other end of its connection, or what a proxy that is trusted says of it."""
    return connection.client.host if connection.client else ""


def request_id(connection: HTTPConnection) -> str:
    """The id of a request or a socket."""
    id: str = connection.scope["request_id"]
    return id
