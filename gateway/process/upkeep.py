"""The metrics of the commands that rewrite all verifications.

The commands run in processes of their own, so each gateway reads from MongoDB how far they have come.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from prometheus_client import CollectorRegistry, Gauge

from domain.errors import Unavailable
from store.documents import SCHEMA
from store.upkeep.rounds import RoundsState


class UpkeepMetrics:
    """How far `gateway migrate` and `gateway keys rotate` have come. Every process reports the same numbers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, description: str) -> Gauge:
            return Gauge(f"gateway_upkeep_{name}", description, ["work"], registry=registry)

        self._running = gauge("running", "Whether this work on all verifications is under way: 1 or 0; absent if it was never begun")
        self._round = gauge("round", "The number of its round over all verifications")
        self._passed = gauge("passed_verifications", "How many verifications this round has passed")
        self._total = gauge("total_verifications", "About how many verifications there were when the work began")
        self._rewritten = gauge("rewritten_verifications", "How many verifications the work has rewritten")
        self._unreadable = gauge("unreadable_verifications", "How many verifications this round found that can't be rewritten")
        Gauge("gateway_schema_version", "The schema version of documents that this process writes", registry=registry).set(SCHEMA)

    def report(self, states: list[RoundsState]) -> None:
        """Make the metrics show these states, one for each command that was begun."""
        for state in states:
            self._running.labels(state.name).set(state.finished_at is None)
            self._round.labels(state.name).set(state.round)
            self._passed.labels(state.name).set(state.passed)
            self._total.labels(state.name).set(state.total)
            self._rewritten.labels(state.name).set(state.rewritten)
            self._unreadable.labels(state.name).set(state.unreadable)


async def showing_upkeep(read: Callable[[], Awaitable[list[RoundsState]]], metrics: UpkeepMetrics, every_seconds: float) -> None:
    """Update the metrics regularly. While MongoDB is unavailable, they keep their values."""
    while True:
        with suppress(Unavailable):
            metrics.report(await read())
        await asyncio.sleep(every_seconds * random.uniform(0.8, 1.2))
