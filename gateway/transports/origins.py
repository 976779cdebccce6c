"""Hooks that refuse requests because of their `Origin` or `Host` header, and the CORS headers that let pages of allowed origins read responses."""

import re
from collections.abc import Callable, Collection, Sequence
from ipaddress import ip_address

import orjson
from pydantic import AnyHttpUrl
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from gateway.errors import error
from gateway.transports.requests import header_values
from gateway.transports.responses import Header, Response, add_header, sized

# The only path whose responses pages of other origins may read, if their origin is allowed.
SHARED_PATH = "/graphql"
# The headers that pages of other origins may send by default: those that the gateway reads, those of Apollo's clients, those with which tracing
# libraries mark requests (W3C Trace Context and Baggage, Sentry), and that with which a page bypasses the browser's cache.
DEFAULT_HEADERS = (
    "authorization",
    "content-type",
    "last-event-id",
    "x-request-id",
    "apollographql-client-name",
    "apollographql-client-version",
    "apollo-require-preflight",
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
    "cache-control",
)
HEADER_NAME = re.compile(r"[a-z0-9!#$%&'+.^_`|~-]+", re.ASCII)
LOCAL = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?")
PORTS = {"http": "80", "https": "443"}
REFUSED = {"errors": [error("FORBIDDEN", "pages of this origin may not send requests; add the origin to GATEWAY_ALLOWED_ORIGINS to allow it")]}


class Origins:
    """A hook that refuses requests from pages of other origins, before the token or the body of the request is read.

    A request without the header `Origin` does not come from a page of another origin, and passes.
    On a developer's machine (`local`), requests from pages of any port of that machine pass. The gateway's own pages pass under every host name that
    the hook `Hosts` accepts.
    `headers`: the names of the headers that pages of other origins may send.
    `public`: the routes that pages of every origin may request. Browsers let only pages of the gateway's own address use the responses.
    Source: Fetch, 3.2 (`Origin`) and 3.3 (CORS).
    """

    def __init__(
        self,
        allowed: Collection[str],
        refused: Callable[[str], None],
        local: bool = False,
        headers: Collection[str] = DEFAULT_HEADERS,
        public: Sequence[BaseRoute] = (),
    ) -> None:
        self._allowed = frozenset(allowed)
        self._refused = refused
        self._local = local
        self._public = public
        self._preflight: list[Header] = [
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", ", ".join(headers).encode()),
            (b"access-control-max-age", b"7200"),
        ]

    def __call__(self, scope: Scope) -> Response | None:
        """Returns a refusal, or the response to a preflight request. Returns None if the request passes."""
        origins = header_values(scope, b"origin")
        if not all(self._passes(origin.decode("latin-1"), scope) for origin in origins) and not self._is_public(scope):
            self._refused("origin")
            return sized(403, "application/json; charset=utf-8", orjson.dumps(REFUSED))
        if scope["type"] == "http" and scope["path"] == SHARED_PATH:
            share(scope, origins[0] if origins else None)
            if origins and scope["method"] == "OPTIONS" and header_values(scope, b"access-control-request-method"):
                return Response(204, self._preflight, b"")
        return None

    def _is_public(self, scope: Scope) -> bool:
        return scope["type"] == "http" and any(route.matches(scope)[0] is Match.FULL for route in self._public)

    def share_refusal(self, scope: Scope) -> None:
        """A hook that lets pages of allowed origins read the response to a request that the connection itself refuses."""
        origins = header_values(scope, b"origin")
        if scope["path"] == SHARED_PATH and origins and all(self._passes(origin.decode("latin-1"), scope) for origin in origins):
            share(scope, origins[0])

    def _passes(self, origin: str, scope: Scope) -> bool:
        if origin in self._allowed:
            return True
        return self._local and (
            LOCAL.fullmatch(origin) is not None or origin in (f"http://{host.decode('latin-1')}" for host in header_values(scope, b"host"))
        )


def share(scope: Scope, origin: bytes | None) -> None:
    """Add headers to the response that let pages of this origin read it. If the request has no `Origin` (None), only the header `Vary` is added."""
    add_header(scope, b"vary", b"origin")
    if origin is not None:
        add_header(scope, b"access-control-allow-origin", origin)
        add_header(scope, b"access-control-expose-headers", b"x-request-id, retry-after")


def parsed(text: str) -> tuple[str, ...]:
    """Parses origins that are separated by commas. Returns them in the form that browsers send. Raises: ValueError."""
    origins = []
    for part in text.split(","):
        if not part.strip():
            continue
        found = ORIGIN.fullmatch(part.strip().lower())
        if not found:
            raise ValueError("must be origins such as https://app.example.com, with neither path nor wildcard, separated by commas")
        origins.append(_serialized(found["scheme"], found["host"], found["port"]))
    return tuple(origins)


def header_names(text: str) -> tuple[str, ...]:
    """Parses names of headers that are separated by commas. Returns them in lower case. Raises: ValueError."""
    names = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    if not all(HEADER_NAME.fullmatch(name) for name in names):
        raise ValueError("must be names of headers such as traceparent, with no wildcard, separated by commas")
    return names


def origin_of(url: AnyHttpUrl) -> str:
    """The origin of a URL, in the form that browsers send."""
    return _serialized(url.scheme, url.host or "", str(url.port))


def _serialized(scheme: str, host: str, port: str | None) -> str:
    """An origin in the form that browsers send, which omits the default port of the scheme. Source: WHATWG HTML, 7.1.1."""
    return f"{scheme}://{host}" if port in (None, PORTS[scheme]) else f"{scheme}://{host}:{port}"


FOREIGN = b"in development, the gateway answers to addresses, localhost, and the names in --host and GATEWAY_PUBLIC_URL\n"


class Hosts:
    """A hook that refuses requests whose header `Host` is not a host name of this machine. Only `gateway dev` uses it.

    In development, the page at `/` shows tokens. Another site could let its own host name resolve to this machine (DNS rebinding). The site's pages
    would then have the same origin as the gateway's page, and could read the tokens.
    """

    def __init__(self, names: Collection[str], refused: Callable[[str], None]) -> None:
        self._names = frozenset(name.lower() for name in ("localhost", *names))
        self._refused = refused

    def __call__(self, scope: Scope) -> Response | None:
        """Returns the refusal, or None if the request passes."""
        if all(self._own(host.decode("latin-1")) for host in header_values(scope, b"host") or [b""]):
            return None
        self._refused("host")
        return sized(400, "text/plain; charset=utf-8", FOREIGN)

    def _own(self, host: str) -> bool:
        name = host_name(host)
        return name in self._names or is_address(name)


def host_name(host: str) -> str:
    """The host name in a `Host` header, without the port, and without the brackets around an IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def is_address(name: str) -> bool:
    """Whether a host name is an IP address. Addresses are safe from DNS rebinding, because they are not resolved."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
