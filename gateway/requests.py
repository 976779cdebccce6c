"""What is true of every request: an id to find it by in the logs, and no more of it there than that."""

import re

import structlog
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from uuid_utils import uuid7

from gateway.headers import tell

HEADER = b"x-request-id"
SAFE = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIds:
    """Gives each request an id, the one that it came with where that is safe to log, and answers with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            given = next((value for name, value in scope["headers"] if name == HEADER), b"").decode("latin-1")
            id = scope["request_id"] = given if SAFE.fullmatch(given) else uuid7().hex
            tell(scope, HEADER, id.encode())
            # Each request has a task of its own, and with it this variable.
            structlog.contextvars.bind_contextvars(request_id=id)
        await self._app(scope, receive, send)


def client_address(connection: HTTPConnection) -> str:
    """Where a request comes from: the other end of its connection, or what a proxy that is trusted says of it."""
    return connection.client.host if connection.client else ""


def request_id(connection: HTTPConnection) -> str:
    """The id of a request or a socket."""
    id: str = connection.scope["request_id"]
    return id
