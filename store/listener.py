"""What one subscriber has not been sent yet."""

import asyncio
from dataclasses import dataclass
from typing import Protocol, TypeVar

from domain.errors import Lagged
from domain.verification import Verification

T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Change:
    """The latest state of a verification, and the version before the first of the events that brought it there."""

    verification: Verification
    since: int

    def following(self, earlier: "Change") -> "Change":
        """This one together with an earlier one that nobody was sent."""
        return self if self.since <= earlier.since else Change(self.verification, earlier.since)


class Outlet(Protocol[T_contra]):
    """Takes items at once, without waiting. The way from the feed to a socket is a chain of these, one for each layer."""

    def deliver(self, item: T_contra) -> bool:
        """Whether the item was taken. If it was not, it is still to be delivered."""


class Listener:
    """One slot for each verification that changed, with its latest state: however slow the reader, no event is lost, since states hold theirs.

    What is kept is bounded by the number of verifications that are followed; past `most` of them the reader has lagged.
    """

    __slots__ = ("_changed", "_lagged", "_max", "_waiting", "outlet")

    def __init__(self, most: int) -> None:
        # Takes a change at once while the reader waits, without waking it.
        self.outlet: Outlet[Change] | None = None
        self._max = most
        self._changed: dict[str, Change] = {}
        self._waiting: asyncio.Future[None] | None = None
        self._lagged = False

    def offer(self, change: Change) -> None:
        """Keep a state, unless a later one is kept already, or the outlet takes it. All who listen are offered the same object."""
        waiting = self._waiting
        if self.outlet and waiting and not waiting.done() and self.outlet.deliver(change):
            return
        id = change.verification.id
        known = self._changed.get(id)
        if known is None:
            if len(self._changed) < self._max:
                self._changed[id] = change
            else:
                self._lagged = True
        elif change.verification.version > known.verification.version:
            self._changed[id] = change.following(known)
        if waiting:
            wake(waiting)

    async def changes(self, timeout_seconds: float | None = None) -> list[Change]:
        """All that changed since the last call, in the order of first change; nothing where the time is up. One reader at a time.

        Raises: Lagged.
        """
        if self._changed or self._lagged:
            return self.taken()
        loop = asyncio.get_running_loop()
        self._waiting = waiting = loop.create_future()
        # Not `asyncio.timeout`: most wait without one, and many of them go on at the same time.
        timer = None if timeout_seconds is None else loop.call_later(timeout_seconds, wake, waiting)
        try:
            await waiting
        finally:
            self._waiting = None
            if timer:
                timer.cancel()
        return self.taken()

    def taken(self) -> list[Change]:
        """The same without waiting. Raises: Lagged."""
        if self._lagged:
            raise Lagged
        changed = [*self._changed.values()]
        self._changed.clear()
        return changed


def wake(waiting: "asyncio.Future[None]") -> None:
    """Have the one who waits go on, unless that was said already."""
    if not waiting.done():
        waiting.set_result(None)
