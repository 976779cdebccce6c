"""Processes that are started, frozen and killed, and that end with this one, whatever ends it."""

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

# prctl's option 1 is PR_SET_PDEATHSIG. SIGKILL reaches a process that was stopped too.
LEASH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, ctypes.c_ulong(9))
if os.getppid() != int(sys.argv[1]):
    sys.exit("whoever started this is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Process:
    """A command that can be run again and again. What it says goes to its log."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid()), *command]
        self._log = log
        self._environment = None if environment is None else {**os.environ, **environment}
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def id(self) -> int:
        """Its number; 0 where it does not run."""
        return self._running.pid if self._running and self._running.poll() is None else 0

    def start(self) -> None:
        """Run it, unless it runs."""
        if self.id:
            return
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self._environment, cwd=ROOT, start_new_session=True
            )

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, where it runs."""
        if self.id:
            with suppress(ProcessLookupError):
                os.kill(self.id, number)

    def freeze(self) -> None:
        """Stop it in the middle of what it does."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.send(signal.SIGCONT)

    async def kill(self) -> None:
        """End it at once."""
        self.send(signal.SIGKILL)
        await self.ended()

    async def terminate(self) -> None:
        """Ask it to end, and wait until it has; what does not end is killed."""
        self.send(signal.SIGTERM)
        await self.ended()

    async def ended(self) -> None:
        """Wait until it has ended; what does not end is killed."""
        deadline = monotonic() + PATIENCE_SECONDS
        while self.id:
            if monotonic() > deadline:
                self.send(signal.SIGKILL)
            await asyncio.sleep(0.01)


def free_port() -> int:
    """A port that nobody has, and that no outgoing connection is given while its server is away."""
    first_given_out = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, max(first_given_out, 20_000))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
