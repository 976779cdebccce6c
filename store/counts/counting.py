"""Runs reads that may take long: only a few at a time for each workspace, and counts with a time limit."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from time import perf_counter
from typing import Any, Protocol, TypeVar
from weakref import WeakValueDictionary

from domain.errors import TookTooLong, Unavailable
from store.driver import is_time_limit, patient

T = TypeVar("T")

# For one workspace, at most this many counts run at a time, and beside them at most this many other reads. Further ones wait, so that the reads of
# one workspace leave capacity of MongoDB to the others.
MAX_READS_AT_A_TIME = 2


class Payer(Protocol):
    """A port to the account of a caller. The account pays for a read whose cost is certain only when the read has ended."""

    def check(self) -> None:
        """Check that the payer has no debt. Raises: RateLimited."""

    def charge(self, rows: int, seconds: float) -> None:
        """Charge for a read. `rows`: how many verifications the read counted. `seconds`: how long MongoDB took."""


class Counting:
    """Runs the reads that count verifications, or that read many of them, for all workspaces. `seconds`: the time limit of a count."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # One semaphore for each kind of read and each workspace. A semaphore exists as long as one of its reads runs or waits.
        self._places: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()

    async def counted(self, workspace: str, read: Callable[[], Coroutine[Any, Any, T]], rows: Callable[[T], int], payer: Payer | None = None) -> T:
        """The result of a read that counts. `rows`: returns how many verifications the result counts. The payer is charged for them at the end.

        Raises: RateLimited if the payer has a debt when it is this read's turn; TookTooLong if the time limit passes; Unavailable.
        """
        async with self._of("count", workspace):
            if payer:
                payer.check()
            begun, counted = perf_counter(), 0
            try:
                with patient(self._seconds):
                    result = await read()
                counted = rows(result)
                return result
            except Unavailable as unavailable:
                if is_time_limit(unavailable):
                    raise TookTooLong from None
                raise
            finally:
                if payer:
                    payer.charge(counted, perf_counter() - begun)

    async def in_turn(self, workspace: str, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of a read that does not count. It waits for other such reads of the workspace, but not for counts."""
        async with self._of("other", workspace):
            return await read()

    def _of(self, kind: str, workspace: str) -> asyncio.Semaphore:
        places = self._places.get((kind, workspace))
        if places is None:
            places = self._places[kind, workspace] = asyncio.Semaphore(MAX_READS_AT_A_TIME)
        return places
