"""Tests of the limits of HTTP connections: heads, bodies and trailers that are too long, and too many requests at once."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from gateway.transports.http import MAX_BODY_BYTES
from gateway.transports.http_connection import MAX_HEAD_BYTES, MAX_HEADERS
from tests.commands import Commands
from tests.gateway.refusals import refused
from tests.gateway.transports.test_http_connection import LIVEZ, body, is_served, line, posted
from tests.serving import Gateway, serving


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with the default limits and timeouts."""
    async with serving(shared_database_uri) as running:
        yield running


async def test_trailers_without_end_are_refused(gateway: Gateway) -> None:
    async with line(gateway) as connection:
        await connection.say(posted(gateway, "transfer-encoding: chunked"), b"2\r\n{}\r\n0\r\n")
        before = await refused(gateway, "head")

        async def go_on() -> None:
            for _ in range(1000):
                await connection.say(b"x: y\r\n" * 1000)

        going = asyncio.create_task(go_on())
        assert (await connection.hear())[0] == 431
        await connection.ended()
        going.cancel()
        assert await refused(gateway, "head") == before + 1


async def test_a_body_in_chunks_of_one_byte_is_read(gateway: Gateway) -> None:
    content = orjson.dumps({"query": "{ me { subject } }"}) + b" " * 70_000
    async with line(gateway) as patient:
        await patient.say(posted(gateway, "transfer-encoding: chunked"), *(b"1\r\n%c\r\n" % byte for byte in content), b"0\r\n\r\n")

        assert (await patient.hear())[0] == 200


async def test_a_head_that_is_too_long_is_refused(gateway: Gateway) -> None:
    long = b"x" * MAX_HEAD_BYTES
    heads = {
        "a long path": b"GET /" + long + b" HTTP/1.1\r\nhost: gateway\r\n\r\n",
        "a long header": b"GET /livez HTTP/1.1\r\nx: " + long + b"\r\n\r\n",
        "many headers": b"GET /livez HTTP/1.1\r\n" + b"x: x\r\n" * (MAX_HEADERS + 1) + b"\r\n",
        "a path without end": b"GET /" + long,
        "a header without end": b"GET /livez HTTP/1.1\r\nx: " + long,
        "a socket's": b"GET /graphql HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\nx: " + long + b"\r\n\r\n",
    }
    before = await refused(gateway, "head")

    for what, head in heads.items():
        async with line(gateway) as connection:
            await connection.say(head)
            status, headers, _ = await connection.hear()
            assert (status, headers["connection"]) == (431, "close"), what
            assert await connection.ended() == b""
    assert await refused(gateway, "head") - before == len(heads)


async def test_a_head_of_the_maximum_length_is_read(gateway: Gateway) -> None:
    async with line(gateway) as connection:
        for _ in range(3):
            await connection.say(LIVEZ[:-2], b"x: ", b"x" * (MAX_HEAD_BYTES - 100), b"\r\n\r\n")
            assert (await connection.hear())[0] == 200
            await connection.say(LIVEZ[:-2], b"x: x\r\n" * (MAX_HEADERS - 1), b"\r\n")
            assert (await connection.hear())[0] == 200


async def test_a_handshake_with_a_line_that_is_too_long_is_refused_and_closed(gateway: Gateway) -> None:
    """The `websockets` library limits each header line to 8 KiB, which is less than the gateway's limit for the whole head."""
    async with line(gateway) as connection:
        await connection.say(b"GET /graphql HTTP/1.1\r\nhost: gateway\r\nupgrade: websocket\r\nconnection: upgrade\r\nx: ", b"x" * 9000, b"\r\n\r\n")

        answer = await connection.ended()
        assert answer.startswith(b"HTTP/1.1 431 ")


# Bodies that never end. The key is the header that delimits the body, the value is the part of the body that the test sends again and again.
ENDLESS = {
    "content-length: 200000000": b"x" * 65_536,
    "transfer-encoding: chunked": b"10000\r\n" + b"x" * 65_536 + b"\r\n",
}


@pytest.mark.parametrize("length", ENDLESS)
@pytest.mark.parametrize("authenticated", [True, False])
async def test_a_body_without_end_is_refused_and_its_connection_closed(gateway: Gateway, length: str, authenticated: bool) -> None:
    async with line(gateway) as connection:
        await connection.say(posted(gateway, length, token=None if authenticated else "x"))
        answer = asyncio.create_task(connection.hear())
        sent = 0
        while sent < 200_000_000 and not connection.writer.is_closing():
            await connection.say(ENDLESS[length])
            sent += 65_536

        assert (await answer)[0] == (413 if authenticated else 401)
        assert sent < 100_000_000
    await is_served(gateway)


async def test_a_body_whose_length_is_too_long_receives_no_100_continue(gateway: Gateway) -> None:
    async with line(gateway) as connection:
        await connection.say(posted(gateway, f"content-length: {MAX_BODY_BYTES + 1}", "expect: 100-continue"))
        assert (await connection.hear())[0] == 413
    async with line(gateway) as connection:
        await connection.say(posted(gateway, f"content-length: {len(body())}", "expect: 100-continue"))
        assert await connection.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await connection.say(body())
        assert (await connection.hear())[0] == 200


async def test_requests_that_arrive_at_once_are_answered_in_order_up_to_a_limit(gateway: Gateway) -> None:
    content = body()
    async with line(gateway) as connection:
        await connection.say(*[posted(gateway, f"content-length: {len(content)}") + content] * 1000)

        answers = (await connection.ended()).count(b"HTTP/1.1 200 OK")
        assert 1 <= answers < 20
    await is_served(gateway)
