"""What the metrics of a process count."""

import asyncio
from datetime import timedelta
from math import isnan
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from pymongo import MongoClient

from domain.event import Progress
from gateway.process.metrics import Delivering
from store.indexes import VERIFICATIONS
from store.verifications import utc_now
from tests.company import Company
from tests.factories import WINDOWS, a_verification
from tests.serving import Gateway, serving
from tests.storing import encode
from tests.wire import GENEROUS_SECONDS, following

READ = "query($id: ID!) { verification(id: $id) { id attempts { id } } }"


async def measured(gateway: Gateway) -> dict[tuple[str, str], float]:
    """The value of every metric. Each key has the metric's name, and its label `type` (the type of operation) or an empty text without the label."""
    families = text_string_to_metric_families((await gateway.client.get("/metrics")).text)
    return {(sample.name, sample.labels.get("type", "")): sample.value for family in families for sample in family.samples}


async def test_operations_errors_and_subscriptions_are_measured(company: Company) -> None:
    before = await measured(company.gateway)

    id = await company.created()
    await company.ask(READ, {"id": id})
    await company.answer("{ verifications(first: 0) { totalCount } }")
    await company.answer("{ verifications(first: 0) { totalCount } }")
    async with following(company.gateway, company.token(), "subscription { verificationsUpdated { cursor } }") as updates:
        await updates.next()
        during = await measured(company.gateway)

    changes = {name: during[name] - before.get(name, 0) for name in during}
    assert changes["gateway_operation_seconds_count", "mutation"] == 1
    assert changes["gateway_operation_seconds_count", "query"] == 3
    assert changes["gateway_response_errors_total", ""] == 2
    assert changes["gateway_subscriptions_total", ""] == 1
    assert changes["gateway_subscribers", ""] == changes["gateway_sockets", ""] == 1
    assert 0 <= during["gateway_feed_age_seconds", ""] < GENEROUS_SECONDS


async def test_metrics_contain_no_ids_names_or_subjects(company: Company) -> None:
    id = await company.created(reference="order-7c1f")

    text = (await company.gateway.client.get("/metrics")).text

    assert not any(secret in text for secret in (id, "Jeanne", "order-7c1f", "tester"))


async def test_stuck_verifications_are_counted_when_the_process_starts(
    database_uri: str, mongo: MongoClient[dict[str, Any]], database_name: str
) -> None:
    ages = timedelta(days=2, hours=23), timedelta(days=3, minutes=1), timedelta(days=6)
    for age in ages:
        captured = a_verification(at=utc_now() - age).progressed(Progress.CAPTURE_COMPLETED, WINDOWS, utc_now() - age)
        mongo[database_name][VERIFICATIONS].insert_one(encode(captured))

    async with serving(database_uri) as gateway, asyncio.timeout(GENEROUS_SECONDS):
        while isnan(count := (await measured(gateway))["gateway_stuck_verifications", ""]):
            await asyncio.sleep(0.01)

    assert count == 2


def test_deliveries_are_counted_by_outcome_and_attempt() -> None:
    registry = CollectorRegistry()
    metrics = Delivering(registry)
    unknown = registry.get_sample_value("gateway_oldest_undelivered_seconds")
    metrics.count("failed", 1)
    metrics.count("delivered", 2)
    metrics.oldest_seconds.set(12.5)

    assert unknown is not None
    assert isnan(unknown)
    assert registry.get_sample_value("gateway_deliveries_total", {"outcome": "failed", "attempt": "1"}) == 1
    assert registry.get_sample_value("gateway_deliveries_total", {"outcome": "delivered", "attempt": "2"}) == 1
    assert registry.get_sample_value("gateway_oldest_undelivered_seconds") == 12.5
