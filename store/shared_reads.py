"""Reads of the very same, made once for all who ask for it at the same time: when something changes, a whole team's lists are read again at once."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

Read = Callable[[], Coroutine[Any, Any, Any]]
Answers = list["asyncio.Future[Any]"]


class SharedReads:
    """One read of each key at a time. It never starts before the request that asks for it arrived, so that nobody gets older data than alone."""

    def __init__(self) -> None:
        # Those who wait for the next read of a key, for as long as one is under way or about to begin.
        self._waiting: dict[Hashable, Answers] = {}

    def of(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, T]]) -> "asyncio.Future[T]":
        """What is read under a key. Cost: a share of one read."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = [answer]
            # Not at once: whoever else asks in this turn of the loop comes along.
            loop.call_soon(self._next, key, read)
        else:
            waiting.append(answer)
        return answer

    def _next(self, key: Hashable, read: Read) -> None:
        asked, self._waiting[key] = self._waiting[key], []
        if asked:
            asyncio.ensure_future(read()).add_done_callback(partial(self._settle, key, read, asked))
        else:
            del self._waiting[key]

    def _settle(self, key: Hashable, read: Read, asked: Answers, reading: "asyncio.Future[Any]") -> None:
        outcome = asyncio.CancelledError() if reading.cancelled() else reading.exception() or reading.result()
        for answer in asked:
            settle(answer, outcome)
        self._next(key, read)


def settle(answer: "asyncio.Future[Any]", outcome: object) -> None:
    """Answer one who waits, unless nobody waits any more."""
    if answer.done():
        return
    if isinstance(outcome, asyncio.CancelledError):
        answer.cancel()
    elif isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
