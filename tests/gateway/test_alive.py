"""Tests of the health check for containers (gateway/alive.py): whether it notices that a gateway answers, or that none does."""

import asyncio

from gateway.alive import alive
from tests.serving import Gateway


def test_an_unused_port_is_not_alive() -> None:
    assert not alive(1)


async def test_a_running_gateway_is_alive(shared_gateway: Gateway) -> None:
    port = int(shared_gateway.url.rpartition(":")[2])

    assert await asyncio.to_thread(alive, port)
