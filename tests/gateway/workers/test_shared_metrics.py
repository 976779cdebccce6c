"""Tests that one response has the metrics of all workers."""

from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gateway.workers.shared_metrics import SharedMetrics, labelled, merged_expositions


def an_exposition(value: float) -> bytes:
    """The metrics of a process: a counter with a label that contains every special character, a gauge and a histogram."""
    registry = CollectorRegistry()
    Counter("requests_total", "Requests", ["path"], registry=registry).labels('a "b" {c} \\ \n d').inc(value)
    Gauge("open", "Open", registry=registry).set(value)
    Histogram("seconds", "Durations", registry=registry, buckets=(1,)).observe(value)
    return generate_latest(registry)


def samples(exposition: bytes) -> dict[tuple[str, str], float]:
    """The values in an exposition, by the names of their metrics and their workers."""
    families = [*text_string_to_metric_families(exposition.decode())]
    assert len({family.name for family in families}) == len(families), "a family occurs twice"
    return {(sample.name, sample.labels.get("worker", "")): sample.value for family in families for sample in family.samples}


def test_every_sample_gets_the_number_of_its_worker() -> None:
    found = samples(merged_expositions({1: an_exposition(2), 2: an_exposition(3)}))

    assert {key: found[key] for key in found if key[0] in ("requests_total", "open", "seconds_count", "gateway_worker_up")} == {
        ("gateway_worker_up", "1"): 1,
        ("gateway_worker_up", "2"): 1,
        ("requests_total", "1"): 2,
        ("requests_total", "2"): 3,
        ("open", "1"): 2,
        ("open", "2"): 3,
        ("seconds_count", "1"): 1,
        ("seconds_count", "2"): 1,
    }


def test_other_labels_and_their_values_stay() -> None:
    [family] = [family for family in text_string_to_metric_families(merged_expositions({7: an_exposition(2)}).decode()) if family.name == "requests"]

    assert {"path": 'a "b" {c} \\ \n d', "worker": "7"} in [sample.labels for sample in family.samples]
    assert labelled("open 1.0", 3) == 'open{worker="3"} 1.0'


def test_a_worker_without_an_answer_is_reported_as_down() -> None:
    found = samples(merged_expositions({1: an_exposition(2), 2: None}))

    assert (found["gateway_worker_up", "1"], found["gateway_worker_up", "2"]) == (1, 0)
    assert ("open", "2") not in found


async def test_any_worker_answers_with_the_metrics_of_all() -> None:
    # The path of a Unix socket has at most 107 characters, and the directories of pytest can be longer.
    with TemporaryDirectory() as name:
        one, two, three = (SharedMetrics(Path(name), number, 3) for number in (1, 2, 3))
        async with one.offered(lambda: an_exposition(10)), two.offered(lambda: an_exposition(20)):
            found = samples(await one.combined(an_exposition(11)))

            assert {worker: value for (metric, worker), value in found.items() if metric == "open"} == {"1": 11, "2": 20}
            assert found["gateway_worker_up", "3"] == 0
            async with three.offered(lambda: an_exposition(30)):
                assert samples(await two.combined(an_exposition(21)))["open", "3"] == 30


async def test_a_worker_that_replaces_another_takes_over_its_place() -> None:
    with TemporaryDirectory() as name:
        other, draining, new = SharedMetrics(Path(name), 1, 2), SharedMetrics(Path(name), 2, 2), SharedMetrics(Path(name), 2, 2)
        async with draining.offered(lambda: an_exposition(20)), new.offered(lambda: an_exposition(21)):
            assert samples(await other.combined(an_exposition(1)))["open", "2"] == 21
