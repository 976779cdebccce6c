"""Sends requests that two servers could interpret differently, each followed by a second request. Checks which responses the gateway sends."""

from collections.abc import AsyncIterator

import pytest

from tests.commands import Commands
from tests.framing.vectors import CHUNKED, CLASSES, NEXT, REFUSED, Vector, head
from tests.gateway.transports.test_http_connection import line
from tests.serving import Gateway, serving


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with the default limits and timeouts."""
    async with serving(shared_database_uri) as running:
        yield running


@pytest.mark.parametrize("vector", [pytest.param(each, id=f"{name}-{each.name}") for name, vectors in CLASSES.items() for each in vectors])
async def test_a_request_is_read_to_its_end_or_refused(gateway: Gateway, vector: Vector) -> None:
    async with line(gateway) as proxy:
        await proxy.say(vector.request, NEXT)
        heads = (await proxy.ended()).split(b"HTTP/1.1 ")[1:]

    assert tuple(int(head[:3]) for head in heads) == vector.statuses
    assert b"\r\nconnection: close\r\n" in heads[-1].lower()
    assert vector.statuses != REFUSED or heads[-1].endswith(b"\r\n\r\n"), "a refusal has no content"


async def test_trailers_with_connection_close_after_the_response_close_the_connection(gateway: Gateway) -> None:
    async with line(gateway) as proxy:
        await proxy.say(head(CHUNKED))
        assert (await proxy.hear())[0] == 404

        await proxy.say(b"0\r\nconnection: close\r\n\r\n", NEXT)
        assert await proxy.ended() == b"", "the next request would be dropped, and its client would wait"
