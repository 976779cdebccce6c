"""Ensures that later reads see every write that was acknowledged earlier, also after MongoDB has elected a new primary."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from domain.errors import Unavailable
from store.driver import Database, answering
from store.indexes import HEARTBEATS


class Barrier:
    """Makes a small write and waits until a majority acknowledges it. Later reads then see every write that was acknowledged before this one.

    A newly elected primary answers reads from an older state until the first write after its election has reached a majority. So the gateway
    passes the barrier before it answers that a verification doesn't exist, and before a subscription starts. Callers that wait at the same time
    share one write, which begins after all of them have called.
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
        """Wait until a majority has acknowledged a write that began after this call. Cost: a share of one write. Raises: Unavailable."""
        needed = self._begun + 1
        async with self._writing:
            if self._passed >= needed:
                return
            if self._failed >= needed:
                # The shared write for which this caller waited has failed. Without this check, each waiting caller would start a write of its own,
                # one after the other, and wait for another time-out.
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
