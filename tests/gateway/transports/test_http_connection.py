"""Tests that send HTTP requests byte by byte: trailers, pipelining, malformed requests, and connections that break off."""

import asyncio
import logging
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
import pytest

from tests.commands import Commands
from tests.company import PERSON
from tests.serving import Gateway, serving
from tests.wire import GENEROUS_SECONDS

LIVEZ = b"GET /livez HTTP/1.1\r\nhost: gateway\r\n\r\n"
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nhost: gateway\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
)
CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id } } }"


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with the default limits and timeouts."""
    async with serving(shared_database_uri) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Line:
    """A TCP connection on which a test can send any bytes."""

    reader: StreamReader
    writer: StreamWriter

    async def say(self, *parts: bytes) -> None:
        """Send bytes. It is no error if the gateway has already closed the connection."""
        with suppress(ConnectionError):
            self.writer.write(b"".join(parts))
            await self.writer.drain()

    async def hear(self) -> tuple[int, dict[str, str], bytes]:
        """Read the next response. Returns its status, its headers and its body."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            return int(head[0].split(" ")[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def ended(self) -> bytes:
        """Read until the gateway closes the connection. Returns all bytes that arrived meanwhile."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@asynccontextmanager
async def line(gateway: Gateway) -> AsyncIterator[Line]:
    """Open a TCP connection to a gateway, and close it when the context ends."""
    address = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def posted(gateway: Gateway, *headers: str, path: str = "/graphql", token: str | None = None) -> bytes:
    """The head of a POST request with these header lines. The test must send the body."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: gateway",
        f"authorization: Bearer {token or gateway.token()}",
        "content-type: application/json",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def body() -> bytes:
    """The body of a request that creates a verification."""
    return orjson.dumps({"query": CREATE, "variables": {"input": PERSON}})


async def is_served(gateway: Gateway) -> None:
    """Check that the gateway still answers other clients."""
    assert (await gateway.client.get("/livez")).is_success
    await gateway.query("{ me { subject } }")


async def test_trailers_are_not_headers_of_their_request(gateway: Gateway) -> None:
    content = body()
    head = b"POST /graphql HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    chunked = head + b"%x\r\n%b\r\n0\r\nauthorization: Bearer %b\r\n\r\n" % (len(content), content, gateway.token().encode())

    async with line(gateway) as attacker:
        await attacker.say(posted(gateway, f"content-length: {len(content)}"), content, chunked, chunked)

        assert [(await attacker.hear())[0] for _ in range(3)] == [200, 401, 401]


async def test_a_handshake_after_an_unanswered_request_opens_no_socket(gateway: Gateway) -> None:
    content = body()
    async with line(gateway) as impatient:
        await impatient.say(posted(gateway, f"content-length: {len(content)}"), content, HANDSHAKE)

        assert (await impatient.hear())[0] == 200
        assert await impatient.ended() == b""


async def test_a_connection_serves_many_requests_that_arrive_in_parts(gateway: Gateway) -> None:
    content = body()
    async with line(gateway) as patient:
        for _ in range(10):
            for part in (LIVEZ[:10], LIVEZ[10:], posted(gateway, f"content-length: {len(content)}"), content[:50], content[50:]):
                await patient.say(part)
                await asyncio.sleep(0.01)
            assert [(await patient.hear())[0], (await patient.hear())[0]] == [200, 200]


async def test_a_request_may_be_cut_into_segments_at_any_byte(gateway: Gateway) -> None:
    content = body()
    whole = LIVEZ + posted(gateway, f"content-length: {len(content)}") + content + posted(gateway, "transfer-encoding: chunked")
    whole += b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) + LIVEZ

    for at in range(1, len(whole), 17):
        async with line(gateway) as cut:
            await cut.say(whole[:at])
            await asyncio.sleep(0)
            await cut.say(whole[at:])
            assert [(await cut.hear())[0] for _ in range(4)] == [200] * 4, at


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"GET /livez HTTP/3.0\r\n\r\n",
        b"GET / livez HTTP/1.1\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nx y: z\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n x: z\r\n\r\n",
    ],
)
async def test_bytes_that_are_not_an_http_request_get_400(gateway: Gateway, nonsense: bytes) -> None:
    async with line(gateway) as client:
        await client.say(nonsense)
        status, headers, _ = await client.hear()

        assert (status, headers["connection"], headers["x-content-type-options"]) == (400, "close", "nosniff")
        assert await client.ended() == b""


@pytest.mark.parametrize("garbage", [b"zz\r\n", b"5\r\nxxxxxxxx"])
async def test_a_body_with_an_invalid_chunk_is_refused(gateway: Gateway, garbage: bytes) -> None:
    async with line(gateway) as client:
        await client.say(posted(gateway, "transfer-encoding: chunked"), b"1\r\n{\r\n")
        await client.say(garbage)

        assert (await client.hear())[0] == 400
        assert await client.ended() == b""


async def test_a_connection_that_breaks_off_at_any_byte_logs_no_error(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    content = body()
    whole = posted(gateway, f"content-length: {len(content) + 1}") + content

    with caplog.at_level(logging.WARNING):
        for at in range(0, len(whole), 40):
            async with line(gateway) as broken:
                await broken.say(whole[:at])
        await is_served(gateway)

    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
