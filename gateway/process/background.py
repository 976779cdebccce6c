"""Work that lasts as long as the process."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from domain.errors import Unavailable
from gateway.process.health import Health

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0


async def preparation(health: Health) -> None:
    """Prepare the database as soon as it is there."""
    while not health.prepared:
        try:
            await health.prepare()
        except Unavailable:
            logger.warning("waiting for MongoDB")
            await asyncio.sleep(PAUSE_SECONDS)


async def kept(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work, and again should it fail: nothing that lives as long as the process may end before it."""
    while True:
        try:
            return await work()
        except Exception as error:
            logger.error("the %s failed (%s) and begins anew", name, type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
