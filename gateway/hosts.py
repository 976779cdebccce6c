"""The names under which a gateway in development answers."""

from collections.abc import Callable, Collection
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

FOREIGN = "in development, the gateway answers to addresses, localhost, and the names in --host and GATEWAY_PUBLIC_URL\n"


class Hosts:
    """Refuses requests for other names than those of this machine.

    The page at `/` shows tokens. Another site could have its own name lead here (DNS rebinding), and its pages would be of the same origin then.
    """

    def __init__(self, app: ASGIApp, names: Collection[str], refused: Callable[[str], None]) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in ("localhost", *names))
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and not all(map(self._own, Headers(scope=scope).getlist("host") or [""])):
            self._refused("host")
            return await PlainTextResponse(FOREIGN, 400)(scope, receive, send)
        return await self._app(scope, receive, send)

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
