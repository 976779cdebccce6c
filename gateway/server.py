"""The server: the listening socket, uvicorn's configuration, and how the process starts and ends."""

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
# Together with the drain's own seconds it stays below ten seconds, the shortest time that orchestrators wait before they kill a process.
GRACE_SECONDS = 3
# GIL switch interval, so that the driver's threads do not wait long before they send commands to MongoDB. Python's default is five times as long.
SWITCH_SECONDS = 0.001
PATIENCE = Patience()


class AddressTaken(Exception):
    """The server can't listen on its address."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"can't listen on {host}:{port} ({reason}); choose another with --port or GATEWAY_PORT")


def listening(host: str, port: int, unread_seconds: float = UNREAD_SECONDS) -> socket.socket:
    """A bound socket. It is bound before anything else starts, so that a failure is reported first. Raises: AddressTaken."""
    try:
        bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
    except OSError as error:
        # The standard library appends the address, which the message already contains.
        raise AddressTaken(host, port, (error.strerror or type(error).__name__).partition(" (while")[0]) from None
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # If a peer reads nothing for this long, the kernel closes its connection. A close frame would not reach it: the buffers before it are full.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(unread_seconds * 1000))
    return bound


class Server(uvicorn.Server):
    """uvicorn's server with the gateway's protocol classes. It calls `started` when it listens, and drains before it ends."""

    def __init__(self, app: Application, started: Callable[[], None] = lambda: None, patience: Patience = PATIENCE) -> None:
        if not isinstance(app, Application):
            raise TypeError("the server needs the gateway's own Application: around it, ASGI middleware would miss the requests of the fast path")
        metrics = app.process.metrics
        config = uvicorn.Config(
            app,
            # uvicorn calls these with its own arguments for each connection.
            http=cast("type[asyncio.Protocol]", partial(HttpProtocol, fast_path=app.fast_path, patience=patience, refused=metrics.count_refused)),
            ws=cast("type[asyncio.Protocol]", partial(WebSocketProtocol, refused=metrics.count_refused)),
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            # Pings keep proxies from closing quiet sockets. A late pong does not close the socket: a slow reader's pong waits behind the data,
            # and clients would not connect again after that close code. A dead peer does not acknowledge the pings, and the kernel closes it.
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=None,
            # A setting of the application names the trusted proxies.
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._on_started = started
        self._drain = app.process.drain

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and report it."""
        await super().startup(sockets)
        if self.started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain the long-lived connections while requests are still answered, then end."""
        await self._drain.lead_out()
        await super().shutdown(sockets)


def run_and_leave(main: Coroutine[None, None, None]) -> NoReturn:
    """Run to the end, and exit at once: the driver's threads may still wait for MongoDB, and would keep the process alive until their timeouts."""
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
    """Raise the limit of open files, and thereby of connections, to the highest that the system allows. The default is often 1,024."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def end_in_order() -> None:
    """Release all resources when a signal ends the process: SIGTERM raises SystemExit, as SIGINT raises KeyboardInterrupt."""
    signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
