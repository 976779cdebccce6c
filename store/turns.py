"""One writer at a time for each verification, inside this process."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """A queue for each key. A queue is deleted when it is empty."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, key: Hashable) -> AsyncIterator[None]:
        """Wait until it is this task's turn for the key, and hold the turn until the context ends."""
        lock, waiting = self._queues.get(key) or (asyncio.Lock(), 0)
        self._queues[key] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._queues.pop(key)
            if waiting > 1:
                self._queues[key] = lock, waiting - 1
