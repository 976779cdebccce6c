"""Fills the holes of a run: awaits their values, completes them and puts them into the response. For the terms, see compiler/README.md.

If completing a value leaves further holes, they are awaited immediately. They do not wait until the other holes of the response are filled.
"""

import asyncio
from collections.abc import Generator, Sequence
from typing import Any

from graphql import ExecutionResult

from compiler.positions import PENDING, close_awaitable
from compiler.run import Hole, PathKey, Place, Run, Spot, keys_of


class Settling:
    """The asynchronous part of one execution: it fills the holes of a run. An object of this class has to be awaited or closed.

    Completing a value is synchronous, and may add further holes to `run.holes`. After each completion, `_take_holes` empties this list, so
    every task knows which holes its own value has added.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._running: dict[asyncio.Task[None], list[PathKey]] = {}
        self._cancelled: set[asyncio.Task[None]] = set()

    def __await__(self) -> Generator[Any, None, ExecutionResult]:
        return self._result().__await__()

    def close(self) -> None:
        """Close all awaitables of the execution without awaiting them. For callers that don't need the result."""
        for hole in self._take_holes():
            close_awaitable(hole.awaitable)

    async def _result(self) -> ExecutionResult:
        await self._fill(self._take_holes())
        return ExecutionResult(self._run.data, self._run.errors or None)

    async def settle(self) -> None:
        """Fill the holes of the run, and then all holes that completing these values adds."""
        await self._fill(self._take_holes())

    def _take_holes(self) -> list[Hole]:
        holes, self._run.holes = self._run.holes, []
        return holes

    async def _fill(self, holes: Sequence[Hole]) -> None:
        try:
            while len(holes) == 1:
                [(awaitable, spot, place, complete)] = holes
                if self._container(place) is None:
                    break
                try:
                    self._store(place, complete(await awaitable, self._run, place))
                except Exception as error:
                    self._fail(error, spot, place)
                except asyncio.CancelledError:
                    self._cancel_all()
                    raise
                holes = self._take_holes()
            if len(holes) > 1:
                await self._side_by_side(holes)
        finally:
            # After an exception, or if a value above a hole became null, some awaitables were never started. Close them, so that
            # Python doesn't warn about them.
            for hole in holes:
                close_awaitable(hole.awaitable)

    async def _side_by_side(self, holes: Sequence[Hole]) -> None:
        tasks = [asyncio.create_task(self._fill([hole])) for hole in holes]
        self._running.update((task, keys_of(hole.place)) for task, hole in zip(tasks, holes, strict=True))
        try:
            # If this coroutine is cancelled from outside, `gather` cancels the tasks and raises CancelledError after all of them have ended.
            results = await asyncio.gather(*tasks, return_exceptions=True)
            if failed := [error for task, error in zip(tasks, results, strict=True) if error and task not in self._cancelled]:
                raise failed[0]
        finally:
            for task, hole in zip(tasks, holes, strict=True):
                del self._running[task]
                self._cancelled.discard(task)
                # A task that was cancelled before it started did not close its awaitable, so close it here.
                close_awaitable(hole.awaitable)

    def _container(self, place: Place) -> Any:
        """The object or list in the response that contains this place. None if an error has made it null meanwhile."""
        container: Any = self._run.data
        if place[0] is None:
            return container
        for key in keys_of(place)[:-1]:
            if container is None:
                return None
            container = container[key]
        return container

    def _store(self, place: Place, value: Any) -> None:
        container = self._container(place)
        if container is not None and value is not PENDING:
            container[place[1]] = value

    def _fail(self, error: Exception, spot: Spot, place: Place) -> None:
        """Record the error of a value, which stays null. If it must not be null, make its nearest nullable ancestor null.

        Does nothing if an ancestor already became null.
        """
        if self._container(place) is None:
            return
        self._run.errors.append(spot.located(error, place))
        if spot.levels is None:
            self._run.data = None
            self._cancel_below([])
        elif spot.levels:
            for _ in range(spot.levels):
                place, _key = place
            self._container(place)[place[1]] = None
            self._cancel_below(keys_of(place))

    def _cancel_all(self) -> None:
        """Cancel all other tasks if an awaitable raised CancelledError itself: the execution then has no result.

        Does nothing if the current task was cancelled from outside.
        """
        task = asyncio.current_task()
        if task and not task.cancelling():
            for other in self._running:
                if other is not task and not other.cancelling():
                    other.cancel()

    def _cancel_below(self, nulled: list[PathKey]) -> None:
        """Cancel the tasks that fill holes below a value that became null. `nulled`: the path of that value."""
        for task, keys in self._running.items():
            if task is not asyncio.current_task() and task not in self._cancelled and keys[: len(nulled)] == nulled:
                self._cancelled.add(task)
                task.cancel()
