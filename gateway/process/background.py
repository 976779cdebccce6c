"""Background tasks of the process: creating the indexes, and restarting tasks that fail."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from domain.errors import Unavailable
from domain.query_budget import QueryBudget
from gateway.process.health import Health
from gateway.process.metrics import Providing
from store.verifications import Store

logger = logging.getLogger(__name__)

RESTART_SECONDS = 1.0
COUNT_SECONDS = 60.0
INDEX_CHECK_SECONDS = 20.0


async def preparation(health: Health) -> None:
    """Build the indexes as soon as MongoDB is reachable. After that, check every INDEX_CHECK_SECONDS whether one is missing, and build it.

    If an index is suspected to be missing, the check comes earlier, but at least RESTART_SECONDS after the previous one.
    """
    repair = health.store.index_repair
    while True:
        try:
            await health.prepare()
        except Unavailable:
            if not health.prepared:
                logger.warning("waiting for MongoDB")
            repair.suspect()
        await asyncio.sleep(RESTART_SECONDS)
        await repair.suspected(INDEX_CHECK_SECONDS - RESTART_SECONDS)


async def counting(store: Store, processing: timedelta, report: Callable[[int], object], every_seconds: float = COUNT_SECONDS) -> None:
    """Count, at regular times, the verifications whose capture was completed longer than `processing` ago and that still have no result."""
    while True:
        try:
            report(await store.count_processing(store.now() - processing))
        except Unavailable:
            logger.warning("MongoDB is unavailable; the verifications that wait for a result will be counted later")
        await asyncio.sleep(every_seconds * random.uniform(0.8, 1.2))


async def reporting(unfinished: Callable[[], Awaitable[tuple[int, float]]], providing: Providing, every_seconds: float) -> None:
    """Update the metrics regularly: how many verifications are not started at their provider yet, and the age of the oldest."""
    while True:
        try:
            count, age_seconds = await unfinished()
            providing.unfinished.set(count)
            providing.oldest_seconds.set(age_seconds)
        except Unavailable:
            logger.warning("MongoDB is unavailable; the verifications that are not started yet will be counted later")
        await asyncio.sleep(every_seconds)


async def measuring(read: Callable[[], Awaitable[float]], report: Callable[[float], object], every_seconds: float) -> None:
    """Update a metric regularly: call `report` with the age in seconds that `read` returns."""
    while True:
        try:
            report(await read())
        except Unavailable:
            report(float("nan"))
        await asyncio.sleep(every_seconds * random.uniform(0.8, 1.2))


async def showing_budgets(left: Callable[[], Awaitable[Mapping[str, QueryBudget]]], providing: Providing, every_seconds: float) -> None:
    """Update the metrics regularly: how many queries each workspace may still send to its provider."""
    while True:
        try:
            providing.report_budgets(await left())
        except Unavailable:
            logger.warning("MongoDB is unavailable; the queries that may still be sent will be counted later")
        await asyncio.sleep(every_seconds)


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
