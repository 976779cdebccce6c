"""Tests of the limit of plain connections from one address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import orjson
import pytest

from gateway.settings import Settings
from gateway.transports.connection_places import ConnectionPlaces
from tests.gateway.refusals import refused
from tests.gateway.transports.test_http_connection import HANDSHAKE, LIVEZ, Line, line, posted
from tests.serving import Gateway, serving
from tests.streams import streaming
from tests.wire import GENEROUS_SECONDS, wired

LIMIT = 4
FEED = "subscription { verificationsUpdated { cursor } }"


def test_places_are_counted_by_address() -> None:
    places = ConnectionPlaces(9, ())
    first, second, other = places.place("192.0.2.1"), places.place("192.0.2.1"), places.place("192.0.2.2")

    assert [first.take(), second.take(), other.take(), second.take()] == [1, 2, 1, 2]
    first.close()
    assert second.take() == 1
    first.close()
    assert second.take() == 1, "a place is closed once"
    assert first.take() == 0, "a closed connection is not counted again"


def test_the_addresses_of_one_line_share_their_places() -> None:
    places = ConnectionPlaces(9, ())

    assert [places.place(address).take() for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")] == [1, 2, 1]


def test_a_vacated_place_is_taken_again_unless_the_connection_has_closed() -> None:
    places = ConnectionPlaces(9, ())
    place, other = places.place("192.0.2.1"), places.place("192.0.2.1")
    place.take()

    with place.vacated():
        assert other.take() == 1
    assert other.take() == 2
    with place.vacated():
        place.close()
    assert other.take() == 1


@pytest.mark.parametrize("address", ["10.1.2.3", "192.0.2.7", "2001:db8::1", "", "a socket"])
def test_proxies_and_local_sockets_are_not_counted(address: str) -> None:
    places = ConnectionPlaces(9, ("10.0.0.0/8", "192.0.2.7", "2001:db8::/32"))

    assert [places.place(address).take() for _ in range(3)] == [0, 0, 0]


def test_the_defaults() -> None:
    assert (Settings.model_fields["max_connections_per_address"].default, Settings.model_fields["idle_seconds"].default) == (1000, 75)


@pytest.fixture
async def gateway(mongo_uri: str) -> AsyncIterator[Gateway]:
    """A gateway that allows LIMIT connections from one address. The client of `serving` keeps one of them open, which leaves LIMIT - 1 to a test."""
    async with serving(mongo_uri, max_connections_per_address=LIMIT) as running:
        yield running


async def answered(connection: Line) -> int:
    """Send a request. Returns the status of the response."""
    await connection.say(LIVEZ)
    return (await connection.hear())[0]


async def test_a_connection_beyond_the_limit_is_refused_with_503_until_another_one_closes(gateway: Gateway) -> None:
    async with AsyncExitStack() as stack:
        admitted = [await stack.enter_async_context(line(gateway)) for _ in range(LIMIT - 1)]
        assert [await answered(each) for each in admitted] == [200] * (LIMIT - 1)

        async with line(gateway) as beyond:
            await beyond.say(LIVEZ)
            status, headers, content = await beyond.hear()
            assert (status, headers["retry-after"], headers["connection"], content) == (503, "5", "close", b"")
            assert await beyond.ended() == b""
        assert await refused(gateway, "connections") == 1

        admitted[0].writer.close()
        await is_admitted(gateway)


async def is_admitted(gateway: Gateway) -> None:
    """Wait until one more connection is admitted. The gateway may need some time to notice that another connection has closed."""
    async with asyncio.timeout(GENEROUS_SECONDS):
        while True:
            async with line(gateway) as another:
                if await answered(another) == 200:
                    return
            await asyncio.sleep(0.02)


async def test_connections_far_beyond_the_limit_are_closed_at_once(gateway: Gateway) -> None:
    async with AsyncExitStack() as stack:
        flood = [await stack.enter_async_context(line(gateway)) for _ in range(3 * LIMIT)]

        assert await flood[-1].ended() == b""
        assert await refused(gateway, "connections") == 2 * LIMIT + 1, "the connection of the test's own client is open too"


async def test_sockets_and_event_streams_do_not_count_as_plain_connections(gateway: Gateway) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(LIMIT):
            await stack.enter_async_context(wired(gateway, gateway.token()))
            stream = await stack.enter_async_context(streaming(gateway, gateway.token(), FEED))
            await stream.next()

        async with line(gateway) as plain:
            assert await answered(plain) == 200


async def test_a_connection_counts_again_after_its_event_stream(gateway: Gateway) -> None:
    content = orjson.dumps({"query": "{ me { subject } }"})
    request = posted(gateway, f"content-length: {len(content)}", "accept: text/event-stream") + content
    async with AsyncExitStack() as stack:
        for _ in range(LIMIT - 1):
            connection = await stack.enter_async_context(line(gateway))
            await connection.say(request)
            assert b"event: complete" in await connection.reader.readuntil(b"\r\n0\r\n\r\n")

        beyond = await stack.enter_async_context(line(gateway))
        assert await answered(beyond) == 503


async def test_a_refused_handshake_leaves_no_connection_counted(gateway: Gateway) -> None:
    for _ in range(3 * LIMIT):
        async with line(gateway) as refused_socket:
            await refused_socket.say(HANDSHAKE.replace(b"version: 13", b"version: 8"))
            assert (await refused_socket.hear())[0] == 426
        await is_admitted(gateway)


async def test_connections_of_a_trusted_proxy_are_not_limited(mongo_uri: str) -> None:
    async with serving(mongo_uri, max_connections_per_address=1, trusted_proxies="127.0.0.1") as gateway, AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(line(gateway)) for _ in range(5)]

        assert [await answered(each) for each in connections] == [200] * 5


async def test_the_idle_time_is_a_setting(mongo_uri: str) -> None:
    async with serving(mongo_uri, idle_seconds=0.3) as gateway, line(gateway) as idle:
        assert await answered(idle) == 200

        assert await idle.ended() == b""
