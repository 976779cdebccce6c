"""How a process takes leave of those who listen."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

Leave = Callable[[], Awaitable[None]]

SPREAD_SECONDS = 3.0
MOST_SECONDS = 5.0


class Drain:
    """All long-lived connections, and the way out: one after the other, so that those who come back don't storm the other processes."""

    def __init__(self) -> None:
        self.begun = False
        self._open: set[Leave] = set()

    @contextmanager
    def holding(self, leave: Leave) -> Iterator[None]:
        """A connection is open for as long as the context lasts, and can be asked to leave."""
        self._open.add(leave)
        try:
            yield
        finally:
            self._open.discard(leave)

    async def lead_out(self) -> None:
        """From now on the process isn't ready; ask every connection to leave, spread over some seconds."""
        self.begun = True
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
