"""How many connections that last there may be: WebSockets and event streams together."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from domain.caller import Caller

MOST_ARRIVING = 1000
MOST_ARRIVING_FROM_ADDRESS = 200
# One subscriber's line has a whole network of IPv6 addresses, this long.
LINE_BITS = 64


class Crowded(Exception):
    """There are as many connections as there may be; later there may be room."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many there may be: in all, of one address, and of one subject within its workspace."""

    sockets: int
    per_address: int
    per_subject: int


class Admission:
    """Counts the connections of the process. What is asked once, by HTTP, is none of them and has always room."""

    def __init__(self, capacity: Capacity, refused: Callable[[str], None]) -> None:
        self._capacity = capacity
        self._refused = refused
        self._open: Counter[Hashable] = Counter()

    @contextmanager
    def arriving(self, address: str) -> Iterator[None]:
        """A connection that has not introduced itself takes nobody else's place. Raises: Crowded."""
        with self._counted("arrivals", None, MOST_ARRIVING), self._counted("arrivals", line(address), MOST_ARRIVING_FROM_ADDRESS):
            yield

    @contextmanager
    def connected(self, address: str) -> Iterator[None]:
        """A connection from this address counts for as long as the context lasts. Raises: Crowded."""
        with self._counted("sockets", None, self._capacity.sockets), self._counted("address", line(address), self._capacity.per_address):
            yield

    @contextmanager
    def introduced(self, caller: Caller) -> Iterator[None]:
        """A connection of this caller counts for as long as the context lasts. Raises: Crowded."""
        # A follow token has the name that its chain has; any other token may have taken the same.
        with self._counted("subject", (caller.workspace, caller.subject, caller.chain), self._capacity.per_subject):
            yield

    @contextmanager
    def _counted(self, kind: str, whose: Hashable, most: int) -> Iterator[None]:
        key = (kind, whose)
        if self._open[key] >= most:
            self._refused(kind)
            raise Crowded(f"at most {most} {TOLD[kind]} at a time; try again later")
        self._open[key] += 1
        try:
            yield
        finally:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]


TOLD = {
    "arrivals": "sockets before their connection_init",
    "sockets": "sockets and event streams",
    "address": "sockets and event streams of one address",
    "subject": "sockets and event streams of one subject",
}


def line(address: str) -> str:
    """What stands for all addresses of one line: an IPv4 address itself, the network of an IPv6 address."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return address
    return str(known.ipv4_mapped or ip_network((int(known), LINE_BITS), strict=False))
