"""The metrics of the process: how late its event loop is, and which release it is."""

import asyncio
import time

from prometheus_client import CollectorRegistry

from gateway.process.process_metrics import LAG_INTERVAL_SECONDS, register_process


async def test_a_blocked_event_loop_shows_as_lag() -> None:
    registry = CollectorRegistry()
    lag = register_process(registry, "1.2.3")
    measuring = asyncio.create_task(lag.measure())
    await asyncio.sleep(0.01)

    time.sleep(LAG_INTERVAL_SECONDS + 0.3)  # noqa: ASYNC251
    await asyncio.sleep(0.01)
    measuring.cancel()

    assert (registry.get_sample_value("gateway_event_loop_lag_seconds_sum") or 0) >= 0.3
    assert registry.get_sample_value("gateway_event_loop_lag_seconds_bucket", {"le": "0.25"}) == 0


def test_the_release_and_the_process_are_shown() -> None:
    registry = CollectorRegistry()
    register_process(registry, "1.2.3")

    [info] = [metric for metric in registry.collect() if metric.name == "gateway_build"]

    assert info.samples[0].labels["version"] == "1.2.3"
    assert (registry.get_sample_value("process_resident_memory_bytes") or 0) > 0
    assert registry.get_sample_value("python_gc_collections_total", {"generation": "0"}) is not None
