"""Tests of the headers of responses to requests that the connection itself refuses. Pages of allowed origins may read these responses too."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.transports.http import MAX_BODY_BYTES
from gateway.transports.http_connection import MAX_EXCESS, MAX_HEAD_BYTES, Patience
from tests.commands import Commands
from tests.gateway.transports.test_http_connection import HANDSHAKE, LIVEZ, Line, line, posted
from tests.serving import Gateway, serving

APP = "https://app.example.com"
ORIGIN = f"origin: {APP}"
LONG = "x: " + "x" * MAX_HEAD_BYTES
SHORT = Patience(head_seconds=1, body_seconds=1, linger_seconds=1)


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with short timeouts, whose responses the pages of one other origin may read."""
    async with serving(shared_database_uri, patience=SHORT, allowed_origins=APP, public_url="https://gateway.example.com") as running:
        yield running


CHUNKED = "transfer-encoding: chunked"
# Requests of a page, by the status of their refusal and by what is wrong. Each is made of header lines, a path and a body.
REQUESTS: dict[tuple[int, str], tuple[list[str], str, bytes]] = {
    (431, "a long header"): ([ORIGIN, LONG], "/graphql", b""),
    (431, "a long header before the origin"): ([LONG, ORIGIN], "/graphql", b""),
    (431, "many headers"): ([ORIGIN, *["x: x"] * 200], "/graphql", b""),
    (431, "many headers before the origin"): ([*["x: x"] * 200, ORIGIN], "/graphql", b""),
    (431, "a long address"): ([ORIGIN], f"/graphql?query={'x' * MAX_HEAD_BYTES}", b""),
    (431, "trailers without end"): ([ORIGIN, CHUNKED], "/graphql", b"0\r\n" + b"x: y\r\n" * 20_000),
    (413, "a long body"): ([ORIGIN, f"content-length: {MAX_BODY_BYTES + 1}"], "/graphql", b" " * (MAX_BODY_BYTES + 1)),
    (413, "a long body in chunks"): ([ORIGIN, CHUNKED], "/graphql", b"80000\r\n" + b" " * 0x80000 + b"\r\n0\r\n\r\n"),
    (408, "a body without end"): ([ORIGIN, "content-length: 100"], "/graphql", b"{"),
    (400, "a bad chunk"): ([ORIGIN, CHUNKED], "/graphql", b"zz\r\n"),
    (400, "a bad header"): ([ORIGIN, "y: y", "x y: z"], "/graphql", b""),
}


def request(gateway: Gateway, wrong: tuple[int, str]) -> bytes:
    """The bytes of the request that REQUESTS has for the key `wrong`."""
    headers, path, content = REQUESTS[wrong]
    return posted(gateway, *headers, path=path) + content


def shared(headers: dict[str, str]) -> dict[str, str]:
    """The CORS headers of a response."""
    return {name: value for name, value in headers.items() if name.startswith("access-control-")}


READABLE = {"access-control-allow-origin": APP, "access-control-expose-headers": "x-request-id, retry-after"}


@pytest.mark.parametrize("wrong", REQUESTS, ids=str)
async def test_a_page_of_an_allowed_origin_may_read_the_refusal(gateway: Gateway, wrong: tuple[int, str]) -> None:
    async with line(gateway) as page:
        sending = asyncio.create_task(page.say(request(gateway, wrong)))
        status, headers, _ = await page.hear()
        await sending

    assert (status, shared(headers)) == (wrong[0], READABLE)
    assert "origin" in headers["vary"]


@pytest.mark.parametrize("wrong", REQUESTS, ids=str)
async def test_a_page_of_another_origin_may_not(gateway: Gateway, wrong: tuple[int, str]) -> None:
    async with line(gateway) as page:
        sending = asyncio.create_task(page.say(request(gateway, wrong).replace(APP.encode(), b"https://evil.example.com")))
        status, headers, _ = await page.hear()
        await sending

    assert status in (wrong[0], 403)
    assert shared(headers) == {}


@pytest.mark.parametrize("wrong", [each for each in REQUESTS if "address" not in each[1] and each[0] != 413], ids=str)
async def test_only_refusals_of_the_graphql_path_may_be_read(gateway: Gateway, wrong: tuple[int, str]) -> None:
    headers, _, content = REQUESTS[wrong]
    async with line(gateway) as page:
        sending = asyncio.create_task(page.say(posted(gateway, *headers, path="/webhooks/acme") + content))
        _, answered, _ = await page.hear()
        await sending

    assert shared(answered) == {}


async def test_a_refusal_has_the_headers_that_every_response_has(gateway: Gateway) -> None:
    async with line(gateway) as client:
        await client.say(posted(gateway, LONG, "x-request-id: the-id-of-the-client"))
        _, headers, _ = await client.hear()

    assert headers["x-request-id"] == "the-id-of-the-client"
    assert headers["strict-transport-security"] == "max-age=63072000"
    assert {"content-security-policy", "x-content-type-options", "cache-control", "date"} <= headers.keys()


@pytest.mark.parametrize("before", [0, 1])
async def test_a_refusal_has_no_header_of_an_earlier_request(gateway: Gateway, before: int) -> None:
    async with line(gateway) as client:
        for _ in range(before):
            await client.say(LIVEZ.replace(b"/livez", b"/graphql")[:-2], f"{ORIGIN}\r\nx-request-id: an-earlier-id\r\n\r\n".encode())
            _, headers, _ = await client.hear()
            assert (shared(headers), headers["x-request-id"]) == (READABLE, "an-earlier-id")
        await client.say(b"\x16\x03\x01\r\n\r\n")
        status, headers, _ = await client.hear()

    assert (status, shared(headers)) == (400, {})
    assert headers["x-request-id"] != "an-earlier-id"


async def in_parts(client: Line, *parts: bytes) -> None:
    """Send parts, and let the gateway read each before the next is sent."""
    for part in parts:
        await client.say(part)
        await asyncio.sleep(0.05)


async def test_a_head_that_is_too_long_is_read_to_its_origin_although_it_arrives_in_parts(gateway: Gateway) -> None:
    head = posted(gateway, LONG, "y: y", ORIGIN)
    async with line(gateway) as page:
        await in_parts(page, head[:-100], head[-100:-50], head[-50:])
        status, headers, _ = await page.hear()

    assert (status, shared(headers)) == (431, READABLE)


@pytest.mark.parametrize("excess", [1, MAX_EXCESS * MAX_HEAD_BYTES])
async def test_a_head_without_end_is_refused_after_a_time_or_after_a_limit(gateway: Gateway, excess: int) -> None:
    async with line(gateway) as client:
        await client.say(posted(gateway, ORIGIN)[:-2], b"x: " + b"x" * (MAX_HEAD_BYTES + excess))
        status, headers, _ = await client.hear()

        assert (status, shared(headers)) == (431, READABLE)
        assert await client.ended() == b""


async def test_a_long_head_that_is_only_long_by_its_framing_is_still_read(gateway: Gateway) -> None:
    """The limit of the whole head does not count the characters between names and values."""
    head = LIVEZ[:-2] + b"x: x\r\n" * 90 + b"y: " + b"y" * (MAX_HEAD_BYTES - 300) + b"\r\n\r\n"
    assert len(head) > MAX_HEAD_BYTES
    async with line(gateway) as client:
        for _ in range(2):
            await in_parts(client, head[:-2], head[-2:])
            assert (await client.hear())[0] == 200


async def test_a_refused_handshake_may_be_read(gateway: Gateway) -> None:
    async with line(gateway) as page:
        await page.say(HANDSHAKE.replace(b"version: 13", b"version: 8\r\n" + ORIGIN.encode()))
        status, headers, _ = await page.hear()

    assert (status, shared(headers)) == (426, READABLE)
