"""The supervisor: starts the workers of `gateway serve --workers N`, replaces those that end, and passes signals on to them.

Each worker has a slot with a listening socket of its own. All these sockets have the same port, and the kernel spreads connections evenly over them
(SO_REUSEPORT). The supervisor keeps every socket open. So while a worker is replaced, connections to its slot wait, and none is refused.

uvicorn's own supervisor is not used, for two reasons. It replaces workers at SIGHUP, at which the gateway reads files again. And it needs a
configuration that can be pickled, but the gateway's server and its connections are objects of one process, which can't be pickled.
"""

import asyncio
import logging
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic

from gateway.server import GRACE_SECONDS

logger = logging.getLogger(__name__)

# How long a worker may take to end before it is killed, in addition to GATEWAY_DRAIN_DELAY_SECONDS. A worker that drains needs less.
WORKER_STOP_SECONDS = 20.0 + GRACE_SECONDS
# The pause before a worker that has ended is replaced. It doubles with each worker of the slot that ends within STEADY_WORKER_SECONDS, up to
# LAST_RESTART_SECONDS.
FIRST_RESTART_SECONDS, LAST_RESTART_SECONDS = 0.2, 10.0
STEADY_WORKER_SECONDS = 60.0

# Makes the command line of a worker. Its arguments: the number of the worker's slot from 1 on, and the file descriptors of its listening socket and
# of its channel to the supervisor.
CommandLine = Callable[[int, int, int], Sequence[str]]


class Worker:
    """A worker process. `channel`: the supervisor's end of a pair of sockets. The worker sends a byte as soon as it listens.

    If the supervisor is killed, the channel is closed, and the worker ends.
    """

    def __init__(self, process: Process, channel: socket.socket) -> None:
        self.process = process
        self.started_at = monotonic()
        self._channel = channel

    async def listens(self) -> bool:
        """Wait until the worker listens. Returns False if it ended instead."""
        with suppress(ConnectionError):
            return bool(await asyncio.get_running_loop().sock_recv(self._channel, 1))
        return False

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the worker, if it still runs."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def ended(self) -> int:
        """Wait until the process has ended. Returns its status: 128 plus the number of the signal if a signal ended it."""
        status = await self.process.wait()
        self._channel.close()
        return 128 - status if status < 0 else status

    async def end(self, number: signal.Signals, delay_seconds: float) -> None:
        """End the worker in order, or kill it after `delay_seconds` and WORKER_STOP_SECONDS.

        `number`: SIGTERM if all workers end, or SIGUSR2 if another worker takes over the connections to come.
        """
        self.send(number)
        try:
            async with asyncio.timeout(delay_seconds + WORKER_STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            logger.error("a worker did not end within %.0f s and is killed", delay_seconds + WORKER_STOP_SECONDS)
            self.send(signal.SIGKILL)
        await self.ended()


class Supervisor:
    """Runs one worker for each of the listening sockets.

    `admin`: the listening socket of the endpoints for operators, which all workers share; None if these endpoints have no port of their own.
    `delay_seconds`: how long workers announce their end before they drain.
    """

    def __init__(
        self, sockets: Sequence[socket.socket], command_line: CommandLine, admin: socket.socket | None = None, delay_seconds: float = 0
    ) -> None:
        self._sockets = sockets
        self._command_line = command_line
        self._inherited = (admin.fileno(),) if admin else ()
        self._delay_seconds = delay_seconds
        # The worker of each slot. While a worker is replaced, its slot has two: the one that drains is only in `_running`.
        self._workers: list[Worker] = []
        self._running: set[Worker] = set()
        # Held while the worker of a slot is replaced.
        self._locks = [asyncio.Lock() for _ in sockets]
        self._rolling: asyncio.Task[None] | None = None
        self._stop: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()

    async def run(self) -> int:
        """Run the workers until SIGTERM or SIGINT. Returns the exit status: 128 plus the number of the signal.

        If the first worker ends before it listens, no other worker is started, and the exit status is that of the first worker.
        """
        self._handle_signals()
        first = await self._start(0)
        if not await first.listens():
            status = await first.ended()
            return 128 + self._stop.result() if self._stop.done() else status
        self._workers = [first, *[await self._start(slot) for slot in range(1, len(self._sockets))]]
        keepers = [asyncio.create_task(self._keep(slot)) for slot in range(len(self._sockets))]
        try:
            return 128 + await self._stop
        finally:
            for task in [*keepers, *([self._rolling] if self._rolling else [])]:
                task.cancel()
            await asyncio.gather(*(worker.end(signal.SIGTERM, self._delay_seconds) for worker in self._running))

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        loop.add_signal_handler(signal.SIGUSR2, self._roll)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})

    def _end(self, number: signal.Signals) -> None:
        if not self._stop.done():
            self._stop.set_result(number)
            if not self._workers:
                # The first worker is still starting, and `run` waits for it.
                for worker in self._running:
                    worker.send(signal.SIGTERM)

    def _reload(self) -> None:
        for worker in self._running:
            worker.send(signal.SIGHUP)

    def _roll(self) -> None:
        if self._workers and (not self._rolling or self._rolling.done()):
            self._rolling = asyncio.create_task(self._replace_all())

    async def _start(self, slot: int) -> Worker:
        """Start a worker. It has a session of its own, so that Ctrl-C in a terminal reaches only the supervisor."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            fds = self._sockets[slot].fileno(), theirs.fileno()
            command = self._command_line(slot + 1, *fds)
            process = await asyncio.create_subprocess_exec(*command, pass_fds=(*fds, *self._inherited), start_new_session=True)
        worker = Worker(process, ours)
        self._running.add(worker)
        return worker

    async def _keep(self, slot: int) -> None:
        """Replace the worker of this slot whenever it ends, until cancelled."""
        pause = FIRST_RESTART_SECONDS
        while True:
            worker = self._workers[slot]
            status = await worker.ended()
            self._running.discard(worker)
            async with self._locks[slot]:
                if self._workers[slot] is not worker:
                    continue  # It was replaced before it ended.
                pause = FIRST_RESTART_SECONDS if monotonic() - worker.started_at > STEADY_WORKER_SECONDS else min(2 * pause, LAST_RESTART_SECONDS)
                logger.error("worker %d ended with status %d; another one is started in %.1f s", slot + 1, status, pause)
                await asyncio.sleep(pause)
                self._workers[slot] = await self._start(slot)

    async def _replace_all(self) -> None:
        """Replace the workers one after the other. If a new worker does not start, the old workers that have not been replaced yet stay."""
        for slot in range(len(self._sockets)):
            async with self._locks[slot]:
                new = await self._start(slot)
                if not await new.listens():
                    self._running.discard(new)
                    logger.error("the new worker %d ended with status %d; the workers that are left stay", slot + 1, await new.ended())
                    return
                old, self._workers[slot] = self._workers[slot], new
                await old.end(signal.SIGUSR2, self._delay_seconds)
                self._running.discard(old)
        logger.info("all %d workers were replaced", len(self._sockets))
