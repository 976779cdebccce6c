"""Tests of clients that send bytes before they have received the response to their WebSocket handshake. The gateway reads them after the response."""

import struct

import pytest
from websockets.frames import Close, CloseCode, Frame, Opcode

from gateway.transports import socket_connection as frames
from gateway.transports.socket_connection import BURST_MESSAGES, MESSAGES_PER_SECOND
from tests.framing.connections import Peer, connected
from tests.framing.watched import Watched
from tests.gateway.transports.test_http_connection import HANDSHAKE
from tests.wire import GENEROUS_SECONDS

ELSEWHERE = HANDSHAKE.replace(b"/graphql", b"/elsewhere")
PINGED = Frame(Opcode.PING, b"early").serialize(mask=True)
PINGS = Frame(Opcode.PING, b"").serialize(mask=True) * (BURST_MESSAGES + int(MESSAGES_PER_SECOND * GENEROUS_SECONDS))
CLOSED = Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=True)
REQUEST = b"GET /livez HTTP/1.1\r\nHost: gateway\r\n\r\n"
# What a client sends too early. Each value has the bytes that are sent together with the handshake, and the payload of the frame that the gateway
# must send after the response.
EARLY = {
    "a ping": (PINGED, b"early"),
    "a close": (CLOSED, struct.pack("!H", CloseCode.NORMAL_CLOSURE)),
    "a request": (REQUEST, struct.pack("!H", CloseCode.PROTOCOL_ERROR)),
}


@pytest.mark.parametrize("early", EARLY)
async def test_frames_that_are_sent_with_a_handshake_are_answered_after_it(watched: Watched, early: str, caplog: pytest.LogCaptureFixture) -> None:
    sent, answered = EARLY[early]
    async with connected(Peer(watched.peer.port)) as connection:
        await connection.send(HANDSHAKE + sent)

        assert (await connection.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert (await connection.exactly(2 + len(answered)))[2:] == answered
    assert caplog.records == []


async def test_a_flood_that_is_sent_with_a_handshake_closes_the_socket(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(Peer(watched.peer.port)) as connection:
        await connection.send(HANDSHAKE + PINGS)

        assert (await connection.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert struct.pack("!H", CloseCode.TRY_AGAIN_LATER) in await connection.remaining()
    assert caplog.records == []


async def test_too_many_bytes_before_the_response_to_the_handshake_close_the_connection(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(frames, "EARLY_BYTES", len(REQUEST) - 1)
    async with connected(Peer(watched.peer.port)) as connection:
        await connection.send(HANDSHAKE + REQUEST)

        assert await connection.remaining() == b""
    assert caplog.records == []


@pytest.mark.parametrize("early", EARLY)
async def test_frames_after_a_refused_handshake_are_not_read(watched: Watched, early: str, caplog: pytest.LogCaptureFixture) -> None:
    sent, _ = EARLY[early]
    async with connected(Peer(watched.peer.port)) as connection:
        await connection.send(ELSEWHERE + sent)

        answer = await connection.answer()
        assert (answer.status, answer.body) == (403, b"")
        assert await connection.remaining() == b""
    assert caplog.records == []
