"""Tests the attributes and methods of uvicorn's WebSocket connections that the gateway's subclass uses. See `docs/libraries.md`."""

import asyncio
import logging
from typing import Any, cast

import pytest
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.server import ServerProtocol

from gateway.transports.socket_connection import text_frame
from tests.internals.connections import (
    HANDSHAKE,
    Connections,
    RecordingTransport,
    accepting,
    masked,
    run_ready_tasks,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("loop", asyncio.AbstractEventLoop),
        ("transport", RecordingTransport),
        ("conn", ServerProtocol),
        ("queue", asyncio.Queue),
        ("scope", dict),
        ("request", Request),
        ("handshake_initiated", bool),
        ("handshake_complete", bool),
        ("close_sent", bool),
        ("close_timer", type(None)),
        ("close_timeout", float),
        ("read_paused", bool),
        ("writable", asyncio.Event),
    ],
)
async def test_uvicorns_socket_has_the_attribute(connections: Connections, name: str, kind: type) -> None:
    connection, _ = connections.socket()

    connection.data_received(HANDSHAKE)
    await run_ready_tasks()

    assert isinstance(getattr(connection, name), kind)


async def test_uvicorn_handles_events_after_the_library_has_collected_them(connections: Connections) -> None:
    class Counting(WebSocketsSansIOProtocol):
        def handle_events(self) -> None:
            counts.append(len(self.conn.events))
            super().handle_events()
            counts.append(len(self.conn.events))

    counts: list[int] = []
    connection, _ = connections.socket(kind=Counting)

    connection.data_received(HANDSHAKE)
    await run_ready_tasks()
    connection.data_received(masked(b"a") + masked(b"b"))

    assert counts == [1, 0, 2, 0]


async def test_uvicorns_scope_of_a_socket_can_be_extended_in_handle_connect(connections: Connections) -> None:
    class Extending(WebSocketsSansIOProtocol):
        def handle_connect(self, event: Request) -> None:
            super().handle_connect(event)
            assert event is self.request
            assert self.response.status_code == 101
            cast("dict[str, Any]", self.scope)["extensions"]["mark"] = self

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["extensions"]["mark"])
        await accepting(scope, receive, send)

    seen: list[object] = []
    connection, _ = connections.socket(app, Extending)

    connection.data_received(HANDSHAKE)
    await run_ready_tasks()

    assert seen == [connection]


async def test_uvicorns_socket_needs_neither_request_nor_response_once_it_is_accepted(connections: Connections) -> None:
    connection, transport = connections.socket()
    connection.data_received(HANDSHAKE)
    await run_ready_tasks()
    del connection.request, connection.response

    await connection.send({"type": "websocket.send", "text": "a"})
    connection.shutdown()

    assert text_frame(b"a") in transport.sent


async def test_uvicorn_negotiates_no_compression_when_it_is_switched_off(connections: Connections) -> None:
    connection, transport = connections.socket()

    connection.data_received(HANDSHAKE)
    await run_ready_tasks()

    assert transport.sent.startswith(b"HTTP/1.1 101 ")
    assert b"extensions" not in transport.sent.lower()


async def test_uvicorn_stops_reading_with_each_text_until_the_application_receives_it(connections: Connections) -> None:
    connection, transport = connections.socket()
    connection.data_received(HANDSHAKE)
    await run_ready_tasks()

    connection.data_received(masked(b"a"))
    paused = (connection.read_paused, transport.paused)
    await connection.receive()
    received = await connection.receive()

    assert paused == (True, True)
    assert received == {"type": "websocket.receive", "text": "a"}
    assert (connection.read_paused, transport.paused) == (False, False)


async def test_uvicorns_send_waits_until_the_socket_is_writable(connections: Connections) -> None:
    connection, transport = connections.socket()
    connection.data_received(HANDSHAKE)
    await run_ready_tasks()
    connection.pause_writing()

    sending = asyncio.ensure_future(connection.send({"type": "websocket.send", "text": "a"}))
    await run_ready_tasks()
    waited = not sending.done()
    connection.resume_writing()
    await sending

    assert waited
    assert transport.sent.endswith(text_frame(b"a"))


async def test_uvicorn_does_not_complete_the_handshake_of_a_socket_refused_with_a_response(connections: Connections) -> None:
    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})
        completed.append(connection.handshake_complete)
        connection.handshake_complete = True

    completed: list[bool] = []
    connection, transport = connections.socket(refusing)

    connection.data_received(HANDSHAKE)
    await run_ready_tasks()

    # uvicorn does not set `handshake_complete` here. If this assertion fails, the new version of uvicorn sets it, and `WebSocketProtocol.send` in
    # gateway/transports/socket_connection.py need not set it any more.
    assert completed == [False]
    assert transport.sent.startswith(b"HTTP/1.1 403 ")


async def test_uvicorn_pings_through_send_keepalive_ping(connections: Connections) -> None:
    class Pinging(WebSocketsSansIOProtocol):
        def send_keepalive_ping(self) -> None:
            timers.append(self.ping_timer)
            self.ping_timer = None
            pinged.set()

    timers: list[object] = []
    pinged = asyncio.Event()
    connection, _ = connections.socket(kind=Pinging, ws_ping_interval=0.001, ws_ping_timeout=None)

    connection.data_received(HANDSHAKE)

    async with asyncio.timeout(2):
        await pinged.wait()
    assert timers != [None]


async def test_uvicorn_ignores_the_pong_of_a_ping_that_it_did_not_send(connections: Connections) -> None:
    connection, transport = connections.socket()
    connection.data_received(HANDSHAKE)
    await run_ready_tasks()

    connection.data_received(bytes([0x8A, 0x80]) + bytes(4))

    assert not transport.closed


async def test_uvicorn_logs_no_error_if_an_application_raises_client_disconnected(connections: Connections, caplog: pytest.LogCaptureFixture) -> None:
    async def gone(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        raise ClientDisconnected

    connection, _ = connections.socket(gone)
    connection.data_received(HANDSHAKE)
    await run_ready_tasks()

    assert issubclass(ClientDisconnected, OSError)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
