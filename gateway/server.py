"""The process that listens."""

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from types import FrameType
from typing import NoReturn, cast

import uvicorn
import uvloop

from gateway.transports.entrance import Application
from gateway.transports.http_connection import HttpProtocol, Patience
from gateway.transports.socket_connection import WebSocketProtocol

MAX_MESSAGE_BYTES = 65_536
UNREAD_SECONDS = 30
PING_SECONDS = 20
# Together with the drain's own seconds below ten, which is what orchestrators wait at least.
GRACE_SECONDS = 3
# So long a thread waits for its turn while others work, and MongoDB with it for what it is to be asked: by default it is five times as long.
SWITCH_SECONDS = 0.001
PATIENCE = Patience()


class AddressTaken(Exception):
    """Nothing can listen there."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"can't listen on {host}:{port} ({reason}); choose another with --port or GATEWAY_PORT")


def listening(host: str, port: int, unread_seconds: float = UNREAD_SECONDS) -> socket.socket:
    """A socket that is bound, so that a failure shows before anything else was started. Raises: AddressTaken."""
    try:
        bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
    except OSError as error:
        # The standard library adds the address, which the message has already.
        raise AddressTaken(host, port, (error.strerror or type(error).__name__).partition(" (while")[0]) from None
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # A peer that takes nothing in this time is cut by the kernel, however full the buffers are: a close frame would never get through.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(unread_seconds * 1000))
    return bound


class Server(uvicorn.Server):
    """Says when it is ready, and takes leave."""

    def __init__(self, app: Application, started: Callable[[], None] = lambda: None, patience: Patience = PATIENCE) -> None:
        if not isinstance(app, Application):
            raise TypeError("the server needs the gateway's own Application: around it, ASGI middleware would miss the requests of the fast path")
        metrics = app.process.metrics
        config = uvicorn.Config(
            app,
            # What uvicorn calls with its own arguments for each connection.
            http=cast("type[asyncio.Protocol]", partial(HttpProtocol, fast_path=app.fast_path, patience=patience, refused=metrics.count_refused)),
            ws=cast("type[asyncio.Protocol]", partial(WebSocketProtocol, refused=metrics.count_refused)),
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            # They keep proxies from taking a quiet socket for a dead one. Nobody is cut for a late answer: a slow reader's waits behind the data,
            # and clients would take the close code for fatal. A dead peer doesn't acknowledge them, and the kernel cuts it.
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=None,
            # Whose word is taken is a setting of the application.
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._tell = started
        self._drain = app.process.drain

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        if self.started:
            self._tell()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lead those who listen out while requests are still answered, then end."""
        await self._drain.lead_out()
        await super().shutdown(sockets)


def run_and_leave(main: Coroutine[None, None, None]) -> NoReturn:
    """Run to the end, and be gone then: threads of the driver that still wait for MongoDB would hold the process as long as they may."""
    status: object = 0
    try:
        run(main)
    except SystemExit as end:
        status = end.code
    logging.shutdown()
    os._exit(status if isinstance(status, int) else 1)


def run(main: Coroutine[None, None, None]) -> None:
    """Run to the end, on uvloop."""
    end_in_order()
    make_room()
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def make_room() -> None:
    """Have as many connections as the system allows at all: by default a process may open a thousand files or so."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def end_in_order() -> None:
    """Let go of all that is held when a signal ends the process: SIGTERM becomes SystemExit, as SIGINT becomes KeyboardInterrupt."""
    signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
