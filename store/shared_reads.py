"""Identical reads, shared: when a verification changes, a whole team's lists are read again at the same moment."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

Read = Callable[[], Coroutine[Any, Any, Any]]
Futures = list["asyncio.Future[Any]"]


class SharedReads:
    """At most one read of each key at a time, whose result all requests for that key share.

    A read never starts before the requests that it answers arrived, so that no caller gets older data than from a read of its own.
    """

    def __init__(self) -> None:
        # The requests for the next read of each key. A key is present while a read of it is scheduled or under way.
        self._waiting: dict[Hashable, Futures] = {}

    def of(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> "asyncio.Future[T]":
        """The result of reading this key. Cost: a share of one read."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = [future]
            # Not at once, so that other requests of the same turn of the event loop join this read.
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
    """Complete a future with a result or an error, unless its caller has cancelled it."""
    if future.done():
        return
    if isinstance(outcome, asyncio.CancelledError):
        future.cancel()
    elif isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
