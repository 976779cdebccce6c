"""How many connections that last there may be: WebSockets and event streams together."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from domain.caller import Caller

MAX_ARRIVING = 1000
MAX_ARRIVING_FROM_ADDRESS = 200
# One subscriber's line has a whole network of IPv6 addresses, this long.
LINE_BITS = 64


# Of a kind, whose, and how many of those there may be.
Place = tuple[str, Hashable, int]


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

    def arriving(self, address: str) -> "Places":
        """A connection that has not introduced itself takes nobody else's place. Raises: Crowded where the context begins."""
        return self._places(("arrivals", None, MAX_ARRIVING), ("arrivals", line(address), MAX_ARRIVING_FROM_ADDRESS))

    def introduced(self, address: str, caller: Caller) -> "Places":
        """A connection of this caller counts for as long as the context lasts. Raises: Crowded where it begins."""
        return self._places(
            ("sockets", None, self._capacity.sockets),
            ("address", line(address), self._capacity.per_address),
            # A follow token has the name that its chain has; any other token may have taken the same.
            ("subject", (caller.workspace, caller.subject, caller.chain), self._capacity.per_subject),
        )

    def _places(self, *wanted: Place) -> "Places":
        return Places(self._open, self._refused, wanted)


class Places:
    """What a connection counts as while the context lasts."""

    __slots__ = ("_open", "_refused", "_wanted")

    def __init__(self, open: Counter[Hashable], refused: Callable[[str], None], wanted: tuple[Place, ...]) -> None:
        self._open = open
        self._refused = refused
        self._wanted = wanted

    def __enter__(self) -> None:
        for kind, whose, most in self._wanted:
            if self._open[kind, whose] >= most:
                self._refused(kind)
                raise Crowded(f"at most {most} {TOLD[kind]} at a time; try again later")
        for kind, whose, _max in self._wanted:
            self._open[kind, whose] += 1

    def __exit__(self, *_: object) -> None:
        for kind, whose, _max in self._wanted:
            self._open[kind, whose] -= 1
            if not self._open[kind, whose]:
                del self._open[kind, whose]

    def become(self, others: "Places") -> None:
        """Count as something else from now on. Raises: Crowded, and nothing has changed then."""
        others.__enter__()
        self.__exit__()
        self._wanted = others._wanted


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
