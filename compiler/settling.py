"""Holes, filled: what had to be waited for is put in its place, and what comes of it is waited for at once, without a barrier in between."""

import asyncio
from collections.abc import Generator, Sequence
from typing import Any

from graphql import ExecutionResult

from compiler.positions import PENDING, close
from compiler.run import Hole, Key, Place, Run, Spot, listed


class Settling:
    """The waiting part of one execution, to be awaited or closed. `run.holes` is empty but while something is completed, which waits for nothing."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._running: dict[asyncio.Task[None], list[Key]] = {}
        self._dropped: set[asyncio.Task[None]] = set()

    def __await__(self) -> Generator[Any, None, ExecutionResult]:
        return self._result().__await__()

    def close(self) -> None:
        """Let go of all that would have been waited for."""
        for hole in self._taken():
            close(hole.awaitable)

    async def _result(self) -> ExecutionResult:
        await self._fill(self._taken())
        return ExecutionResult(self._run.data, self._run.errors or None)

    async def settle(self) -> None:
        """Fill the holes that the run has, and all that come of them."""
        await self._fill(self._taken())

    def _taken(self) -> list[Hole]:
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
                    self._stop()
                    raise
                holes = self._taken()
            if len(holes) > 1:
                await self._side_by_side(holes)
        finally:
            # Some never began, where this ends early or their place was nulled.
            for hole in holes:
                close(hole.awaitable)

    async def _side_by_side(self, holes: Sequence[Hole]) -> None:
        tasks = [asyncio.create_task(self._fill([hole])) for hole in holes]
        self._running.update((task, listed(hole.place)) for task, hole in zip(tasks, holes, strict=True))
        try:
            # A cancellation from outside is raised by this itself, once all of them have ended.
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            if failed := [error for task, error in zip(tasks, ended, strict=True) if error and task not in self._dropped]:
                raise failed[0]
        finally:
            for task, hole in zip(tasks, holes, strict=True):
                del self._running[task]
                self._dropped.discard(task)
                # One that was dropped before it began has not let go of it.
                close(hole.awaitable)

    def _container(self, place: Place) -> Any:
        """The object or list that a place is in; None where it was nulled."""
        container: Any = self._run.data
        if place[0] is None:
            return container
        for key in listed(place)[:-1]:
            if container is None:
                return None
            container = container[key]
        return container

    def _store(self, place: Place, value: Any) -> None:
        container = self._container(place)
        if container is not None and value is not PENDING:
            container[place[1]] = value

    def _fail(self, error: Exception, spot: Spot, place: Place) -> None:
        """Keep the error, and null what can't be without the value; nothing where that is nulled already."""
        if self._container(place) is None:
            return
        self._run.errors.append(spot.located(error, place))
        if spot.levels is None:
            self._run.data = None
            self._drop([])
        elif spot.levels:
            for _ in range(spot.levels):
                place, _key = place
            self._container(place)[place[1]] = None
            self._drop(listed(place))

    def _stop(self) -> None:
        """Cancel all that is being waited for, where something cancelled itself: there will be no result."""
        task = asyncio.current_task()
        if task and not task.cancelling():
            for other in self._running:
                if other is not task and not other.cancelling():
                    other.cancel()

    def _drop(self, nulled: list[Key]) -> None:
        """Cancel what is being waited for below a place that was nulled."""
        for task, keys in self._running.items():
            if task is not asyncio.current_task() and task not in self._dropped and keys[: len(nulled)] == nulled:
                self._dropped.add(task)
                task.cancel()
