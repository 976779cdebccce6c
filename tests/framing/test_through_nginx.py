"""Requests of every framing, sent to nginx in front of the gateway, which keeps its connections to the gateway from one client to the next."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.framing.conftest import Framing
from tests.framing.connections import Peer
from tests.framing.exchanges import exchanges
from tests.framing.nginx import KEPT, nginx
from tests.framing.requests import OFFERS

FRAMINGS = ("no body", "length", "chunked")


@pytest.fixture(scope="module")
async def kept(framing: Framing, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Peer]:
    """An nginx that keeps its connection to the gateway."""
    async with nginx(framing.peer.port, tmp_path_factory.mktemp("nginx"), KEPT) as peer:
        yield peer


@pytest.mark.parametrize("framed", FRAMINGS)
@pytest.mark.parametrize("offer", OFFERS)
async def test_every_request_is_answered_alone_and_exactly(framing: Framing, kept: Peer, offer: str, framed: str) -> None:
    await framing.hold(list(exchanges(offer, framed, framing.callers, proxied=True)), kept, at_once=16)
