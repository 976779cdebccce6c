"""What is true of every request: an id to find it by in the logs, and no more of it there than that."""

import re
from contextvars import ContextVar

from starlette.requests import HTTPConnection
from starlette.types import Scope
from uuid_utils import uuid7

from gateway.headers import tell

HEADER = b"x-request-id"
SAFE = re.compile(rb"[A-Za-z0-9._-]{8,64}")
# Each request has a task of its own, and with it this variable.
REQUEST_ID: ContextVar[str] = ContextVar("request_id")


def identify(scope: Scope) -> None:
    """Give a request an id, the one that it came with where that is safe to log, and answer with it."""
    given = values(scope, HEADER)
    id = scope["request_id"] = given[0].decode() if given and SAFE.fullmatch(given[0]) else uuid7().hex
    tell(scope, HEADER, id.encode())
    REQUEST_ID.set(id)


def values(scope: Scope, name: bytes) -> list[bytes]:
    """All values of a header."""
    return [value for each, value in scope["headers"] if each == name]


def client_address(connection: HTTPConnection) -> str:
    """Where a request comes from: the other end of its connection, or what a proxy that is trusted says of it."""
    return connection.client.host if connection.client else ""


def request_id(connection: HTTPConnection) -> str:
    """The id of a request or a socket."""
    id: str = connection.scope["request_id"]
    return id
