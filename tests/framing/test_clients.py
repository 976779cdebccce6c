"""Tests of real clients that offer an upgrade to h2c (HTTP/2 without TLS), and of WebSockets. All run directly and through nginx."""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest
from websockets.frames import Frame, Opcode

from tests.framing.connections import Connection, Peer, connected
from tests.framing.exchanges import ALIVE, LAST, check
from tests.framing.nginx import nginx, recipe
from tests.framing.requests import ME, Caller, Expected
from tests.framing.watched import Watched
from tests.gateway.transports.test_http_connection import HANDSHAKE
from tests.serving import Gateway
from tests.wire import wired

QUERY = orjson.dumps({"query": ME}).decode()
SECONDS = 60
# The head of a request as Java's HttpClient sends it (JDK 17). `{length}` or `{chunks}` becomes the header of `JAVA_BODIES`.
JAVA = (
    "POST /graphql HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\n{length}Host: 127.0.0.1:8000\r\n"
    "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n{chunks}Upgrade: h2c\r\nUser-Agent: Java-http-client/17.0.15\r\n"
    "Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\r\n"
)
JAVA_BODIES = {
    "length": ({"length": f"Content-Length: {len(QUERY)}\r\n", "chunks": ""}, QUERY.encode()),
    "chunked": ({"length": "", "chunks": "Transfer-encoding: chunked\r\n"}, f"{len(QUERY):x}\r\n{QUERY}\r\n0\r\n\r\n".encode()),
}


@pytest.fixture(scope="module", params=["directly", "through nginx"])
async def served(request: pytest.FixtureRequest, watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """The gateway, once under its own address and once under the address of nginx in front of it. Each test runs with both."""
    if request.param == "directly":
        yield watched.gateway
        return
    async with nginx(watched.peer.port, tmp_path_factory.mktemp("nginx"), recipe(kept=1)) as proxy:
        yield replace(watched.gateway, url=f"http://127.0.0.1:{proxy.port}")


def peer(served: Gateway, watched: Watched) -> Peer:
    """The server to which a test opens raw connections: the gateway or nginx."""
    return watched.peer if served is watched.gateway else Peer(urlsplit(served.url).port or 0)


async def printed(*command: str | Path) -> str:
    """Run a command, and check that it succeeds. Returns its output."""
    # Pass no environment variables such as `http_proxy`: some clients would use that proxy even for a gateway on this machine.
    environment = {"PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=STDOUT)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()
    return output.decode()


@pytest.mark.parametrize("framing", JAVA_BODIES)
async def test_a_request_in_the_format_of_java_may_be_cut_anywhere(watched: Watched, served: Gateway, framing: str) -> None:
    lines, body = JAVA_BODIES[framing]
    caller = watched.callers.next()
    head = JAVA.format(token=caller.token, **lines).encode()
    pieces = [[head + body], [head, body], [head[:1], head[1:], body], [*(bytes([byte]) for byte in head), body], [head + body[:9], body[9:]]]

    async with watched.executes(queries=2 * len(pieces)), connected(peer(served, watched)) as connection:
        for segments in 2 * pieces:
            await connection.send(*segments)
            check(await connection.answer(), Expected(200, caller.answer), segments)
        await connection.send(LAST)
        check(await connection.answer(), ALIVE, LAST)
        assert await connection.remaining() == b""


async def test_the_java_client_is_answered(watched: Watched, served: Gateway) -> None:
    java = shutil.which("java")
    if not java or not shutil.which("javac"):
        pytest.skip("a JDK is missing; on Debian: apt-get install openjdk-17-jdk-headless")
    caller = watched.callers.next()

    async with watched.executes(queries=3):
        client = Path(__file__).with_name("Client.java")
        output = await printed(java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", client, f"{served.url}/graphql", caller.token, QUERY)

    assert output.splitlines() == [f"200 {caller.answer.decode()}"] * 3


async def test_curl_with_http2_is_answered(watched: Watched, served: Gateway) -> None:
    curl = shutil.which("curl")
    if not curl or "HTTP2" not in await printed(curl, "--version"):
        pytest.skip("curl with HTTP/2 is missing; on Debian: apt-get install curl")
    caller, url = watched.callers.next(), f"{served.url}/graphql"
    common = (curl, "--disable", "--silent", "--show-error", "--http2", "--write-out", " %{http_code} %{num_connects}\n")
    headers = ("-H", f"Authorization: Bearer {caller.token}", "-H", "Content-Type: application/json")
    chunked = ("-H", "Transfer-Encoding: chunked")

    async with watched.executes(queries=3):
        output = await printed(*common, *headers, "-d", QUERY, url, url)
        output += await printed(*common, *headers, *chunked, "-d", QUERY, url)

    answer = caller.answer.decode()
    assert output.splitlines() == [f"{answer} 200 1", f"{answer} 200 0", f"{answer} 200 1"]


async def test_a_socket_is_opened_and_serves_operations(watched: Watched, served: Gateway) -> None:
    caller = watched.callers.next()
    async with watched.executes(queries=1), wired(served, caller.token) as wire:
        await wire.subscribe("1", ME)

        message = await wire.hear()
        assert orjson.dumps(message["payload"]) == caller.answer


async def test_a_socket_may_follow_requests_whose_offers_were_ignored(watched: Watched, served: Gateway) -> None:
    caller = watched.callers.next()
    lines, body = JAVA_BODIES["length"]
    async with watched.executes(queries=1), connected(Peer(peer(served, watched).port)) as connection:
        await connection.send(JAVA.format(token=caller.token, **lines).encode() + body)
        check(await connection.answer(), Expected(200, caller.answer), "the request")
        await connection.send(HANDSHAKE)

        await acknowledged(connection, caller, b"")


async def test_a_frame_that_arrives_together_with_its_handshake_is_read(watched: Watched, served: Gateway) -> None:
    caller = watched.callers.next()
    async with connected(Peer(peer(served, watched).port)) as connection:
        await acknowledged(connection, caller, HANDSHAKE)


async def acknowledged(connection: Connection, caller: Caller, before: bytes) -> None:
    """Send `before` (a handshake, or nothing if it was sent earlier) and a connection_init.

    Check that the response to the handshake and the connection_ack arrive.
    """
    begin = orjson.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {caller.token}"}})
    await connection.send(before + Frame(Opcode.TEXT, begin).serialize(mask=True))

    assert (await connection.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    acknowledgement = b'{"type":"connection_ack"}'
    assert await connection.exactly(2 + len(acknowledgement)) == bytes([0x81, len(acknowledgement)]) + acknowledgement
