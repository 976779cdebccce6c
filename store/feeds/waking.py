"""Wakes the readers of listeners, a limited number in each turn of the event loop."""

import asyncio
from collections import deque

from store.listener import wake

# A reader that was woken takes about 40 microseconds until it waits again. So other clients wait about 4 ms in each turn of the event loop.
WAKES_PER_TURN = 100


class Waking:
    """Wakes readers at once, until WAKES_PER_TURN were woken in a turn of the event loop. The others are woken in the next turns, in their order.

    One change may wake all feeds of a workspace. Without this limit, all other clients would wait until each of these feeds has sent the change.
    """

    def __init__(self) -> None:
        self._queue: deque[asyncio.Future[None]] = deque()
        self._woken = 0

    def wake(self, waiting: "asyncio.Future[None]") -> None:
        """Wake the reader that waits on this future, in this turn or a later one, unless it was woken already."""
        if waiting.done():
            return
        if not self._woken:
            waiting.get_loop().call_soon(self._begin_turn)
        if self._woken < WAKES_PER_TURN:
            self._woken += 1
            wake(waiting)
        else:
            self._queue.append(waiting)

    def _begin_turn(self) -> None:
        self._woken = 0
        while self._queue and self._woken < WAKES_PER_TURN:
            self.wake(self._queue.popleft())
