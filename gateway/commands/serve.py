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
from gateway.pages import board, follow
from gateway.process.garbage import collected_seldom
from gateway.process.metrics import Metrics
from gateway.process.mongo_check import check_mongo
from gateway.settings import Settings
from gateway.workers.channel import SupervisorChannel
from gateway.workers.shared_metrics import SharedMetrics
from gateway.workers.supervisor import Supervisor

logger = logging.getLogger(__name__)


def serve_in_production(chosen: Settings) -> NoReturn:
    """Serve until a signal ends the process. Raises: AddressTaken, and what `application` and `check_mongo` raise."""
    if chosen.workers > 1:
        supervise(chosen)
    # SIGUSR2 replaces workers. This process is alone, so the signal must have no effect: by default, it would end the process.
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    with server.listening_socket(chosen.host, chosen.port) as bound:
        port = bound.getsockname()[1]
        server.run_and_leave(serving(chosen, bound, lambda: logger.info("listening on %s port %d", chosen.host, port)))


async def serving(
    chosen: Settings,
    bound: socket,
    started: Callable[[], None],
    shared: Callable[[Metrics], AbstractAsyncContextManager[None]] = lambda metrics: nullcontext(),
) -> None:
    """Serve on a bound socket until a signal arrives.

    `started` is called when the process listens. `shared`: returns the context in which the workers share their metrics.
    """
    pages = [*board.production_pages(chosen.board, chosen.processing_seconds), *follow.follow_routes()]
    app = application(chosen, pages=pages)
    health = app.process.health
    try:
        await check_mongo(health.store.database, "GATEWAY_MONGO_URI")
    except Unavailable as error:
        health.wait_for_mongo(error)
    async with collected_seldom(), shared(app.process.metrics):
        await server.Server(app, started, shares_port=chosen.workers > 1).serve([bound])


def supervise(chosen: Settings) -> NoReturn:
    """Run the workers until a signal ends them. Raises: AddressTaken."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(each) for each in server.listening_sockets(chosen.host, chosen.port, chosen.workers)]
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-"))
        port = sockets[0].getsockname()[1]
        logger.info("%d workers serve %s port %d", chosen.workers, chosen.host, port)

        def command_line(number: int, listening: int, channel: int) -> list[str]:
            # -P: modules in the working directory are not imported.
            return [sys.executable, "-P", "-m", "gateway", "worker", *map(str, (number, listening, channel)), directory]

        async def supervising() -> int:
            return await Supervisor(sockets, command_line).run()

        status = asyncio.run(supervising())
    logging.shutdown()
    sys.exit(status)


def work(chosen: Settings, number: int, listening: int, channel: int, directory: Path) -> NoReturn:
    """Serve as a worker of a supervisor.

    `number`: the number of the worker's slot. `listening`, `channel`: the file descriptors of its listening socket and of its channel to the
    supervisor. `directory`: the directory in which the workers share their metrics.
    """
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
        await serving(chosen, socket(fileno=listening), started, shared)

    server.run_and_leave(working())
