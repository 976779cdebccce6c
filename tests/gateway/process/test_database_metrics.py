"""The metrics of MongoDB, of the feed and of the sweeper, as a running gateway shows them."""

import asyncio

from prometheus_client.parser import text_string_to_metric_families

from tests.company import Company
from tests.serving import Gateway
from tests.wire import GENEROUS_SECONDS, following


async def samples(gateway: Gateway) -> dict[tuple[str, str], float]:
    """The value of each sample, by its name and the values of its labels."""
    families = text_string_to_metric_families((await gateway.client.get("/metrics")).text)
    return {(each.name, " ".join(each.labels.values())): each.value for family in families for each in family.samples}


async def test_commands_and_connections_are_shown(company: Company) -> None:
    before = await samples(company.gateway)

    await company.created()
    after = await samples(company.gateway)

    assert after["gateway_mongodb_commands_total", "update ok"] == before.get(("gateway_mongodb_commands_total", "update ok"), 0) + 1
    assert after["gateway_mongodb_command_seconds_count", "update"] >= 1
    assert after["gateway_mongodb_connections", "main open"] >= 1
    assert after["gateway_mongodb_connections", "feed open"] >= 1
    assert after["gateway_mongodb_waiting_operations", "main"] == 0
    # The change stream's commands are left out of the metric, because their times say only how long they waited for changes.
    assert ("gateway_mongodb_command_seconds_count", "getMore") not in after


async def test_the_feed_shows_its_lag_its_changes_and_what_waits(company: Company) -> None:
    id = await company.created()
    async with following(company.gateway, company.token(), f'subscription {{ verificationUpdated(id: "{id}") {{ cursor }} }}') as updates:
        await updates.next()
        shown = await samples(company.gateway)

    assert 0 <= shown["gateway_feed_lag_seconds", ""] < GENEROUS_SECONDS
    assert shown["gateway_feed_changes_total", ""] >= 1
    assert shown["gateway_feed_batch_changes_sum", ""] == shown["gateway_feed_changes_total", ""]
    assert shown["gateway_followed_verifications", ""] >= 1
    assert shown["gateway_waiting_states", ""] == shown["gateway_slowest_subscriber_states", ""] == 0


async def test_the_sweeper_shows_when_it_has_swept(company: Company) -> None:
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not (await samples(company.gateway))["gateway_sweep_timestamp_seconds", "expired"] > 0:
            await asyncio.sleep(0.05)
