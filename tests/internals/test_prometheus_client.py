"""Tests how prometheus-client reads collectors, and in which format it writes metrics. See `docs/libraries.md`."""

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector


class Numbers(Collector):
    """A collector without metric objects such as `Counter`: it makes its metrics when Prometheus reads them, as the gateway's collectors do."""

    def __init__(self) -> None:
        self.collections = 0

    def collect(self) -> list[Metric]:
        self.collections += 1
        durations = HistogramMetricFamily("seconds", "Durations", labels=["type"])
        durations.add_metric(["query"], [("0.5", 1), ("+Inf", 3)], 4.5)
        responses = CounterMetricFamily("responses", "Responses", labels=["status"])
        responses.add_metric(["200"], 3)
        return [durations, responses]


def test_prometheus_client_reads_the_families_of_a_collector_when_it_is_scraped() -> None:
    registry = CollectorRegistry()
    registry.register(Numbers())

    lines = generate_latest(registry).decode().splitlines()

    for line in (
        'seconds_bucket{le="0.5",type="query"} 1.0',
        'seconds_bucket{le="+Inf",type="query"} 3.0',
        'seconds_count{type="query"} 3.0',
        'seconds_sum{type="query"} 4.5',
        'responses_total{status="200"} 3.0',
    ):
        assert line in lines


def test_prometheus_client_names_a_counter_with_one_suffix() -> None:
    registry = CollectorRegistry()
    Counter("errors_total", "Errors", registry=registry)

    assert "errors_total 0.0" in generate_latest(registry).decode().splitlines()


def test_prometheus_clients_media_type_is_the_text_format_that_it_writes() -> None:
    assert CONTENT_TYPE_LATEST.startswith("text/plain; version=")
