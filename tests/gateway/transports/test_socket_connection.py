"""Tests of WebSocket connections: the limit of messages a second, clients that exceed it, and pings."""

import asyncio
import logging
from collections.abc import AsyncIterator

import orjson
import pytest
from websockets.frames import Frame, Opcode

from gateway import server
from gateway.server import MAX_MESSAGE_BYTES
from gateway.transports.socket_connection import BURST_MESSAGES, MESSAGES_PER_SECOND, PING, Pace
from tests.commands import Commands
from tests.company import PERSON
from tests.gateway.refusals import refused
from tests.gateway.transports.test_http_connection import CREATE, HANDSHAKE, is_served, line
from tests.gateway.transports.test_websocket import sinks_to
from tests.serving import Gateway, serving
from tests.wire import GENEROUS_SECONDS, wired


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with the default limits and timeouts."""
    async with serving(shared_database_uri) as running:
        yield running


async def test_a_quiet_socket_is_pinged_whether_or_not_it_answers(mongo_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PING_SECONDS", 0.1)
    async with serving(mongo_uri) as gateway, line(gateway) as quiet, asyncio.timeout(GENEROUS_SECONDS):
        await quiet.say(HANDSHAKE)
        assert b" 101 " in await quiet.reader.readuntil(b"\r\n\r\n")

        for answer in (b"", Frame(Opcode.PONG, b"").serialize(mask=True), Frame(Opcode.PONG, b"of my own").serialize(mask=True)):
            assert await quiet.reader.readexactly(2) == PING
            await quiet.say(answer)
        await quiet.say(Frame(Opcode.TEXT, orjson.dumps({"type": "ping"})).serialize(mask=True))
        while (head := await quiet.reader.readexactly(2)) == PING:
            pass
        assert head[0] == 0x80 | Opcode.TEXT


def test_a_pace_allows_a_burst_again_after_a_pause() -> None:
    at = 0.0
    pace = Pace(10, 20, lambda: at)

    assert pace.allows(20)
    assert not pace.allows(1)
    at = 0.2
    assert pace.allows(1)
    assert not pace.allows(1)
    at = 100.0
    assert pace.allows(20)
    assert not pace.allows(1)


PING_MESSAGE = b'{"type": "ping"}'


FLOODS = {
    "messages": Frame(Opcode.TEXT, PING_MESSAGE),
    "pings": Frame(Opcode.PING, b""),
    "pongs": Frame(Opcode.PONG, b""),
    "parts of a message": Frame(Opcode.CONT, b"", fin=False),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_on_a_socket_closes_it_with_try_again_later(gateway: Gateway, flood: str, caplog: pytest.LogCaptureFixture) -> None:
    before = await refused(gateway, "messages")
    frame = FLOODS[flood].serialize(mask=True)
    async with wired(gateway, gateway.token()) as wire:
        transport = wire.connection.transport
        if flood.startswith("parts"):
            transport.write(Frame(Opcode.TEXT, b"", fin=False).serialize(mask=True))
        # Send so many messages that they exceed the limit even if this test is paused for a long time.
        transport.write(frame * (BURST_MESSAGES + int(MESSAGES_PER_SECOND * GENEROUS_SECONDS)))

        assert await wire.closed() == 1013
        assert "messages a second" in (wire.connection.close_reason or "")

    assert await refused(gateway, "messages") - before == 1
    assert await sinks_to(gateway, "gateway_sockets", 0)
    await is_served(gateway)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_burst_below_the_limit_is_answered(gateway: Gateway) -> None:
    async with wired(gateway, gateway.token()) as wire:
        for _ in range(BURST_MESSAGES - 50):
            await wire.say(PING_MESSAGE.decode())
        for _ in range(BURST_MESSAGES - 50):
            assert await wire.hear() == {"type": "pong"}


async def test_changes_for_a_socket_that_the_connection_has_closed_log_no_error(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    async with wired(gateway, gateway.token()) as wire:
        for number in range(20):
            await wire.subscribe(str(number), "subscription { verificationsUpdated { cursor } }")
        wire.connection.transport.write(Frame(Opcode.TEXT, b"x" * (MAX_MESSAGE_BYTES + 1)).serialize(mask=True))
        for _ in range(5):
            await gateway.query(CREATE, {"input": PERSON})
        assert await wire.closed() == 1009

    assert await sinks_to(gateway, "gateway_sockets", 0)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
