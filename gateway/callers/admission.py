"""Limits of the number of long-lived connections: WebSockets and event streams together."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from domain.caller import Caller

MAX_ARRIVING = 1000
MAX_ARRIVING_FROM_ADDRESS = 200
# One subscriber line is usually assigned a whole IPv6 network with a prefix of this length.
LINE_BITS = 64
NOUNS = {
    "arrivals": "sockets before their connection_init",
    "sockets": "sockets and event streams",
    "address": "sockets and event streams of one address",
    "subject": "sockets and event streams of one subject",
}


# What a connection counts against: the kind of limit, the holder within that kind, and the maximum number of connections.
Place = tuple[str, Hashable, int]


class Crowded(Exception):
    """The maximum number of connections is open. A later attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The maximum number of connections: in total, of one address, and of one subject within its workspace."""

    sockets: int
    per_address: int
    per_subject: int


class Admission:
    """Counts the long-lived connections of the process. HTTP requests with a single response are not counted and never refused here."""

    def __init__(self, capacity: Capacity, refused: Callable[[str], None]) -> None:
        self._capacity = capacity
        self._refused = refused
        self._open: Counter[Hashable] = Counter()

    def arriving(self, address: str) -> "Places":
        """Count a socket before its connection_init, against limits of its own. Raises: Crowded when the context begins."""
        return self._places(("arrivals", None, MAX_ARRIVING), ("arrivals", line(address), MAX_ARRIVING_FROM_ADDRESS))

    def introduced(self, address: str, caller: Caller) -> "Places":
        """Count a connection of this caller for as long as the context lasts. Raises: Crowded when the context begins."""
        return self._places(
            ("sockets", None, self._capacity.sockets),
            ("address", line(address), self._capacity.per_address),
            # The subject of a follow token is derived from its chain. Another token may have the same subject, so the chain is part of the key.
            ("subject", (caller.workspace, caller.subject, caller.chain), self._capacity.per_subject),
        )

    def _places(self, *places: Place) -> "Places":
        return Places(self._open, self._refused, places)


class Places:
    """The places that a connection takes while the context lasts."""

    __slots__ = ("_open", "_places", "_refused")

    def __init__(self, open: Counter[Hashable], refused: Callable[[str], None], places: tuple[Place, ...]) -> None:
        self._open = open
        self._refused = refused
        self._places = places

    def __enter__(self) -> None:
        for kind, holder, maximum in self._places:
            if self._open[kind, holder] >= maximum:
                self._refused(kind)
                raise Crowded(f"at most {maximum} {NOUNS[kind]} at a time; try again later")
        for kind, holder, _maximum in self._places:
            self._open[kind, holder] += 1

    def __exit__(self, *_: object) -> None:
        for kind, holder, _maximum in self._places:
            self._open[kind, holder] -= 1
            if not self._open[kind, holder]:
                del self._open[kind, holder]

    def become(self, others: "Places") -> None:
        """Take the other places instead of these. Raises: Crowded, in which case nothing has changed."""
        others.__enter__()
        self.__exit__()
        self._places = others._places


def line(address: str) -> str:
    """A key for all addresses of one subscriber line: an IPv4 address itself, or the /64 network of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or ip_network((int(parsed), LINE_BITS), strict=False))
