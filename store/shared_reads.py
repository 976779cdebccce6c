"""Lets identical requests share one read of the database.

Identical requests are frequent: when a verification changes, the browsers of a whole back office read the same list again at the same time.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

Read = Callable[[], Coroutine[Any, Any, Any]]
Futures = list["asyncio.Future[Any]"]


class SharedReads:
    """Runs at most one read for each key at a time. All requests for the key that wait for this read get its result.

    A read starts only after the requests that it answers have arrived. So no caller gets older data than from a separate read.
    """

    def __init__(self) -> None:
        # For each key: the requests that the next read will answer. A key is present while one of its reads is scheduled or under way.
        self._waiting: dict[Hashable, Futures] = {}

    def of(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> "asyncio.Future[T]":
        """A future of the result of `read`, which other requests for the same key share. Cost: a share of one read."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = [future]
            # Start the read in the next iteration of the event loop, so that other requests of this iteration join it.
            loop.call_soon(self._read_next, key, read)
        else:
            waiting.append(future)
        return future

    def _read_next(self, key: Hashable, read: Read) -> None:
        futures, self._waiting[key] = self._waiting[key], []
        if futures:
            asyncio.ensure_future(read()).add_done_callback(partial(self._settle, key, read, futures))
        else:
            del self._waiting[key]

    def _settle(self, key: Hashable, read: Read, futures: Futures, reading: "asyncio.Future[Any]") -> None:
        outcome = asyncio.CancelledError() if reading.cancelled() else reading.exception() or reading.result()
        for future in futures:
            settle(future, outcome)
        self._read_next(key, read)


def settle(future: "asyncio.Future[Any]", outcome: object) -> None:
    """Complete a future with a result or an error, unless the future is already done because its caller has cancelled it."""
    if future.done():
        return
    if isinstance(outcome, asyncio.CancelledError):
        future.cancel()
    elif isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
