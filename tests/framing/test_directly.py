"""Requests of every framing, sent to the gateway itself, in segments of which each is read alone."""

import pytest

from tests.framing.conftest import Framing
from tests.framing.exchanges import exchanges
from tests.framing.requests import OFFERS

FRAMINGS = ("no body", "length", "chunked")


@pytest.mark.parametrize("framed", FRAMINGS)
@pytest.mark.parametrize("offer", OFFERS)
async def test_every_request_is_answered_alone_and_exactly(framing: Framing, offer: str, framed: str) -> None:
    await framing.hold(list(exchanges(offer, framed, framing.callers)), framing.peer)
