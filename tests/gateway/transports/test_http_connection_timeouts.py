"""Tests of the timeouts of HTTP connections, with clients that are silent, slow, or idle."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import orjson
import pytest
from websockets.frames import Frame, Opcode

from gateway.transports.http import MAX_BODY_BYTES
from gateway.transports.http_connection import Patience
from tests.commands import Commands
from tests.company import PERSON
from tests.gateway.refusals import refused
from tests.gateway.transports.test_http_connection import CREATE, HANDSHAKE, LIVEZ, body, is_served, line, posted
from tests.serving import Gateway, serving
from tests.wire import GENEROUS_SECONDS, wired


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with the default limits and timeouts."""
    async with serving(shared_database_uri) as running:
        yield running


# Timeouts that tests can wait for. On a slow machine too, they are long enough for everything that a test sends at once.
SHORT = Patience(head_seconds=1, body_seconds=1, linger_seconds=1)


@pytest.fixture(scope="module")
async def impatient_gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with short timeouts."""
    async with serving(shared_database_uri, patience=SHORT) as running:
        yield running


async def test_a_connection_without_a_request_is_closed(impatient_gateway: Gateway) -> None:
    async with line(impatient_gateway) as silent:
        assert await silent.ended() == b""


async def test_an_idle_connection_is_closed_and_an_idle_socket_is_not(mongo_uri: str) -> None:
    content = body()
    async with serving(mongo_uri, patience=Patience(idle_seconds=0.3)) as brief, line(brief) as idle, line(brief) as slow, line(brief) as upgraded:
        for each in (idle, upgraded):
            await each.say(posted(brief, f"content-length: {len(content)}"), content)
            assert (await each.hear())[0] == 200
        await slow.say(posted(brief, f"content-length: {len(content)}", token="x"))
        assert (await slow.hear())[0] == 401
        await upgraded.say(HANDSHAKE)
        assert b" 101 " in await upgraded.reader.readuntil(b"\r\n\r\n")

        assert await idle.ended() == b""
        await slow.say(content)
        assert await slow.ended() == b"", "a connection is also closed if its last request was answered before its body arrived"
        await upgraded.say(Frame(Opcode.PING, b"still there").serialize(mask=True))
        assert b"still there" in await upgraded.reader.readexactly(13), "a socket must not be closed for being idle"


async def test_a_request_whose_head_does_not_arrive_is_timed_out(impatient_gateway: Gateway) -> None:
    beginnings = [b"G", b"GET /livez HTTP/1.1\r\nhost: gateway\r\n", b"GET /livez HTTP/1.1\r\nx: ", b"\r\n"]
    before = await refused(impatient_gateway, "time")

    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(line(impatient_gateway)) for _ in range(2 * len(beginnings))]
        for number, slow in enumerate(lines):
            if number % 2:
                await slow.say(LIVEZ)
                assert (await slow.hear())[0] == 200
            await slow.say(beginnings[number // 2])

        for slow in lines:
            status, headers, _ = await slow.hear()
            assert (status, headers["connection"], headers["x-content-type-options"]) == (408, "close", "nosniff")
            assert await slow.ended() == b""
    assert await refused(impatient_gateway, "time") - before == len(lines)


async def test_a_head_that_arrives_too_slowly_is_timed_out(impatient_gateway: Gateway) -> None:
    async with line(impatient_gateway) as slow:
        await slow.say(b"GET /livez HTTP/1.1\r\n")

        async def drip() -> None:
            while True:
                await slow.say(b"x: x\r\n")
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        assert (await slow.hear())[0] == 408
        await slow.ended()
        dripping.cancel()


@pytest.mark.parametrize("length", ["content-length: 100", "transfer-encoding: chunked"])
async def test_a_request_whose_body_does_not_arrive_is_timed_out(impatient_gateway: Gateway, length: str) -> None:
    async with line(impatient_gateway) as slow:
        await slow.say(posted(impatient_gateway, length), b'{"query"' if length.endswith("100") else b'8\r\n{"query"\r\n')
        status, headers, _ = await slow.hear()

        assert (status, headers["connection"]) == (408, "close")
        assert await slow.ended() == b""


async def test_a_request_may_be_refused_before_its_body_arrives(impatient_gateway: Gateway) -> None:
    async with line(impatient_gateway) as slow:
        await slow.say(posted(impatient_gateway, "content-length: 100", token="x"))

        assert (await slow.hear())[0] == 401
        assert await slow.ended() == b""


async def test_event_streams_and_sockets_outlast_the_timeouts(impatient_gateway: Gateway) -> None:
    async with AsyncExitStack() as stack:
        wire = await stack.enter_async_context(wired(impatient_gateway, impatient_gateway.token()))
        stream = await stack.enter_async_context(line(impatient_gateway))
        content = orjson.dumps({"query": "subscription { verificationsUpdated { cursor } }"})
        await stream.say(posted(impatient_gateway, "accept: text/event-stream", f"content-length: {len(content)}"), content, b"G")
        await stream.reader.readuntil(b"event: next")

        await asyncio.sleep(1.5 * SHORT.head_seconds)

        await impatient_gateway.query(CREATE, {"input": PERSON})
        async with asyncio.timeout(GENEROUS_SECONDS):
            await stream.reader.readuntil(b"event: next")
        await wire.send({"type": "ping"})
        assert await wire.hear() == {"type": "pong"}


async def test_other_connections_are_served_despite_silent_and_slow_ones(gateway: Gateway) -> None:
    async with AsyncExitStack() as stack:
        for number in range(200):
            slow = await stack.enter_async_context(line(gateway))
            await slow.say((b"", b"GET / HT", posted(gateway, "content-length: 9", token="x")[:-2], posted(gateway, "content-length: 9"))[number % 4])

        await is_served(gateway)


async def test_a_client_that_goes_on_to_send_its_refused_body_slowly_is_not_cut_off(mongo_uri: str) -> None:
    """If the gateway closed the connection while the client still sends, the connection would be reset. Some clients would then lose the response."""
    patience = Patience(linger_seconds=4, body_seconds=600)
    async with serving(mongo_uri, patience=patience) as patient, line(patient) as connection:
        await connection.say(posted(patient, f"content-length: {MAX_BODY_BYTES * 3}"), b" " * (MAX_BODY_BYTES + 1))
        assert (await connection.hear())[0] == 413

        for _ in range(12):
            await asyncio.sleep(0.5)
            await connection.say(b" " * 1000)
            assert not connection.writer.transport.is_closing()


async def test_a_client_that_sends_its_refused_body_without_end_is_cut_off(mongo_uri: str) -> None:
    patience = Patience(linger_seconds=600, body_seconds=1)
    async with serving(mongo_uri, patience=patience) as impatient, line(impatient) as connection:
        await connection.say(posted(impatient, f"content-length: {MAX_BODY_BYTES * 3}"), b" " * (MAX_BODY_BYTES + 1))
        assert (await connection.hear())[0] == 413

        async with asyncio.timeout(GENEROUS_SECONDS):
            while not connection.writer.transport.is_closing():
                await connection.say(b" ")
                await asyncio.sleep(0.01)


async def test_requests_after_a_body_that_was_too_long_are_not_parsed(impatient_gateway: Gateway) -> None:
    length = MAX_BODY_BYTES + 70_000
    async with line(impatient_gateway) as connection:
        await connection.say(posted(impatient_gateway, f"content-length: {length}"), b" " * length, LIVEZ * 100)

        assert (await connection.hear())[0] == 413
        assert await connection.ended() == b""
