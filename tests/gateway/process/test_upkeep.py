"""Tests the metrics of the commands that rewrite all verifications."""

import asyncio
from contextlib import suppress
from itertools import count

from prometheus_client import CollectorRegistry, generate_latest

from domain.errors import Unavailable
from gateway.process.upkeep import UpkeepMetrics, showing_upkeep
from store.upkeep.rounds import RoundsState
from tests.factories import NOON

STATE = RoundsState("keys rotate", "new", "ver_5", 2, passed=30, total=100, found=3, unreadable=1, rewritten=7, finished_at=None)


def exposed(registry: CollectorRegistry) -> set[str]:
    """The lines of the metrics, without comments."""
    return {line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")}


def test_the_progress_is_shown_for_each_work() -> None:
    registry = CollectorRegistry()
    metrics = UpkeepMetrics(registry)
    assert exposed(registry) == {"gateway_schema_version 2.0"}

    metrics.report([STATE])

    work = '{work="keys rotate"}'
    assert exposed(registry) == {
        "gateway_schema_version 2.0",
        f"gateway_upkeep_running{work} 1.0",
        f"gateway_upkeep_round{work} 2.0",
        f"gateway_upkeep_passed_verifications{work} 30.0",
        f"gateway_upkeep_total_verifications{work} 100.0",
        f"gateway_upkeep_rewritten_verifications{work} 7.0",
        f"gateway_upkeep_unreadable_verifications{work} 1.0",
    }


async def test_the_metrics_are_updated_after_an_outage() -> None:
    registry = CollectorRegistry()
    finished = RoundsState("migrate", "2", "", 1, passed=1, total=1, found=0, unreadable=0, rewritten=0, finished_at=NOON)
    reads = count(1)
    shown = asyncio.Event()

    async def read() -> list[RoundsState]:
        number = next(reads)
        if number == 1:
            raise Unavailable
        if number == 3:
            # The first read fails. The metrics show the result of the second read before the third read begins.
            shown.set()
        return [finished]

    task = asyncio.create_task(showing_upkeep(read, UpkeepMetrics(registry), every_seconds=0))
    await shown.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert 'gateway_upkeep_running{work="migrate"} 0.0' in exposed(registry)
