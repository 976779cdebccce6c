"""Tasks of this process take turns to change the same verification. Tasks that change different verifications do not wait for each other."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from domain.errors import Unavailable


class Turns:
    """A queue of tasks for each key. Only the first task of a queue runs; the others wait. An empty queue is deleted."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @property
    def waiting(self) -> int:
        """The number of tasks that wait for their turn."""
        return sum(tasks - 1 for _, tasks in self._queues.values())

    @asynccontextmanager
    async def of(self, key: Hashable, max_wait_seconds: float) -> AsyncIterator[None]:
        """A context in which only one task with this key runs at a time. Tasks enter the context in the order in which they called this method.

        Raises: Unavailable if the task would have to wait longer than `max_wait_seconds`.
        """
        lock, waiting = self._queues.get(key) or (asyncio.Lock(), 0)
        self._queues[key] = lock, waiting + 1
        try:
            await acquire(lock, max_wait_seconds)
            try:
                yield
            finally:
                lock.release()
        finally:
            lock, waiting = self._queues.pop(key)
            if waiting > 1:
                self._queues[key] = lock, waiting - 1


async def acquire(lock: asyncio.Lock, max_wait_seconds: float) -> None:
    """Wait for the lock. Raises: Unavailable if that takes too long."""
    if not lock.locked():
        # A free lock needs no timer. Most locks are free, because most verifications have one writer at a time.
        await lock.acquire()
        return
    try:
        async with asyncio.timeout(max_wait_seconds):
            await lock.acquire()
    except TimeoutError:
        raise Unavailable from None
