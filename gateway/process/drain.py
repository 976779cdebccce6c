"""How a process takes leave of those who listen."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from gateway.process.under_way import UnderWay, Within

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
        self._under_way = UnderWay()

    @contextmanager
    def holding(self, leave: Leave) -> Iterator[None]:
        """A connection is open for as long as the context lasts, and can be asked to leave."""
        self._open.add(leave)
        try:
            yield
        finally:
            self._open.discard(leave)

    def answering(self, seconds: float) -> Within:
        """A request is under way: it has this long, and only some seconds more once the process takes leave. Raises: TimeoutError."""
        return self._under_way.within(min(seconds, LATE_ANSWER_SECONDS) if self.begun else seconds)

    async def lead_out(self) -> None:
        """From now on the process isn't ready; ask every connection to leave, spread over some seconds, and wait for what is under way."""
        self.begun = True
        begun = asyncio.get_running_loop().time()
        self._under_way.hurry(begun + ANSWER_SECONDS)
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
                await self._under_way.done()
