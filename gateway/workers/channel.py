"""The worker's side of its channel to the supervisor."""

import asyncio
import os
import signal
import socket


class SupervisorChannel:
    """A socket whose other end the supervisor holds. The worker reports that it listens, and ends if the supervisor was killed."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(False)

    def watch(self) -> None:
        """From now on, end this process in order when the supervisor is gone. Needs a running event loop."""
        asyncio.get_running_loop().add_reader(self._socket, self._gone)

    def report(self) -> None:
        """Report that this worker listens."""
        self._socket.send(b"1")

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _gone(self) -> None:
        # The supervisor sends nothing, so the socket becomes readable only when its other end is closed.
        asyncio.get_running_loop().remove_reader(self._socket)
        os.kill(os.getpid(), signal.SIGTERM)
