"""The busiest workspaces: those whose queries and mutations cost most within the last full minute."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from time import monotonic

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# How many workspaces the metric shows.
MAX_SHOWN = 10
# For how many workspaces costs are counted. If there are more, only the costs of the busiest ones are kept: half as many as this number.
MAX_COUNTED_WORKSPACES = 10_000
MINUTE_SECONDS = 60.0
TURN_SECONDS = 1.0


class BusiestWorkspaces(Collector):
    """Adds up the cost of operations by workspace, minute by minute."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._begun_at = now()
        self._present: Counter[str] = Counter()
        self._last: Counter[str] = Counter()

    def executed(self, workspace: str, cost: int) -> None:
        """Add the cost of an operation."""
        self._present[workspace] += cost

    async def run(self) -> None:
        """Call `turn` every TURN_SECONDS until cancelled."""
        while True:
            self.turn()
            await asyncio.sleep(TURN_SECONDS)

    def turn(self) -> None:
        """Begin a new minute if the present one is over. Also drops the smallest costs if too many workspaces are counted.

        `run` calls this every TURN_SECONDS, so that counting an operation costs only one addition.
        """
        passed = self._now() - self._begun_at
        if passed >= MINUTE_SECONDS:
            self._last = self._present if passed < 2 * MINUTE_SECONDS else Counter()
            self._present, self._begun_at = Counter(), self._now()
        elif len(self._present) > MAX_COUNTED_WORKSPACES:
            self._present = Counter(dict(self._present.most_common(MAX_COUNTED_WORKSPACES // 2)))

    def collect(self) -> Iterator[Metric]:
        """The metric of the workspaces. prometheus_client calls this method when Prometheus reads the metrics."""
        self.turn()
        busiest = GaugeMetricFamily("gateway_busiest_workspaces_cost", "Cost of the operations within the last full minute", labels=["workspace"])
        for workspace, cost in self._last.most_common(MAX_SHOWN):
            busiest.add_metric([workspace], cost)
        yield busiest
