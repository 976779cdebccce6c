"""Counts the connections of a client of MongoDB: how many are open, how many are used, and how many operations wait for one."""

from dataclasses import dataclass
from threading import get_ident

from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)


@dataclass(slots=True)
class PoolEvents:
    """How many connections of a pool were created and closed; how often operations requested, took and returned one, or failed to get one.

    `cleared`: how often the driver dropped all connections of the pool because of an error.
    """

    created: int = 0
    closed: int = 0
    requested: int = 0
    taken: int = 0
    returned: int = 0
    failed: int = 0
    cleared: int = 0

    @property
    def open(self) -> int:
        """The number of open connections."""
        return self.created - self.closed

    @property
    def used(self) -> int:
        """The number of connections that operations use."""
        return self.taken - self.returned

    @property
    def waiting(self) -> int:
        """The number of operations that wait for a connection."""
        return self.requested - self.taken - self.failed


class ConnectionCounts(ConnectionPoolListener):
    """Counts the events of the pools of one client. Each thread has counts of its own, as in `CommandCounts`, so that counting needs no lock."""

    def __init__(self) -> None:
        self._by_thread: dict[int, PoolEvents] = {}

    def totals(self) -> PoolEvents:
        """The counts of all threads together."""
        parts = [*self._by_thread.values()]
        return PoolEvents(*(sum(getattr(part, name) for part in parts) for name in PoolEvents.__slots__))

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        """Count a connection that is opened."""
        self._mine().created += 1

    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        """Count a connection that is closed."""
        self._mine().closed += 1

    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None:
        """Count an operation that needs a connection."""
        self._mine().requested += 1

    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        """Count an operation that got its connection."""
        self._mine().taken += 1

    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:
        """Count a connection that an operation returns."""
        self._mine().returned += 1

    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:
        """Count an operation that got no connection."""
        self._mine().failed += 1

    def pool_cleared(self, event: PoolClearedEvent) -> None:
        """Count that the driver dropped all connections to a member, because of an error."""
        self._mine().cleared += 1

    def pool_created(self, event: PoolCreatedEvent) -> None:
        """Do nothing: only connections are counted."""

    def pool_ready(self, event: PoolReadyEvent) -> None:
        """Do nothing: only connections are counted."""

    def pool_closed(self, event: PoolClosedEvent) -> None:
        """Do nothing: the driver reports each of the connections as closed."""

    def connection_ready(self, event: ConnectionReadyEvent) -> None:
        """Do nothing: the connection was counted when it was opened."""

    def _mine(self) -> PoolEvents:
        thread = get_ident()
        mine = self._by_thread.get(thread)
        if mine is None:
            mine = self._by_thread[thread] = PoolEvents()
        return mine
