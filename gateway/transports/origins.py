"""Whose pages may speak with the gateway out of a browser, and read what it answers."""

import re
from collections.abc import Callable, Collection
from ipaddress import ip_address

import orjson
from pydantic import AnyHttpUrl
from starlette.types import Scope

from gateway.errors import error
from gateway.transports.requests import values
from gateway.transports.responses import Header, Response, add_header, sized

# The only place that pages of other origins have something to read at.
SHARED = "/graphql"
PREFLIGHT: list[Header] = [
    (b"access-control-allow-methods", b"GET, POST"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, last-event-id, x-request-id, "
        b"apollographql-client-name, apollographql-client-version, apollo-require-preflight",
    ),
    (b"access-control-max-age", b"7200"),
]
LOCAL = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?")
PORTS = {"http": "80", "https": "443"}
REFUSED = {"errors": [error("FORBIDDEN", "pages of this origin may not ask here; GATEWAY_ALLOWED_ORIGINS names those that may")]}


class Origins:
    """Refuses what pages of other origins ask, before a token or a body is looked at. Who names no origin is not a page, and passes.

    On a developer's machine (`local`) pages from any of its ports pass, and the gateway's own by whatever name they were opened: see `Hosts`.
    Source: Fetch, 3.2 (`Origin`) and 3.3 (CORS).
    """

    def __init__(self, allowed: Collection[str], refused: Callable[[str], None], local: bool = False) -> None:
        self._allowed = frozenset(allowed)
        self._refused = refused
        self._local = local

    def __call__(self, scope: Scope) -> Response | None:
        """What a request is answered with by this alone: a refusal, or what a browser asks before the request itself."""
        origins = values(scope, b"origin")
        if not all(self._passes(origin.decode("latin-1"), scope) for origin in origins):
            self._refused("origin")
            return sized(403, "application/json; charset=utf-8", orjson.dumps(REFUSED))
        if scope["type"] == "http" and scope["path"] == SHARED:
            share(scope, origins[0] if origins else None)
            if origins and scope["method"] == "OPTIONS" and values(scope, b"access-control-request-method"):
                return Response(204, PREFLIGHT, b"")
        return None

    def _passes(self, origin: str, scope: Scope) -> bool:
        if origin in self._allowed:
            return True
        return self._local and (
            LOCAL.fullmatch(origin) is not None or origin in (f"http://{host.decode('latin-1')}" for host in values(scope, b"host"))
        )


def share(scope: Scope, origin: bytes | None) -> None:
    """Have pages of an origin read the answer."""
    add_header(scope, b"vary", b"origin")
    if origin is not None:
        add_header(scope, b"access-control-allow-origin", origin)
        add_header(scope, b"access-control-expose-headers", b"x-request-id, retry-after")


def parsed(text: str) -> tuple[str, ...]:
    """The origins in a text, separated by commas, as browsers write them. Raises: ValueError."""
    origins = []
    for part in text.split(","):
        if not part.strip():
            continue
        found = ORIGIN.fullmatch(part.strip().lower())
        if not found:
            raise ValueError("must be origins such as https://app.example.com, with neither path nor wildcard, separated by commas")
        origins.append(_written(found["scheme"], found["host"], found["port"]))
    return tuple(origins)


def origin_of(url: AnyHttpUrl) -> str:
    """The origin of an address."""
    return _written(url.scheme, url.host or "", str(url.port))


def _written(scheme: str, host: str, port: str | None) -> str:
    """An origin as browsers write it: without a port that goes without saying. (HTML, 7.1.1)"""
    return f"{scheme}://{host}" if port in (None, PORTS[scheme]) else f"{scheme}://{host}:{port}"


FOREIGN = b"in development, the gateway answers to addresses, localhost, and the names in --host and GATEWAY_PUBLIC_URL\n"


class Hosts:
    """Refuses requests for other names than those of this machine.

    The page at `/` shows tokens. Another site could have its own name lead here (DNS rebinding), and its pages would be of the same origin then.
    """

    def __init__(self, names: Collection[str], refused: Callable[[str], None]) -> None:
        self._names = frozenset(name.lower() for name in ("localhost", *names))
        self._refused = refused

    def __call__(self, scope: Scope) -> Response | None:
        """What a request is refused with, if it is."""
        if all(self._own(host.decode("latin-1")) for host in values(scope, b"host") or [b""]):
            return None
        self._refused("host")
        return sized(400, "text/plain; charset=utf-8", FOREIGN)

    def _own(self, host: str) -> bool:
        name = host_name(host)
        return name in self._names or is_address(name)


def host_name(host: str) -> str:
    """The name in a `Host` header, without the port, and of an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def is_address(name: str) -> bool:
    """Whether a name is an IP address, which nobody can have lead elsewhere."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
