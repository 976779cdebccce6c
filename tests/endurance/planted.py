"""Starts `gateway serve` with a leak that the endurance run must find.

python -m tests.endurance.planted NAME serve
"""

import asyncio
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from gateway.__main__ import main
from gateway.commands import serve
from gateway.workers.supervisor import Supervisor

LEAK_SECONDS = 1.0
LEAKED_BYTES = 100_000
kept: list[Any] = []


def keeps_memory() -> None:
    """Leak 100 kB of memory. It is called once a second."""
    kept.append(b"x" * LEAKED_BYTES)


def keeps_descriptors() -> None:
    """Leak a socket. It is called once a second."""
    kept.append(socket.socket())


def keeps_threads() -> None:
    """Leak a thread. It is called once a second."""
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()


def takes_longer() -> None:
    """Leak processor time: each call works about 0.5 ms longer than the call before. It is called once a second, on the event loop."""
    kept.append(None)
    sum(number for number in range(len(kept) * 20_000))


LEAKS = {"descriptors": keeps_descriptors, "memory": keeps_memory, "processor": takes_longer, "threads": keeps_threads}


async def leaking(leak: Callable[[], None]) -> None:
    """Call the function `leak` once a second."""
    while True:
        leak()
        await asyncio.sleep(LEAK_SECONDS)


def plant(name: str) -> None:
    """Plant the leak with this name: in the workers if this process is their supervisor, or in this process if it is a worker."""
    supervisor: Any = Supervisor
    module: Any = serve
    begin, serving = supervisor.__init__, module.serving

    def planted_supervisor(self: Supervisor, sockets: Any, command_line: Any, *rest: Any) -> None:
        def planted_command_line(*arguments: int) -> list[str]:
            words = list(command_line(*arguments))
            return [sys.executable, "-m", "tests.endurance.planted", name, *words[words.index("worker") :]]

        begin(self, sockets, planted_command_line, *rest)

    async def planted_serving(*arguments: Any, **options: Any) -> None:
        task = asyncio.create_task(leaking(LEAKS[name]))
        try:
            await serving(*arguments, **options)
        finally:
            task.cancel()

    supervisor.__init__, module.serving = planted_supervisor, planted_serving


if __name__ == "__main__":
    plant(sys.argv.pop(1))
    main()
