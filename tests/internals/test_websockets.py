"""Tests how the library `websockets` encodes frames, collects events, and treats handshakes. See `docs/libraries.md`."""

import pytest
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from gateway.transports.socket_connection import PING, text_frame
from tests.internals.connections import HANDSHAKE


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_websockets_frames_a_text_as_the_gateway_does(size: int) -> None:
    text = b"a" * size

    assert text_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


def test_websockets_frames_a_ping_as_the_gateway_does() -> None:
    assert Frame(Opcode.PING, b"").serialize(mask=False) == PING


def test_websockets_collects_events_in_a_list_that_events_received_empties() -> None:
    conn = ServerProtocol()

    conn.receive_data(HANDSHAKE)
    [request] = conn.events

    assert conn.events_received() == [request]
    assert conn.events == []


@pytest.mark.parametrize(("code", "state"), [(101, State.OPEN), (400, State.CONNECTING)])
def test_websockets_accepts_or_refuses_a_handshake_without_raising(code: int, state: State) -> None:
    conn = ServerProtocol()
    conn.receive_data(HANDSHAKE if code == 101 else HANDSHAKE.replace(b"version: 13", b"version: 12"))
    [request] = conn.events_received()
    assert isinstance(request, Request)

    response = conn.accept(request)
    conn.send_response(response)

    assert response.status_code == code
    assert (conn.state is State.OPEN) is (state is State.OPEN)


@pytest.mark.parametrize("code", [b"414", b"431"])
def test_websockets_refuses_a_head_with_a_long_line_without_an_event(code: bytes) -> None:
    long = HANDSHAKE.replace(b"/graphql", b"/" * 9000) if code == b"414" else HANDSHAKE.replace(b"host: ", b"host: " + b"a" * 9000)
    conn = ServerProtocol()

    conn.receive_data(long)

    assert conn.events_received() == []
    assert conn.parser_exc is None
    assert conn.data_to_send()[0].startswith(b"HTTP/1.1 " + code)


def test_websockets_raises_invalid_state_when_a_socket_is_closed_before_it_is_open() -> None:
    with pytest.raises(InvalidState):
        ServerProtocol().send_close(1013, "too many")
