"""The metrics of the process itself: memory, descriptors, garbage collection, the release, and how late the event loop runs."""

import asyncio
import platform
from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import HistogramMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.process.request_metrics import cumulated

# The time between two measurements of the event loop's lag, and the upper limits of the buckets in the histogram of that lag; both in seconds.
LAG_INTERVAL_SECONDS = 0.25
LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Release(Collector):
    """Reports the release of the gateway, which is `version`, and the version of Python."""

    def __init__(self, version: str) -> None:
        self._labels = {"version": version, "python": platform.python_version()}

    def collect(self) -> Iterator[Metric]:
        """The metric of the release. prometheus_client calls this method when Prometheus reads the metrics."""
        yield InfoMetricFamily("gateway_build", "The release of the gateway, and the version of Python", value=self._labels)


class LoopLag(Collector):
    """Measures how late the event loop calls a timer. All requests wait this long, in addition to their own work."""

    def __init__(self) -> None:
        self._buckets = [0] * (len(LAG_BUCKETS) + 1)
        self._seconds = 0.0

    async def measure(self) -> None:
        """Measure every LAG_INTERVAL_SECONDS until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due_at = loop.time() + LAG_INTERVAL_SECONDS
            await asyncio.sleep(LAG_INTERVAL_SECONDS)
            self.record(max(0.0, loop.time() - due_at))

    def record(self, seconds: float) -> None:
        """Record that a timer was called so many seconds late."""
        self._buckets[bisect_left(LAG_BUCKETS, seconds)] += 1
        self._seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """The metric of the lag. prometheus_client calls this method when Prometheus reads the metrics."""
        lag = HistogramMetricFamily("gateway_event_loop_lag_seconds", "How late the event loop called a timer")
        lag.add_metric([], cumulated(LAG_BUCKETS, self._buckets), self._seconds)
        yield lag


def register_process(registry: CollectorRegistry, version: str) -> LoopLag:
    """Register the metrics of the process. Returns the object that measures the event loop; its `measure` must run in the background."""
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(Release(version))
    lag = LoopLag()
    registry.register(lag)
    return lag
