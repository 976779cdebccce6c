"""Refuses requests with several credentials, because a proxy and the gateway could use different ones of them."""

from collections.abc import Callable, Collection, Mapping

import orjson
from starlette.types import Scope

from gateway.callers.tokens import bearer
from gateway.errors import error
from gateway.transports.requests import headers
from gateway.transports.responses import Response, sized

AUTHORIZATION = "authorization"


class SeveralCredentials(Exception):
    """A client sent several tokens for one socket: in the message `connection_init`, or in this message and in the header of the handshake."""


class Unrepeated:
    """A hook that refuses requests which repeat one of these headers, even with equal values. `names`: the names of the headers, in lower case.

    Source: RFC 9110, 5.3 (only headers that are lists may be repeated); RFC 6750, 3.1 (`invalid_request`).
    """

    def __init__(self, names: Collection[str], refused: Callable[[str], None]) -> None:
        self._names = frozenset(name.encode() for name in names)
        self._refused = refused

    def __call__(self, scope: Scope) -> Response | None:
        """Returns the refusal, or None if the request passes."""
        # Nearly all requests repeat no header at all, and need no search.
        if len(headers(scope)) == len(scope["headers"]):
            return None
        found = [name for name, _ in scope["headers"] if name in self._names]
        if len(found) == len(set(found)):
            return None
        self._refused("credentials")
        repeated = next(name for name in found if found.count(name) > 1).decode()
        return sized(400, "application/json; charset=utf-8", orjson.dumps({"errors": [error("BAD_REQUEST", f"send one {repeated} header")]}))


def socket_authorization(payload: Mapping[str, object], header: str | None) -> str | None:
    """The authorization of a socket: the one in the payload of its `connection_init`, or else the one in the header of its handshake.

    Names in the payload are case-insensitive, as names of headers are. Raises: SeveralCredentials if the payload has two authorizations, or if
    payload and header contain different bearer tokens. A header with another scheme than `Bearer` is accepted, because it may be meant for a proxy.
    """
    found = [value for name, value in payload.items() if name.lower() == AUTHORIZATION and value]
    if not found:
        return header
    authorization = found[0] if isinstance(found[0], str) else None
    in_header = bearer(header or "")
    if len(found) > 1 or (authorization and in_header and in_header != bearer(authorization)):
        raise SeveralCredentials
    return authorization
