"""The changes that one subscriber has not received yet."""

import asyncio
from dataclasses import dataclass
from typing import Protocol, TypeVar

from domain.errors import Lagged
from domain.verification import Verification

T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Change:
    """The latest state of a verification, and the version before the first event that is new in it."""

    verification: Verification
    since: int

    def following(self, earlier: "Change") -> "Change":
        """This change merged with an earlier one that was not delivered."""
        return self if self.since <= earlier.since else Change(self.verification, earlier.since)


class Outlet(Protocol[T_contra]):
    """Takes items at once, without waiting. The way from the feed to a socket is a chain of these, one for each layer."""

    def deliver(self, item: T_contra) -> bool:
        """Whether the item was taken. If it was not, it is still to be delivered."""


class Listener:
    """One slot for each verification that changed, with its latest state. No event is lost, however slow the reader: a state contains its events.

    The slots are limited to `max_changes` verifications. If more change before the reader takes them, it has lagged.
    """

    __slots__ = ("_changed", "_lagged", "_max_changes", "_waiting", "outlet")

    def __init__(self, max_changes: int) -> None:
        # Takes a change at once while the reader waits, without waking the reader.
        self.outlet: Outlet[Change] | None = None
        self._max_changes = max_changes
        self._changed: dict[str, Change] = {}
        self._waiting: asyncio.Future[None] | None = None
        self._lagged = False

    def offer(self, change: Change) -> None:
        """Deliver a change to the outlet, or else store it, unless a later state is stored already. All listeners share the same object."""
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
        """All changes since the last call, ordered by the first change of each verification; an empty list after the timeout.

        Only one reader may wait at a time.

        Raises: Lagged.
        """
        if self._changed or self._lagged:
            return self.taken()
        loop = asyncio.get_running_loop()
        self._waiting = waiting = loop.create_future()
        # Not `asyncio.timeout`: most readers wait without a timeout, and many of them wake at the same time.
        timer = None if timeout_seconds is None else loop.call_later(timeout_seconds, wake, waiting)
        try:
            await waiting
        finally:
            self._waiting = None
            if timer:
                timer.cancel()
        return self.taken()

    def taken(self) -> list[Change]:
        """All changes since the last call, without waiting. Raises: Lagged."""
        if self._lagged:
            raise Lagged
        changed = [*self._changed.values()]
        self._changed.clear()
        return changed


def wake(waiting: "asyncio.Future[None]") -> None:
    """Wake the reader that waits on this future, unless it was woken already."""
    if not waiting.done():
        waiting.set_result(None)
