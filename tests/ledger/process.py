"""Child processes that can be started, frozen and killed. They are killed when this process ends, however it ends."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0

# A Python program that starts a command so that the kernel kills the command when the process of the tests ends. The option 1 of prctl is
# PR_SET_PDEATHSIG, and the signal 9 is SIGKILL, which also ends a frozen process.
LEASH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, ctypes.c_ulong(9))
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent process has ended")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Process:
    """A command that can be started again after its process has ended. The output is appended to a log file."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid()), *command]
        self._log = log
        self._environment = None if environment is None else {**os.environ, **environment}
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def id(self) -> int:
        """The id of the running process, or 0 if the command is not running."""
        return self._running.pid if self._running and self._running.poll() is None else 0

    @property
    def status(self) -> int | None:
        """The exit status of the latest process; None if it is running, or if none was started. A signal that ended it is a negative number."""
        return self._running.poll() if self._running else None

    def start(self) -> None:
        """Start the process unless it is running."""
        if self.id:
            return
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self._environment, cwd=ROOT, start_new_session=True
            )

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it is running."""
        if self.id:
            with suppress(ProcessLookupError):
                os.kill(self.id, number)

    def freeze(self) -> None:
        """Suspend the process (SIGSTOP)."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue the process (SIGCONT)."""
        self.send(signal.SIGCONT)

    async def kill(self) -> None:
        """Kill the process and wait until it has ended."""
        self.send(signal.SIGKILL)
        await self.ended()

    async def terminate(self) -> None:
        """Send SIGTERM and wait until the process has ended. Kills it after PATIENCE_SECONDS."""
        self.send(signal.SIGTERM)
        await self.ended()

    async def ended(self) -> None:
        """Wait until the process has ended. Kills it after PATIENCE_SECONDS."""
        deadline = monotonic() + PATIENCE_SECONDS
        while self.id:
            if monotonic() > deadline:
                self.send(signal.SIGKILL)
            await asyncio.sleep(0.01)


def free_port() -> int:
    """The number of a free port.

    The port is below the range from which the kernel takes ports for outgoing connections. No such connection can occupy it while its server is
    stopped.
    """
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, max(first_ephemeral, 20_000))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
