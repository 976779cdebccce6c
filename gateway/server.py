"""The server: creates the listening socket, configures uvicorn, and starts and ends the process."""

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from errno import EACCES, EADDRINUSE
from functools import partial
from types import FrameType
from typing import NoReturn, cast

import uvicorn
import uvloop

from gateway.transports.admin import AdminServer
from gateway.transports.entrance import Application
from gateway.transports.http_connection import HttpProtocol, Patience
from gateway.transports.last_connections import accept_last_connections
from gateway.transports.socket_connection import WebSocketProtocol

logger = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 65_536
# How long a client may read nothing before the kernel closes its connection.
UNREAD_SECONDS = 30
PING_SECONDS = 20
# How long uvicorn waits for unfinished requests when the process ends, after the process has drained (see `Drain`). Draining and waiting together
# take less than ten seconds, the shortest time that orchestrators wait before they kill a process. GATEWAY_DRAIN_DELAY_SECONDS is added to that time.
GRACE_SECONDS = 3
# How long a process that accepts no more connections waits for the first requests on the connections that it accepted last.
LAST_REQUEST_SECONDS = 1.0
# The interval at which Python switches threads (the GIL switch interval). It is a fifth of Python's default, so that the threads of the MongoDB
# driver do not wait long before they send commands.
SWITCH_SECONDS = 0.001


class AddressTaken(Exception):
    """The server can't listen on the configured address and port.

    `option`: the setting that the user should change: `host`, `port` or `admin_port`.
    """

    def __init__(self, host: str, port: int, reason: str, option: str) -> None:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        argument = "" if option == "admin_port" else f", or with `gateway dev --{option}`"
        setting = f"GATEWAY_{option.upper()}{argument}"
        super().__init__(f"can't listen on {place} ({reason}); choose another {option} with {setting}")


def listening_socket(host: str, port: int, unread_seconds: float = UNREAD_SECONDS, option: str = "port", shared: bool = False) -> socket.socket:
    """Bind a socket to the address. Call this before anything else starts, so that a failure is reported first. Raises: AddressTaken.

    `option`: the name of the setting that holds the port. `shared`: whether other sockets may have the same address (SO_REUSEPORT).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.create_server((host, port), family=family, backlog=2048, reuse_port=shared)
    except (OSError, UnicodeError) as error:
        # The standard library appends " (while attempting to bind on address …)" to the reason. Cut this off, because the message of AddressTaken
        # already contains the address.
        reason = (getattr(error, "strerror", None) or "not the name of a host").partition(" (while")[0]
        raise AddressTaken(host, port, reason, option if isinstance(error, OSError) and error.errno in (EACCES, EADDRINUSE) else "host") from None
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # If a client reads nothing for this long, the kernel closes the connection. The gateway can't close it with a WebSocket close frame: the
        # frame would wait behind the unread data.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(unread_seconds * 1000))
    return bound


def listening_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """Bind several sockets to the same address. The kernel spreads new connections evenly over them. Raises: AddressTaken."""
    # First, bind a socket that is not shared: this fails if another gateway has the port. A shared socket would not fail, and would take a part of
    # the other gateway's connections.
    with listening_socket(host, port) as alone:
        taken: int = alone.getsockname()[1]
    return [listening_socket(host, taken, shared=True) for _ in range(count)]


def admin_socket(host: str, port: int | None) -> AbstractContextManager[socket.socket | None]:
    """The listening socket of the endpoints for operators, or None if they have no port of their own. Raises: AddressTaken."""
    return listening_socket(host, port, option="admin_port") if port else nullcontext()


class Server(uvicorn.Server):
    """uvicorn's server with the gateway's protocol classes. It calls `started` as soon as it listens. Before it ends, it drains the connections."""

    def __init__(
        self,
        app: Application,
        started: Callable[[], None] = lambda: None,
        patience: Patience | None = None,
        admin: socket.socket | None = None,
        shares_port: bool = False,
    ) -> None:
        """`patience`: the timeouts of connections, for tests. None: the timeouts of production, with the idle time of the settings.

        `admin`: the listening socket of the endpoints for operators, if they have a port of their own. `shares_port`: whether other
        processes accept connections on the same port, and on the same sockets.
        """
        if not isinstance(app, Application):
            raise TypeError("the server needs the gateway's own Application: around it, ASGI middleware would miss the requests of the fast path")
        metrics = app.process.metrics
        http = partial(
            HttpProtocol,
            fast_path=app.fast_path,
            places=app.process.places,
            patience=patience or Patience(idle_seconds=app.process.idle_seconds),
            refused=metrics.count_refused,
            drain=app.process.drain,
        )
        config = uvicorn.Config(
            app,
            # uvicorn creates one protocol object for each connection: it calls `http` or `ws`, and adds its own arguments.
            http=cast("type[asyncio.Protocol]", http),
            ws=cast("type[asyncio.Protocol]", partial(WebSocketProtocol, refused=metrics.count_refused)),
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            # Pings keep proxies from closing quiet sockets. A late or missing pong does not close the socket: a slow reader's pong is late, as the
            # ping waits behind other data, and clients would not connect again after uvicorn's close code for a late pong. A client that is gone
            # does not acknowledge the bytes of the ping, so the kernel closes the connection (see `listening_socket`).
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=None,
            # The application itself reads X-Forwarded-For, from the proxies that the setting `trusted_proxies` names.
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self._on_started = started
        self._reload = app.process.reload
        self._drain = app.process.drain
        self._shares_port = shares_port
        self._retired = False
        self._admin = AdminServer(app.process.admin, admin) if admin else None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then call the function that was passed as `started`."""
        if self._admin:
            await self._admin.start()
        await super().startup(sockets)
        if self._reload and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        if self._shares_port:
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, self.retire)
        if self.started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain the long-lived connections while the server still answers requests. Then shut the server down.

        With a drain delay (GATEWAY_DRAIN_DELAY_SECONDS), connections that clients have just opened are accepted before the sockets are closed.
        """
        logger.info("the process stops: it closes its connections and finishes its requests")
        await self._drain.lead_out()
        if self._drain.delay_seconds and not self._retired:
            await accept_last_connections(sockets or [])
        await super().shutdown(sockets)
        logger.info("the process has stopped serving")
        if self._admin:
            self._admin.stop()

    def retire(self) -> None:
        """Leave new connections to another process that accepts them on the same sockets, and then end."""
        self._retired = True
        for server in self.servers:
            server.close()
        if self._admin:
            self._admin.stop()
        # A client whose connection was accepted last may not have sent its request yet. If its connection were closed now, the request would be lost.
        asyncio.get_running_loop().call_later(LAST_REQUEST_SECONDS, setattr, self, "should_exit", True)


def run_and_leave(main: Coroutine[None, None, None]) -> NoReturn:
    """Run `main` until it ends, then exit without waiting for threads.

    Threads of the MongoDB driver may still wait for MongoDB. They would keep the process alive until their timeouts.
    """
    status: object = 0
    try:
        run(main)
    except SystemExit as end:
        status = end.code
    logging.shutdown()
    os._exit(status if isinstance(status, int) else 1)


def run(main: Coroutine[None, None, None]) -> None:
    """Run `main` on uvloop until it ends, after preparing the process: its signals, its limit of open files, and its GIL switch interval."""
    end_in_order()
    make_room()
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def make_room() -> None:
    """Raise the limit of open files to the maximum that the system allows. The limit is often 1,024, and each connection needs an open file."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def hold_sighup() -> None:
    """Make SIGHUP wait until the server has started. Before that, nothing would handle the signal, and it would end the process."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def end_in_order() -> None:
    """Make SIGTERM raise SystemExit, as SIGINT raises KeyboardInterrupt. A process that a signal ends can then release all resources."""
    signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
