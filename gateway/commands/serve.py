"""`gateway serve`: runs the gateway in production, in one process or in several that serve one port."""

import asyncio
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack, nullcontext
from pathlib import Path
from socket import socket
from typing import NoReturn

from domain.errors import Unavailable
from gateway import server
from gateway.application import application
from gateway.pages import board
from gateway.process.garbage import collected_seldom
from gateway.process.metrics import Metrics
from gateway.process.mongo_check import check_mongo
from gateway.settings import Settings
from gateway.transports.last_connections import let_in
from gateway.workers.channel import SupervisorChannel
from gateway.workers.shared_metrics import SharedMetrics
from gateway.workers.supervisor import Supervisor

logger = logging.getLogger(__name__)


def serve_in_production(chosen: Settings) -> NoReturn:
    """Serve until a signal ends the process. Raises: AddressTaken, BoardNotBuilt, and what `application` and `check_mongo` raise."""
    if chosen.workers > 1:
        supervise(chosen)
    # SIGUSR2 replaces workers. This process has no workers, so the signal must have no effect. Without this line, it would end the process.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    with server.listening_socket(chosen.host, chosen.port) as bound, server.admin_socket(chosen.host, chosen.admin_port) as admin:
        port = bound.getsockname()[1]
        server.run_and_leave(serving(chosen, bound, admin, lambda: logger.info("listening on %s port %d", chosen.host, port)))


async def serving(
    chosen: Settings,
    bound: socket,
    admin: socket | None,
    started: Callable[[], None],
    shared: Callable[[Metrics], AbstractAsyncContextManager[None]] = lambda metrics: nullcontext(),
) -> None:
    """Serve on a bound socket until a signal arrives.

    `admin`: the listening socket of the endpoints for operators, if they have a port of their own.
    `started` is called when the process listens. `shared`: returns the context in which the workers share their metrics.
    """
    pages = board.production_pages(chosen.board, chosen.processing_seconds)
    app = application(chosen, pages=pages)
    health = app.process.health
    try:
        await check_mongo(health.store.database, "GATEWAY_MONGO_URI")
    except Unavailable as error:
        health.wait_for_mongo(error)
    async with collected_seldom(), shared(app.process.metrics):
        await server.Server(app, started, admin=admin, shares_port=chosen.workers > 1).serve([bound])


def supervise(chosen: Settings) -> NoReturn:
    """Run the workers until a signal ends them. Raises: AddressTaken."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(each) for each in server.listening_sockets(chosen.host, chosen.port, chosen.workers)]
        admin = stack.enter_context(server.admin_socket(chosen.host, chosen.admin_port))
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-"))
        port = sockets[0].getsockname()[1]
        logger.info("%d workers serve %s port %d", chosen.workers, chosen.host, port)

        def command_line(number: int, listening: int, channel: int) -> list[str]:
            # -P: modules in the working directory are not imported.
            descriptors = (listening, channel, *([admin.fileno()] if admin else []))
            return [sys.executable, "-P", "-m", "gateway", "worker", str(number), directory, *map(str, descriptors)]

        async def supervising() -> int:
            return await Supervisor(sockets, command_line, admin, chosen.drain_delay_seconds).run()

        status = asyncio.run(supervising())
    logging.shutdown()
    sys.exit(status)


def work(chosen: Settings, number: int, directory: Path, listening: int, channel: int, admin: int | None) -> NoReturn:
    """Serve as a worker of a supervisor.

    `number`: the number of the worker's slot. `directory`: the directory in which the workers share their metrics. `listening`, `channel`, `admin`:
    the file descriptors of the worker's listening socket, of its channel to the supervisor, and of the listening socket for operators, if any.
    """
    bound = socket(fileno=listening)
    let_in(bound)
    supervisor = SupervisorChannel(channel)
    metrics = SharedMetrics(directory, number, chosen.workers)

    def started() -> None:
        logger.info("worker %d listens, process %d", number, os.getpid())
        supervisor.report()

    def shared(own: Metrics) -> AbstractAsyncContextManager[None]:
        own.combine = metrics.combined
        return metrics.offered(own.exposition)

    async def working() -> None:
        supervisor.watch()
        await serving(chosen, bound, None if admin is None else socket(fileno=admin), started, shared)

    server.run_and_leave(working())
