"""How a process takes leave of those who listen."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

Leave = Callable[[], Awaitable[None]]

SPREAD_SECONDS = 3.0
MOST_SECONDS = 5.0
# Whoever asked before the end has its answer while there is still somebody to give it, be it that time is up.
ANSWER_SECONDS = 4.0
LATE_ANSWER_SECONDS = 1.5


class Drain:
    """All long-lived connections, and the way out: one after the other, so that those who come back don't storm the other processes."""

    def __init__(self) -> None:
        self.begun = False
        self._open: set[Leave] = set()
        self._limits: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def holding(self, leave: Leave) -> Iterator[None]:
        """A connection is open for as long as the context lasts, and can be asked to leave."""
        self._open.add(leave)
        try:
            yield
        finally:
            self._open.discard(leave)

    def answering(self, seconds: float) -> "Answering":
        """A request is under way: it has this long, and only some seconds more once the process takes leave. Raises: TimeoutError."""
        return Answering(asyncio.timeout(min(seconds, LATE_ANSWER_SECONDS) if self.begun else seconds), self._limits, self._idle)

    async def lead_out(self) -> None:
        """From now on the process isn't ready; ask every connection to leave, spread over some seconds, and wait for what is under way."""
        self.begun = True
        begun = asyncio.get_running_loop().time()
        latest = begun + ANSWER_SECONDS
        for limit in self._limits:
            if (until := limit.when()) is not None and until > latest:
                limit.reschedule(latest)
        leaving = list(self._open)
        random.shuffle(leaving)
        pause = SPREAD_SECONDS / max(len(leaving), 1)

        async def after(turn: int, leave: Leave) -> None:
            await asyncio.sleep(turn * pause)
            await leave()

        if leaving:
            tasks = [asyncio.create_task(after(turn, leave)) for turn, leave in enumerate(leaving)]
            _, late = await asyncio.wait(tasks, timeout=MOST_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(begun + MOST_SECONDS):
                await self._idle.wait()


class Answering:
    """A request that is under way. `limits` are those of all such requests, and `idle` tells that there is none."""

    __slots__ = ("_idle", "_limit", "_limits")

    def __init__(self, limit: asyncio.Timeout, limits: set[asyncio.Timeout], idle: asyncio.Event) -> None:
        self._limit = limit
        self._limits = limits
        self._idle = idle

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        self._limits.add(self._limit)
        self._idle.clear()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._limits.discard(self._limit)
        if not self._limits:
            self._idle.set()
        # Raises TimeoutError where the time was up.
        await self._limit.__aexit__(kind, error, trace)
