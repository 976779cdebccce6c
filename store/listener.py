"""Stores the changes that one subscriber has not received yet."""

import asyncio
from dataclasses import dataclass
from typing import Protocol, TypeVar

from domain.errors import Lagged
from domain.verification import Verification

T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Change:
    """A verification that changed, in its latest state. The events with a higher version than `since` are new to the subscriber."""

    verification: Verification
    since: int

    def following(self, earlier: "Change") -> "Change":
        """This change merged with an earlier change that the subscriber has not received."""
        return self if self.since <= earlier.since else Change(self.verification, earlier.since)


class Outlet(Protocol[T_contra]):
    """A port that takes an item at once, without waiting. Between the feed and a socket, each layer has an outlet that delivers to the next one."""

    def deliver(self, item: T_contra) -> bool:
        """Deliver the item, if this is possible without waiting. Returns whether it was taken; if not, the caller delivers it in another way."""


class Listener:
    """Stores the latest state of each verification that changed, until the reader takes it.

    A state contains all earlier events, so a slow reader misses none. At most `max_changes` verifications are stored. If more change, the reader
    gets the error Lagged.
    """

    __slots__ = ("_changed", "_lagged", "_max_changes", "_waiting", "outlet")

    def __init__(self, max_changes: int) -> None:
        # While the reader waits, a change is first delivered to this outlet. If the outlet takes it, the reader is not woken.
        self.outlet: Outlet[Change] | None = None
        self._max_changes = max_changes
        self._changed: dict[str, Change] = {}
        self._waiting: asyncio.Future[None] | None = None
        self._lagged = False

    def offer(self, change: Change) -> None:
        """Deliver a change to the outlet. If the outlet does not take it, store it and wake the reader.

        A change is not stored if a later state of its verification is stored already. All listeners share the same Change object.
        """
        waiting = self._waiting
        if self.outlet and waiting and not waiting.done() and self.outlet.deliver(change):
            return
        id = change.verification.id
        stored = self._changed.get(id)
        if stored is None:
            if len(self._changed) < self._max_changes:
                self._changed[id] = change
            else:
                self._lagged = True
        elif change.verification.version > stored.verification.version:
            self._changed[id] = change.following(stored)
        if waiting:
            wake(waiting)

    async def changes(self, timeout_seconds: float | None = None) -> list[Change]:
        """All changes since the last call; waits until there are any. Returns an empty list after the timeout.

        The order is that in which the verifications changed first.

        Only one reader may wait at a time.

        Raises: Lagged.
        """
        if self._changed or self._lagged:
            return self.taken()
        loop = asyncio.get_running_loop()
        self._waiting = waiting = loop.create_future()
        # `asyncio.timeout` would be slower: most readers wait without a timeout, and many of them wake at the same time.
        timer = None if timeout_seconds is None else loop.call_later(timeout_seconds, wake, waiting)
        try:
            await waiting
        finally:
            self._waiting = None
            if timer:
                timer.cancel()
        return self.taken()

    def taken(self) -> list[Change]:
        """All changes since the last call, without waiting for any. Raises: Lagged."""
        if self._lagged:
            raise Lagged
        changed = [*self._changed.values()]
        self._changed.clear()
        return changed


def wake(waiting: "asyncio.Future[None]") -> None:
    """Wake the reader that waits on this future, unless it was woken already."""
    if not waiting.done():
        waiting.set_result(None)
