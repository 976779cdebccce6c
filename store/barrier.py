"""A barrier between acknowledged writes and later reads: reads after it see every write that was acknowledged before it."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from domain.errors import Unavailable
from store.driver import Database, answering
from store.indexes import HEARTBEATS


class Barrier:
    """A write that a majority acknowledges. The primary that accepts it has every write that was acknowledged before.

    A primary that was just elected answers reads from an older state until the first write of its own term has reached a majority. So the gateway
    passes the barrier before it answers that a verification doesn't exist, and before a subscription starts. Callers that wait at the same time
    share one write, which begins after their calls.
    """

    def __init__(self, database: Database, name: str, now: Callable[[], datetime]) -> None:
        self._heartbeats = database[HEARTBEATS]
        self._name = f"barrier-{name}"
        self._now = now
        self._writing = asyncio.Lock()
        self._begun = 0
        self._passed = 0
        self._failed = 0

    async def passed(self) -> None:
        """Wait for a write that began after this call. Cost: a share of one write. Raises: Unavailable."""
        needed = self._begun + 1
        async with self._writing:
            if self._passed >= needed:
                return
            if self._failed >= needed:
                # Otherwise the callers would fail one after the other, each after a time-out of its own.
                raise Unavailable
            self._begun += 1
            number = self._begun
            try:
                with answering():
                    await self._heartbeats.replace_one({"_id": self._name}, {"at": self._now()}, upsert=True)
            except Unavailable:
                self._failed = number
                raise
            self._passed = number
