"""Tests that send requests in every framing through nginx, which shares its connections to the gateway between clients."""

from collections.abc import AsyncIterator

import pytest

from tests.framing.connections import Peer, connected
from tests.framing.exchanges import BODIES, exchanges
from tests.framing.nginx import nginx, recipe
from tests.framing.requests import OFFERS
from tests.framing.watched import Watched

# How many exchanges run at the same time. One after the other would take long, because nginx is slow with a long body: after the head, it waits up to
# 40 ms for an acknowledgement before it sends the body.
AT_ONCE = 16


@pytest.fixture(scope="module")
async def proxy(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Peer]:
    """nginx in front of the gateway. It keeps idle connections to the gateway, and uses them for other clients."""
    async with nginx(watched.peer.port, tmp_path_factory.mktemp("nginx"), recipe(kept=AT_ONCE)) as peer:
        yield peer


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("offer", OFFERS)
async def test_every_request_gets_exactly_its_own_response(watched: Watched, proxy: Peer, offer: str, body: str) -> None:
    await watched.run(exchanges(offer, body, watched.callers, proxied=True), proxy, AT_ONCE)


async def test_nginx_itself_refuses_connect(watched: Watched, proxy: Peer) -> None:
    async with watched.executes(queries=0), connected(proxy) as connection:
        await connection.send(b"CONNECT gateway:443 HTTP/1.1\r\nHost: gateway\r\n\r\n")

        assert (await connection.answer()).status in (400, 405), "the older and the newer nginx"
