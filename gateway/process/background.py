"""Background tasks of the process: creating the indexes, and restarting tasks that fail."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from domain.errors import Unavailable
from gateway.process.health import Health

logger = logging.getLogger(__name__)

RESTART_SECONDS = 1.0


async def preparation(health: Health) -> None:
    """Create the indexes as soon as MongoDB is reachable. Tries again every RESTART_SECONDS until then."""
    while not health.prepared:
        try:
            await health.prepare()
        except Unavailable:
            logger.warning("waiting for MongoDB")
            await asyncio.sleep(RESTART_SECONDS)


async def restarted(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work`, and start it again whenever it raises an exception, so that the background task does not end before the process.

    `name`: what is restarted, for the log.
    """
    while True:
        try:
            return await work()
        except Exception as error:
            logger.error("the %s failed (%s) and is restarted", name, type(error).__name__)
            await asyncio.sleep(RESTART_SECONDS)
