"""Tests how the metrics count requests and operations."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from gateway.process.request_metrics import NO_ERROR, Requests, cumulated
from tests.company import Company
from tests.serving import serving


def value(requests: Requests, name: str, **labels: str) -> float | None:
    """The value of the sample with this name and these labels in the metrics of `requests`. None if there is no such sample."""
    registry = CollectorRegistry()
    registry.register(requests)
    return registry.get_sample_value(name, labels)


def test_buckets_contain_the_values_of_all_lower_buckets() -> None:
    assert cumulated((0.1, 1), [2, 0, 3]) == [("0.1", 2), ("1.0", 2), ("+Inf", 5)]


def test_executions_are_counted_by_operation_and_code() -> None:
    requests = Requests()
    requests.executed(("Row", "query"), NO_ERROR, 0.004)
    requests.executed(("Row", "query"), "TIMEOUT", 20)

    assert value(requests, "gateway_operations_total", operation="Row", type="query", code="OK") == 1
    assert value(requests, "gateway_operations_total", operation="Row", type="query", code="TIMEOUT") == 1
    assert value(requests, "gateway_operation_seconds_bucket", operation="Row", type="query", le="0.005") == 1
    assert value(requests, "gateway_operation_seconds_sum", operation="Row", type="query") == 20.004


def test_errors_with_an_alert_are_shown_before_the_first_of_them() -> None:
    requests = Requests()
    before = value(requests, "gateway_errors_total", code="INTERNAL_SERVER_ERROR")

    requests.count_errors([{"extensions": {"code": "INTERNAL_SERVER_ERROR"}}])

    assert (before, value(requests, "gateway_errors_total", code="INTERNAL_SERVER_ERROR")) == (0, 1)


async def test_every_error_that_a_client_receives_is_counted_by_its_code(company: Company) -> None:
    async def count(code: str) -> float:
        text = (await company.gateway.client.get("/metrics")).text
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(f'gateway_errors_total{{code="{code}"}}')), 0)

    codes = ("UNAUTHENTICATED", "GRAPHQL_PARSE_FAILED", "BAD_USER_INPUT")
    before = [await count(code) for code in codes]

    await company.gateway.post("{ me { subject } }", token="nonsense")
    await company.answer("{")
    await company.answer('{ verification(id: "x") { id } verifications(first: -1) { totalCount } }')

    assert [await count(code) for code in codes] == [number + 1 for number in before]


async def test_a_trusted_operation_has_its_own_name_and_all_others_share_one(database_uri: str, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"abc": "query Mine { me { subject } }"}')
    async with serving(database_uri, documents="trusted-first", trusted_documents=manifest) as gateway:
        await gateway.query("query Mine { me { subject } }")
        await gateway.query("query Secret4711 { me { subject } }")
        text = (await gateway.client.get("/metrics")).text

    assert 'gateway_operations_total{code="OK",operation="Mine",type="query"} 1.0' in text
    assert 'gateway_operations_total{code="OK",operation="(other)",type="query"} 1.0' in text
    assert "Secret4711" not in text
