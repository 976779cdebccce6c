"""Tests the supervisor with small workers: Python programs that accept connections on the socket that they inherit."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway.server import listening_sockets
from gateway.workers import supervisor
from gateway.workers.supervisor import Supervisor
from tests.processes.process import runs
from tests.wire import GENEROUS_SECONDS

# A worker: reports that it listens, and sends the number of its slot and its process id to each client. At SIGHUP, it writes a file.
PROGRAM = """
import os, signal, socket, sys
from pathlib import Path
number, listening, channel, directory = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
if (directory / "broken").exists():
    sys.exit(3)
signal.signal(signal.SIGHUP, lambda *_: (directory / f"reloaded-{number}").touch())
bound = socket.socket(fileno=listening)
socket.socket(fileno=channel).send(b"1") if not (directory / "silent").exists() else None
while True:
    client, _ = bound.accept()
    client.send(f"{number} {os.getpid()}".encode())
    client.close()
"""


class Running:
    """A supervisor that runs in the test's process. The test connects to its workers to learn which of them run."""

    def __init__(self, sockets: list[socket.socket], directory: Path) -> None:
        self.directory = directory
        self.port = sockets[0].getsockname()[1]
        self.supervisor = Supervisor(sockets, lambda *numbers: [sys.executable, "-c", PROGRAM, *map(str, numbers), str(directory)])
        self.task = asyncio.create_task(self.supervisor.run())

    async def answer(self) -> tuple[int, int]:
        """Connect once. Returns the number and the process id of the worker that answered."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        number, process_id = (await reader.read()).split()
        writer.close()
        return int(number), int(process_id)

    async def workers(self, count: int = 2) -> dict[int, int]:
        """The process ids of the workers by their numbers, once all have answered."""
        found: dict[int, int] = {}
        async with asyncio.timeout(GENEROUS_SECONDS):
            while len(found) < count:
                found.update([await self.answer()])
        return found

    async def until(self, holds: Callable[[dict[int, int]], bool]) -> dict[int, int]:
        """Wait until `holds` is true of the workers' process ids, by their numbers. Returns these ids."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            while not holds(found := await self.workers()):
                await asyncio.sleep(0.05)
        return found


@asynccontextmanager
async def supervised(directory: Path, count: int = 2) -> AsyncIterator[Running]:
    """A context in which a supervisor runs in the test's process. It receives the signals that the test sends to its own process."""
    sockets = listening_sockets("127.0.0.1", 0, count)
    running = Running(sockets, directory)
    try:
        yield running
    finally:
        if not running.task.done():
            signal.raise_signal(signal.SIGTERM)
        with suppress(asyncio.CancelledError):
            async with asyncio.timeout(GENEROUS_SECONDS):
                await running.task
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
            loop.remove_signal_handler(number)
        for each in sockets:
            each.close()


async def test_all_workers_answer_on_one_port_and_end_with_the_supervisor(tmp_path: Path) -> None:
    async with supervised(tmp_path, count=3) as running:
        workers = await running.workers(3)

        signal.raise_signal(signal.SIGTERM)
        status = await running.task

    assert sorted(workers) == [1, 2, 3]
    assert status == 128 + signal.SIGTERM
    assert not any(map(runs, workers.values()))


async def test_a_worker_that_ends_is_replaced_and_the_others_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with supervised(tmp_path) as running:
        before = await running.workers()

        os.kill(before[1], signal.SIGKILL)
        after = await running.until(lambda found: found[1] != before[1])

    assert after[2] == before[2]
    assert "worker 1 ended with status 137; another one is started in 0.4 s" in caplog.text


async def test_at_sigusr2_all_workers_are_replaced_one_after_the_other(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        before = await running.workers()

        signal.raise_signal(signal.SIGUSR2)
        after = await running.until(lambda found: not {*found.values()} & {*before.values()})

        # No connection was refused meanwhile: `answer` would have failed.
        assert sorted(after) == [1, 2]


async def test_new_workers_that_do_not_start_leave_the_old_ones(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with supervised(tmp_path) as running:
        before = await running.workers()
        (tmp_path / "broken").touch()

        signal.raise_signal(signal.SIGUSR2)
        async with asyncio.timeout(GENEROUS_SECONDS):
            while "the new worker 1 ended with status 3; the workers that are left stay" not in caplog.text:
                await asyncio.sleep(0.05)

        assert await running.workers() == before


async def test_sighup_is_passed_on_to_all_workers(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        await running.workers()

        signal.raise_signal(signal.SIGHUP)
        async with asyncio.timeout(GENEROUS_SECONDS):
            while not all((tmp_path / f"reloaded-{number}").exists() for number in (1, 2)):
                await asyncio.sleep(0.05)


async def test_if_the_first_worker_does_not_start_its_status_is_that_of_the_supervisor(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    async with supervised(tmp_path) as running:
        async with asyncio.timeout(GENEROUS_SECONDS):
            assert await running.task == 3


async def test_a_signal_while_the_first_worker_starts_ends_the_supervisor(tmp_path: Path) -> None:
    (tmp_path / "silent").touch()
    async with supervised(tmp_path, count=1) as running:
        await running.workers(1)

        signal.raise_signal(signal.SIGTERM)

        async with asyncio.timeout(GENEROUS_SECONDS):
            assert await running.task == 128 + signal.SIGTERM


async def test_a_worker_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "WORKER_STOP_SECONDS", 0.2)
    async with supervised(tmp_path, count=1) as running:
        process_id = (await running.workers(1))[1]

        os.kill(process_id, signal.SIGSTOP)
        signal.raise_signal(signal.SIGTERM)

        async with asyncio.timeout(GENEROUS_SECONDS):
            await running.task

    assert not runs(process_id)
