"""The health check of containers."""

import asyncio

from gateway.alive import alive
from tests.serving import Gateway


def test_where_nobody_listens_nothing_is_alive() -> None:
    assert not alive(1)


async def test_a_gateway_that_serves_is_alive(shared_gateway: Gateway) -> None:
    port = int(shared_gateway.url.rpartition(":")[2])

    assert await asyncio.to_thread(alive, port)
