"""Reads from the metrics how many connections and requests a gateway has refused."""

from prometheus_client.parser import text_string_to_metric_families

from tests.serving import Gateway


async def refused(gateway: Gateway, reason: str) -> float:
    """How many connections and requests the gateway has refused for this reason so far."""
    families = text_string_to_metric_families((await gateway.client.get("/metrics")).text)
    samples = [sample for family in families for sample in family.samples if sample.name == "gateway_refused_total"]
    return next((sample.value for sample in samples if sample.labels["reason"] == reason), 0.0)
