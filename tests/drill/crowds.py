"""Starts the processes with clients (see crowd.py), and adds up what they report about their clients."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any

import orjson

from tests.drill.crowd import GO, READY, order
from tests.drill.reconnecting import Assignment, ClientRecord

POLL_SECONDS = 0.25
# The longest line that a process may print. One line can hold the records of all of its clients.
MAX_LINE_BYTES = 2**28


@dataclass(frozen=True, slots=True)
class CrowdState:
    """How many clients follow, how many have connected again since a time, how many have given up, and how many have received each version last."""

    following: int
    back: int
    given_up: int
    versions: Counter[int]


class Crowds:
    """All clients of a run, in several processes."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes
        self._requesting = asyncio.Lock()

    async def state(self, since: float = 0.0) -> CrowdState:
        """The state of all clients. `since`: a time of `time.monotonic`; the field `back` counts the clients that have connected again after it."""
        states = await self._request({"state": since})
        versions: Counter[int] = Counter()
        for each in states:
            versions.update({int(version): count for version, count in each["versions"].items()})
        following, back, given_up = (sum(each[name] for each in states) for name in ("following", "back", "given_up"))
        return CrowdState(following, back, given_up, versions)

    async def records(self) -> tuple[list[ClientRecord], Counter[str]]:
        """The records of all clients, and how many of their connections ended for each reason."""
        answers = await self._request({"records": True})
        endings: Counter[str] = Counter()
        for each in answers:
            endings.update(each["endings"])
        return [ClientRecord(**record) for each in answers for record in each["records"]], endings

    async def until_following(self, count: int, patience_seconds: float) -> bool:
        """Wait until this many clients follow. Returns whether they do within this time."""
        deadline = monotonic() + patience_seconds
        while (await self.state()).following < count:
            if monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def until_back(self, count: int, since: float, patience_seconds: float) -> bool:
        """Wait until this many clients have a connection that is newer than `since`. Returns whether they do within this time."""
        deadline = monotonic() + patience_seconds
        while (await self.state(since)).back < count:
            if monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def until_at(self, versions: Counter[int], patience_seconds: float) -> bool:
        """Wait until the right number of clients has received each version last (`versions`). Returns whether that happens within this time."""
        deadline = monotonic() + patience_seconds
        while (await self.state()).versions != versions:
            if monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def _request(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        async with self._requesting:
            return await asyncio.gather(*(self._answer(process, request) for process in self._processes))

    async def _answer(self, process: Process, request: dict[str, Any]) -> dict[str, Any]:
        assert process.stdin
        assert process.stdout
        process.stdin.write(orjson.dumps(request) + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        assert line, "a process with clients has ended"
        answer: dict[str, Any] = orjson.loads(line)
        return answer


@asynccontextmanager
async def crowds(target: tuple[str, int], assignments: Sequence[Assignment], processes: int, at_once: int) -> AsyncIterator[Crowds]:
    """Start the processes, let them begin to connect their clients, and end them with the context.
    `at_once`: how many clients of all processes together may be connecting at the same time.
    """
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.drill.crowd", stdin=PIPE, stdout=PIPE, limit=MAX_LINE_BYTES)
        for _ in range(processes)
    ]
    try:
        for number, process in enumerate(started):
            assert process.stdin
            process.stdin.write(order(target, assignments[number::processes], max(at_once // processes, 1), number))
            await process.stdin.drain()
        for process in started:
            assert process.stdout
            assert await process.stdout.readline() == READY
        for process in started:
            assert process.stdin
            process.stdin.write(GO)
        yield Crowds(started)
    finally:
        for process in started:
            assert process.stdin
            process.stdin.close()
            process.kill()
            await process.wait()
