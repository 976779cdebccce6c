"""Draining: before a process ends, it announces its end, closes its long-lived connections and finishes the requests under way."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

Leave = Callable[[], Awaitable[None]]

# The time over which the process spreads the closing of its long-lived connections, so that clients do not all reconnect at once.
SPREAD_SECONDS = 3.0
# Draining ends after this time, even if connections are still open or requests still under way.
MAX_SECONDS = 5.0
# A request that is under way when draining begins may take this much longer. After that it is answered with a timeout, so that the process can end.
ANSWER_SECONDS = 4.0
# A request that arrives after draining has begun may take this long: less than other requests, because the process is about to end.
LATE_ANSWER_SECONDS = 1.5
CHECK_SECONDS = 0.1


class UnderWay:
    """The requests that are being answered, with their deadlines."""

    def __init__(self) -> None:
        self._deadlines: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._watched = False
        self._idle = asyncio.Event()
        self._idle.set()

    def within(self, seconds: float) -> "Within":
        """A context in which a request counts as under way.

        Raises: TimeoutError if it takes longer than `seconds`, which is checked every CHECK_SECONDS.
        """
        return Within(self, seconds)

    def hurry(self, latest: float) -> None:
        """Shorten every deadline that is after `latest` to `latest`, a time of the event loop."""
        self._deadlines = {task: min(deadline, latest) for task, deadline in self._deadlines.items()}

    async def done(self) -> None:
        """Wait until no request is under way."""
        await self._idle.wait()

    def begin(self, task: asyncio.Task[object], seconds: float) -> None:
        """Register a task that answers a request. If the task is still registered after `seconds`, it is cancelled."""
        loop = asyncio.get_running_loop()
        self._deadlines[task] = loop.time() + seconds
        self._idle.clear()
        if not self._watched:
            self._watched = True
            loop.call_later(CHECK_SECONDS, self._check)

    def end(self, task: asyncio.Task[object]) -> bool:
        """Remove a task that has answered or failed. Returns whether the task was cancelled at its deadline."""
        del self._deadlines[task]
        if not self._deadlines:
            self._idle.set()
        if task not in self._late:
            return False
        self._late.discard(task)
        return True

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        for task, deadline in self._deadlines.items():
            if deadline <= loop.time() and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._watched = bool(self._deadlines)
        if self._watched:
            loop.call_later(CHECK_SECONDS, self._check)


class Within:
    """The context that `UnderWay.within` returns.

    It turns the cancellation at the deadline into TimeoutError; any other cancellation passes through.
    """

    __slots__ = ("_cancelling", "_seconds", "_task", "_under_way")

    _task: asyncio.Task[object]

    def __init__(self, under_way: UnderWay, seconds: float) -> None:
        self._under_way = under_way
        self._seconds = seconds

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task
        self._task = task
        self._cancelling = task.cancelling()
        self._under_way.begin(task, self._seconds)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._under_way.end(self._task) and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error


class Drain:
    """Drains the process. Long-lived connections are closed at intervals, so that reconnecting clients don't overload other processes.

    `delay_seconds`: how long the process only announces its end, before it drains. Meanwhile proxies notice that it is not ready, and send their
    requests to other processes. Requests that still arrive are answered as always.
    `announced`: whether the process has announced its end. New long-lived connections are then refused, so that clients connect to other processes.
    `begun`: whether the process drains.
    """

    def __init__(self, delay_seconds: float = 0.0) -> None:
        self.delay_seconds = delay_seconds
        self.announced = False
        self.begun = False
        self._open: set[Leave] = set()
        self._under_way = UnderWay()

    @contextmanager
    def holding(self, leave: Leave) -> Iterator[None]:
        """A context in which a long-lived connection counts as open, or other work as under way.

        When the process drains, `leave` is called to close the connection, or to finish the work or leave it to other processes.
        """
        self._open.add(leave)
        try:
            yield
        finally:
            self._open.discard(leave)

    def answering(self, seconds: float) -> Within:
        """A context in which a request counts as under way. Raises: TimeoutError if it takes longer than `seconds`.

        Once the process drains, a running request has at most ANSWER_SECONDS more, and a new one at most LATE_ANSWER_SECONDS.
        """
        return self._under_way.within(min(seconds, LATE_ANSWER_SECONDS) if self.begun else seconds)

    async def lead_out(self) -> None:
        """Announce the end for `delay_seconds`. Then drain: close every long-lived connection, and wait for the requests under way.

        The connections are closed one after the other, evenly spread over SPREAD_SECONDS. Waiting ends at most MAX_SECONDS after draining began.
        """
        self.announced = True
        await asyncio.sleep(self.delay_seconds)
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
            _, late = await asyncio.wait(tasks, timeout=MAX_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(begun + MAX_SECONDS):
                await self._under_way.done()
