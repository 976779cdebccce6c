"""Background tasks of the process: they build indexes, check the dependencies and update metrics. `restarted` restarts a task after a failure."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from time import monotonic

from domain.errors import Unavailable
from domain.query_budget import QueryBudget
from gateway.process.health import Health
from gateway.process.metrics import Providing
from store.outage import Outage
from store.verifications import Store

logger = logging.getLogger(__name__)

RESTART_SECONDS = 1.0
MAX_RESTART_SECONDS = 30.0
# If a task ran for this long before it failed, its earlier failures do not count: the pause before its restart is short again.
STEADY_SECONDS = 60.0
COUNT_SECONDS = 60.0
INDEX_CHECK_SECONDS = 20.0
DEPENDENCY_SECONDS = 5.0
STARTING_SECONDS = 0.5


async def preparation(health: Health) -> None:
    """Build the indexes as soon as MongoDB is reachable. After that, check every INDEX_CHECK_SECONDS whether one is missing, and build it.

    After `IndexRepair.suspect` was called, the check comes earlier, but at least RESTART_SECONDS after the previous one.
    """
    repair = health.store.index_repair
    while True:
        try:
            await health.prepare()
        except Unavailable as error:
            health.wait_for_mongo(error)
            repair.suspect()
        await asyncio.sleep(RESTART_SECONDS)
        await repair.suspected(INDEX_CHECK_SECONDS - RESTART_SECONDS)


async def checking(health: Health, report: Callable[[Mapping[str, str | None]], object]) -> None:
    """Check the dependencies regularly, and report their states to the metrics. The first checks come quickly, so that the process is ready soon."""
    while True:
        report(await health.dependencies())
        await asyncio.sleep(DEPENDENCY_SECONDS if health.started else STARTING_SECONDS)


async def counting(store: Store, processing: timedelta, report: Callable[[int], object], every_seconds: float = COUNT_SECONDS) -> None:
    """Count, at regular times, the verifications whose capture was completed longer than `processing` ago and that still have no result."""
    outage = Outage(logger, "the verifications that wait for a result are counted again")
    while True:
        try:
            report(await store.count_processing(store.now() - processing))
            outage.over()
        except Unavailable:
            outage.failed("MongoDB is unavailable; the verifications that wait for a result will be counted later")
        await asyncio.sleep(every_seconds * random.uniform(0.8, 1.2))


async def reporting(unfinished: Callable[[], Awaitable[tuple[int, float]]], providing: Providing, every_seconds: float) -> None:
    """Update the metrics regularly: how many verifications are not started at their provider yet, and the age of the oldest."""
    outage = Outage(logger, "the verifications that are not started yet are counted again")
    while True:
        try:
            count, age_seconds = await unfinished()
            outage.over()
            providing.unfinished.set(count)
            providing.oldest_seconds.set(age_seconds)
        except Unavailable:
            outage.failed("MongoDB is unavailable; the verifications that are not started yet will be counted later")
        await asyncio.sleep(every_seconds)


async def measuring(read: Callable[[], Awaitable[float]], report: Callable[[float], object], every_seconds: float) -> None:
    """Update a metric regularly: call `report` with the number that `read` returns, such as an age in seconds; with NaN if MongoDB is unavailable."""
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

    After each further failure, the pause before the restart is longer. Of failures of the same kind, only the first is logged, until the task works
    again. `name`: what is restarted, for the log.
    """
    outage = Outage(logger, f"the {name} works again")
    while True:
        began = monotonic()
        try:
            return await work()
        except Exception as error:
            if monotonic() - began > STEADY_SECONDS:
                outage.over()
            outage.failed(f"the {name} failed ({type(error).__name__}) and is restarted", logging.ERROR)
            await asyncio.sleep(outage.pause_seconds(RESTART_SECONDS, MAX_RESTART_SECONDS))
