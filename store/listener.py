"""Stores the changes that one subscriber has not received yet."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from domain.errors import Lagged, NotFound, RequestError
from domain.verification import Verification

T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Change:
    """A verification that changed, in its latest state. The events with a higher version than `since` are new to the subscriber.

    `restored`: None, unless another program has replaced the stored document by an older one, for example from a backup. Then it is the lowest
    version that this program wrote.
    `found`: None, unless the state was read from the database after a gap of the change stream. Then it is the lowest version that was read. It
    shows that an older document was restored, unless the subscriber has received a later version since that read.
    """

    verification: Verification
    since: int
    restored: int | None = None
    found: int | None = None

    def following(self, earlier: "Change") -> "Change":
        """This change merged with an earlier change that the subscriber has not received."""
        if self.since <= earlier.since and earlier.restored is None and earlier.found is None:
            return self
        restored, found = lowest(self.restored, earlier.restored), lowest(self.found, earlier.found)
        return Change(self.verification, min(self.since, earlier.since), restored, found)


def lowest(*versions: int | None) -> int | None:
    """The lowest of these versions; None if all are None."""
    return min((version for version in versions if version is not None), default=None)


class Outlet(Protocol[T_contra]):
    """A port that takes an item at once, without waiting. Between the feed and a socket, each layer has an outlet that delivers to the next one."""

    def deliver(self, item: T_contra) -> bool:
        """Deliver the item, if this is possible without waiting. Returns whether it was taken; if not, the caller delivers it in another way."""


def wake(waiting: "asyncio.Future[None]") -> None:
    """Wake the reader that waits on this future, unless it was woken already."""
    if not waiting.done():
        waiting.set_result(None)


# A function that wakes the reader that waits on the future. It may do so in a later turn of the event loop.
Wake = Callable[["asyncio.Future[None]"], None]


class Listener:
    """Stores the latest state of each verification that changed, until the reader takes it.

    A state contains all earlier events, so a slow reader misses none. At most `max_changes` verifications are stored. If more change, the reader
    gets the error Lagged. If a verification that the reader follows is deleted, the reader gets the error NotFound, after the changes before that.
    `wake`: wakes the reader.
    """

    __slots__ = ("_changed", "_end", "_max_changes", "_removed", "_waiting", "_wake", "outlet")

    def __init__(self, max_changes: int, wake: Wake = wake) -> None:
        # While the reader waits, a change is first delivered to this outlet. If the outlet takes it, the reader is not woken.
        self.outlet: Outlet[Change] | None = None
        self._max_changes = max_changes
        self._wake = wake
        self._changed: dict[str, Change] = {}
        self._waiting: asyncio.Future[None] | None = None
        # The ids of the verifications that were removed. None if there are none: this is the usual case, and an empty list would take memory for each
        # of many listeners.
        self._removed: list[str] | None = None
        # The error with which the reader's subscription ends.
        self._end: RequestError | None = None

    @property
    def waiting(self) -> int:
        """The number of changes and removals that the reader has not taken yet."""
        return len(self._changed) + len(self._removed or ())

    def offer(self, change: Change) -> None:
        """Deliver a change to the outlet. If the outlet does not take it, store it and wake the reader.

        A change is not stored if the same or a later state of its verification is stored already, unless `restored` or `found` of the change is set.
        All listeners share the same Change object.
        """
        waiting = self._waiting
        if self.outlet and waiting and not waiting.done() and self.outlet.deliver(change):
            return
        self.store(change)

    def store(self, change: Change) -> None:
        """Store a change without offering it to the outlet, and wake the reader. `offer` says which changes are not stored."""
        waiting, id = self._waiting, change.verification.id
        stored = self._changed.get(id)
        if stored is None:
            if self._has_room():
                self._changed[id] = change
        elif change.restored is not None or change.found is not None or change.verification.version > stored.verification.version:
            self._changed[id] = change.following(stored)
        if waiting:
            self._wake(waiting)

    def remove(self, id: str) -> None:
        """Store that the gateway removed this verification, and wake the reader. An unread change of the verification is dropped."""
        self._changed.pop(id, None)
        if self._has_room():
            self._removed = self._removed or []
            self._removed.append(id)
        if self._waiting:
            self._wake(self._waiting)

    def lose(self, id: str) -> None:
        """End the reader's subscription, because this verification was deleted. The reader first gets the changes that this listener still holds."""
        self._end = self._end or NotFound(id)
        if self._waiting:
            self._wake(self._waiting)

    def replace(self) -> None:
        """End the reader's subscription to a workspace, because all verifications were replaced. Changes that were not read are dropped."""
        self._end = self._end or Lagged("all verifications were replaced, for example by those of a backup")
        self._changed.clear()
        if self._waiting:
            self._wake(self._waiting)

    async def changes(self, timeout_seconds: float | None = None) -> list[Change]:
        """All changes since the last call; waits until there is a change or a removal. The list is empty after a removal alone, or after the timeout.

        The verifications are in the order of their first changes since the last call.

        Only one reader may wait at a time.

        Raises: Lagged, NotFound.
        """
        if self._changed or self._removed or self._end:
            return self.taken()
        loop = asyncio.get_running_loop()
        self._waiting = waiting = loop.create_future()
        # `asyncio.timeout` would be slower: it also takes time for readers without a timeout. Most readers have none, and many wake at the same time.
        timer = None if timeout_seconds is None else loop.call_later(timeout_seconds, self._wake, waiting)
        try:
            await waiting
        finally:
            self._waiting = None
            if timer:
                timer.cancel()
        return self.taken()

    def taken(self) -> list[Change]:
        """All changes since the last call, without waiting for any. Raises: Lagged, NotFound."""
        if self._end and not self._changed:
            raise self._end
        changed = [*self._changed.values()]
        self._changed.clear()
        return changed

    def removals(self) -> list[str]:
        """The ids of the verifications that were removed since the last call.

        If this listener also holds a change of such a verification, the change was made after the removal.
        """
        removed, self._removed = self._removed or [], None
        return removed

    def _has_room(self) -> bool:
        """Whether another change can be stored. If there are too many, the stored changes are dropped, and the reader's subscription ends."""
        if not self._end and len(self._changed) + len(self._removed or ()) >= self._max_changes:
            self._end = Lagged()
            self._changed.clear()
        return not self._end
