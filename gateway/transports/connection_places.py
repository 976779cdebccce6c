"""Limits the number of plain HTTP connections from one address. `Admission` limits the others: WebSockets and event streams."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import ip_address, ip_network

from gateway.callers.admission import line

MAX_CACHED_ADDRESSES = 1024


class ConnectionPlace:
    """The place of one connection among those of its address. `key`: the address, as `line` returns it; None if the connection is not counted."""

    __slots__ = ("_closed", "_key", "_open", "_taken")

    def __init__(self, open: Counter[str], key: str | None) -> None:
        self._open = open
        self._key = key
        self._taken = self._closed = False

    def take(self) -> int:
        """Count the connection. Returns how many connections of its address are counted now, with this one.

        A closed connection and one without a key are not counted, and the result is 0.
        """
        if self._key is None or self._closed:
            return 0
        if not self._taken:
            self._taken = True
            self._open[self._key] += 1
        return self._open[self._key]

    def close(self) -> None:
        """Stop counting the connection for good, because it is closed or has become a WebSocket."""
        self._leave()
        self._closed = True

    @contextmanager
    def vacated(self) -> Iterator[None]:
        """A context in which the connection is not counted here, because it sends an event stream, which `Admission` counts."""
        self._leave()
        try:
            yield
        finally:
            self.take()

    def _leave(self) -> None:
        if self._key is not None and self._taken:
            self._taken = False
            self._open[self._key] -= 1
            if not self._open[self._key]:
                del self._open[self._key]


class ConnectionPlaces:
    """The places of all plain connections of the process.

    `max_per_address`: how many connections one address may have. `proxies`: addresses and networks of trusted proxies. Their connections are not
    counted, because each of them serves many clients.
    """

    def __init__(self, max_per_address: int, proxies: Collection[str]) -> None:
        self.max_per_address = max_per_address
        self._networks = [ip_network(proxy) for proxy in proxies]
        self._open: Counter[str] = Counter()
        self._key = lru_cache(MAX_CACHED_ADDRESSES)(self._key_of)

    def place(self, address: str) -> ConnectionPlace:
        """A place for a new connection from this IP address. The connection is counted as soon as `take` is called."""
        return ConnectionPlace(self._open, self._key(address))

    def _key_of(self, address: str) -> str | None:
        try:
            parsed = ip_address(address)
        except ValueError:
            return None  # Connections without an IP address, such as Unix sockets, come from this machine, and are not counted.
        return None if any(parsed in network for network in self._networks) else line(address)
