"""Tests of WebSocket handshakes that are refused because of their version, or that spread lists over several lines."""

from collections.abc import AsyncIterator

import pytest

from tests.commands import Commands
from tests.gateway.refusals import refused
from tests.gateway.transports.test_http_connection import HANDSHAKE, is_served, line
from tests.serving import Gateway, serving


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with the default limits and timeouts."""
    async with serving(shared_database_uri) as running:
        yield running


@pytest.mark.parametrize("token", [False, True])
async def test_a_handshake_in_http_1_0_is_refused(gateway: Gateway, token: bool) -> None:
    handshake = HANDSHAKE.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"/graphql", b"/graphql?query={me{subject}}")
    authorization = f"host: gateway\r\nauthorization: Bearer {gateway.token()}".encode()
    async with line(gateway) as client:
        await client.say(handshake.replace(b"host: gateway", authorization) if token else handshake)
        status, headers, content = await client.hear()

        assert (status, headers["connection"], content) == (400, "close", b"")
        assert await client.ended() == b""
    await is_served(gateway)


VERSION = b"sec-websocket-version: 13\r\n"


@pytest.mark.parametrize(
    "versions",
    [
        b"",
        *(b"sec-websocket-version: " + version + b"\r\n" for version in (b"12", b"8", b"0", b"14", b"", b"013", b"13, 12", b"12, 13", b"x")),
        VERSION + VERSION,
        VERSION + b"sec-websocket-version: 12\r\n",
    ],
)
async def test_a_handshake_of_another_version_is_refused_and_the_response_names_the_right_one(gateway: Gateway, versions: bytes) -> None:
    before = await refused(gateway, "syntax")
    async with line(gateway) as client:
        await client.say(HANDSHAKE.replace(VERSION, versions))
        status, headers, content = await client.hear()

        assert (status, content) == (426, b"")
        assert (headers["sec-websocket-version"], headers["upgrade"], headers["connection"]) == ("13", "websocket", "upgrade, close")
        assert await client.ended() == b""
    assert await refused(gateway, "syntax") == before + 1


LINES = {
    "connection, first": HANDSHAKE.replace(b"connection: upgrade", b"connection: upgrade\r\nconnection: keep-alive"),
    "connection, last": HANDSHAKE.replace(b"connection: upgrade", b"connection: keep-alive\r\nconnection: Upgrade"),
    "connection, one of three": HANDSHAKE.replace(b"connection: upgrade", b"connection: x\r\nconnection: y, upgrade\r\nconnection:"),
    "protocol, last": HANDSHAKE.replace(b"sec-websocket-protocol: ", b"sec-websocket-protocol: graphql-ws\r\nsec-websocket-protocol: "),
    "protocol, first": HANDSHAKE[:-2] + b"sec-websocket-protocol: graphql-ws\r\n\r\n",
}


@pytest.mark.parametrize("lines", LINES)
async def test_a_handshake_may_spread_a_list_over_several_lines(gateway: Gateway, lines: str) -> None:
    async with line(gateway) as client:
        await client.say(LINES[lines])
        head = await client.reader.readuntil(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"\r\nsec-websocket-protocol: graphql-transport-ws\r\n" in head.lower()
