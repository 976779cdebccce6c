"""Limits the number of long-lived connections: WebSockets and event streams together."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from domain.caller import Caller

# How many sockets may be open whose clients have not sent connection_init yet: in the process, and from one subscriber line (see `line`).
MAX_ARRIVING = 1000
MAX_ARRIVING_FROM_ADDRESS = 200
# Internet providers usually assign a whole IPv6 network with a prefix of this length to one subscriber line.
LINE_BITS = 64
CONNECTION_NOUNS = {
    "arrivals": "sockets before their connection_init",
    "sockets": "sockets and event streams",
    "address": "sockets and event streams of one address",
    "subject": "sockets and event streams of one subject",
}


# A limit against which a connection counts: the kind of limit (a key of CONNECTION_NOUNS), the address or subject to which it applies (None: the
# whole process), and the maximum number of connections.
Quota = tuple[str, Hashable, int]


class Crowded(Exception):
    """A connection was refused because the maximum number of connections is open already. A later attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The maximum numbers of connections: in total, from one address, and of one subject within its workspace."""

    sockets: int
    per_address: int
    per_subject: int


class Admission:
    """Counts the long-lived connections of the process, and refuses those beyond the limits.

    HTTP requests with a single response are not counted. `refused` is called with the kind of limit for each refused connection.
    """

    def __init__(self, capacity: Capacity, refused: Callable[[str], None]) -> None:
        self._capacity = capacity
        self._refused = refused
        self._open: Counter[Hashable] = Counter()

    @property
    def open(self) -> int:
        """The number of open connections whose token was verified."""
        return self._open["sockets", None]

    @property
    def max_open(self) -> int:
        """The maximum number of open connections whose token was verified."""
        return self._capacity.sockets

    def arriving(self, address: str) -> "Places":
        """Count a socket whose client has not sent connection_init, the message with its token, yet. Such sockets have separate limits.

        Returns a context manager, which counts the socket until it is left. Entering it raises Crowded if a limit is reached.
        """
        return self._places(("arrivals", None, MAX_ARRIVING), ("arrivals", line(address), MAX_ARRIVING_FROM_ADDRESS))

    def introduced(self, address: str, caller: Caller) -> "Places":
        """Count a connection whose token was verified.

        Returns a context manager, which counts the connection until it is left. Entering it raises Crowded if a limit is reached.
        """
        return self._places(
            ("sockets", None, self._capacity.sockets),
            ("address", line(address), self._capacity.per_address),
            # Subjects are counted separately for each chain, because an issuer could issue a token whose subject equals that of a follow token.
            ("subject", (caller.workspace, caller.subject, caller.chain), self._capacity.per_subject),
        )

    def _places(self, *places: Quota) -> "Places":
        return Places(self._open, self._refused, places)


class Places:
    """A context manager that counts one connection against several limits (see `Quota`): from the start of the context to its end."""

    __slots__ = ("_open", "_places", "_refused")

    def __init__(self, open: Counter[Hashable], refused: Callable[[str], None], places: tuple[Quota, ...]) -> None:
        self._open = open
        self._refused = refused
        self._places = places

    def __enter__(self) -> None:
        for kind, holder, maximum in self._places:
            if self._open[kind, holder] >= maximum:
                self._refused(kind)
                raise Crowded(f"at most {maximum} {CONNECTION_NOUNS[kind]} at a time; try again later")
        for kind, holder, _maximum in self._places:
            self._open[kind, holder] += 1

    def __exit__(self, *_: object) -> None:
        for kind, holder, _maximum in self._places:
            self._open[kind, holder] -= 1
            if not self._open[kind, holder]:
                del self._open[kind, holder]

    def become(self, others: "Places") -> None:
        """Count the connection against the limits of `others` instead, from now on.

        Raises: Crowded if one of these limits is reached. The connection then still counts against its previous limits.
        """
        others.__enter__()
        self.__exit__()
        self._places = others._places


def line(address: str) -> str:
    """The key under which all addresses of one subscriber line are counted: the IPv4 address itself, or the /64 network of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or ip_network((int(parsed), LINE_BITS), strict=False))
