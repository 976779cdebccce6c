"""What the metrics of a process count."""

from prometheus_client.parser import text_string_to_metric_families

from tests.company import Company
from tests.serving import Gateway
from tests.wire import GENEROUS_SECONDS, following

READ = "query($id: ID!) { verification(id: $id) { id attempts { id } } }"


async def measured(gateway: Gateway) -> dict[tuple[str, str], float]:
    """The value of every metric. The keys are its name and its label `type` (the type of operation), or an empty text."""
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


async def test_metrics_contain_no_ids_workspaces_or_names(company: Company) -> None:
    id = await company.created(reference="order-7c1f")

    text = (await company.gateway.client.get("/metrics")).text

    assert not any(secret in text for secret in (id, company.workspace, "Jeanne", "order-7c1f"))
