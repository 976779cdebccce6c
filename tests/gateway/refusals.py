"""The gateway's count of connections and requests that it refused unread."""

from prometheus_client.parser import text_string_to_metric_families

from tests.serving import Gateway


async def refused(gateway: Gateway, reason: str) -> float:
    """The number of refusals for this reason."""
    families = text_string_to_metric_families((await gateway.client.get("/metrics")).text)
    samples = [sample for family in families for sample in family.samples if sample.name == "gateway_refused_total"]
    return next((sample.value for sample in samples if sample.labels["reason"] == reason), 0.0)
