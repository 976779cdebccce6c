"""The names under which a gateway in development answers."""

from collections.abc import Callable, Collection
from ipaddress import ip_address

from starlette.types import Scope

from gateway.transports.requests import values
from gateway.transports.responses import Answer, sized

FOREIGN = b"in development, the gateway answers to addresses, localhost, and the names in --host and GATEWAY_PUBLIC_URL\n"


class Hosts:
    """Refuses requests for other names than those of this machine.

    The page at `/` shows tokens. Another site could have its own name lead here (DNS rebinding), and its pages would be of the same origin then.
    """

    def __init__(self, names: Collection[str], refused: Callable[[str], None]) -> None:
        self._names = frozenset(name.lower() for name in ("localhost", *names))
        self._refused = refused

    def __call__(self, scope: Scope) -> Answer | None:
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
