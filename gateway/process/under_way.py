"""What is being answered, each with its deadline. One timer watches over all: a time-out of its own would cost each as much as half of its answer."""

import asyncio
from types import TracebackType

CHECK_SECONDS = 0.1


class UnderWay:
    """The requests that are being answered."""

    def __init__(self) -> None:
        self._deadlines: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._watched = False
        self._idle = asyncio.Event()
        self._idle.set()

    def within(self, seconds: float) -> "Within":
        """One more, for as long as the context lasts. Raises: TimeoutError where that is longer than it may be, but for a tenth of a second."""
        return Within(self, seconds)

    def hurry(self, latest: float) -> None:
        """Have none go on beyond a time of the event loop."""
        self._deadlines = {task: min(deadline, latest) for task, deadline in self._deadlines.items()}

    async def done(self) -> None:
        """Wait until there are none."""
        await self._idle.wait()

    def begin(self, task: asyncio.Task[object], seconds: float) -> None:
        """A task is under way, and ends in this time."""
        loop = asyncio.get_running_loop()
        self._deadlines[task] = loop.time() + seconds
        self._idle.clear()
        if not self._watched:
            self._watched = True
            loop.call_later(CHECK_SECONDS, self._check)

    def end(self, task: asyncio.Task[object]) -> bool:
        """A task is done; whether it was too late for that."""
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
    """The task that enters is under way until it leaves. A cancellation from elsewhere stays what it is."""

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
