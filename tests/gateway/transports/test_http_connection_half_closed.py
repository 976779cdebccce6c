"""Tests of clients that close their sending side after their last request. They still read, so all complete requests are answered."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from tests.commands import Commands
from tests.gateway.transports.test_http_connection import LIVEZ, Line, body, line, posted
from tests.serving import Gateway, serving

FEED = orjson.dumps({"query": "subscription { verificationsUpdated { cursor } }"})
COUNT = "{ verifications { totalCount } }"


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with the default limits and timeouts."""
    async with serving(shared_database_uri) as running:
        yield running


async def count(gateway: Gateway) -> int:
    """How many verifications the workspace of the test has."""
    stored: int = (await gateway.query(COUNT))["verifications"]["totalCount"]
    return stored


def said_last(connection: Line, *parts: bytes) -> None:
    """Send bytes and close the sending side, before the gateway can answer."""
    connection.writer.write(b"".join(parts))
    connection.writer.write_eof()


def whole(gateway: Gateway, content: bytes, *headers: str) -> bytes:
    """A complete POST request."""
    return posted(gateway, f"content-length: {len(content)}", *headers) + content


@pytest.mark.parametrize("headers", [(), ("connection: close",), ("accept: text/event-stream, application/json",)])
async def test_a_mutation_is_answered(gateway: Gateway, headers: tuple[str, ...]) -> None:
    before = await count(gateway)
    async with line(gateway) as client:
        said_last(client, whole(gateway, body(), *headers))
        status, answered, content = await client.hear()

        assert (status, answered["connection"]) == (200, "close")
        assert orjson.loads(content)["data"]["createVerification"]["id"].startswith("ver_")
        assert await client.ended() == b""
    assert await count(gateway) == before + 1


async def test_a_mutation_is_answered_if_the_sending_side_closes_while_it_is_executed(gateway: Gateway) -> None:
    async with line(gateway) as client:
        await client.say(whole(gateway, body()))
        await asyncio.sleep(0)
        client.writer.write_eof()

        assert (await client.hear())[0] == 200
        assert await client.ended() == b""


async def test_a_mutation_over_http_1_0_is_answered(gateway: Gateway) -> None:
    async with line(gateway) as client:
        said_last(client, whole(gateway, body()).replace(b"HTTP/1.1", b"HTTP/1.0"))

        assert (await client.hear())[0] == 200
        assert await client.ended() == b""


async def test_all_requests_that_were_sent_at_once_are_answered(gateway: Gateway) -> None:
    before = await count(gateway)
    async with line(gateway) as client:
        said_last(client, *[whole(gateway, body())] * 3, LIVEZ)

        answers = [await client.hear() for _ in range(4)]
        assert [status for status, _, _ in answers] == [200] * 4
        assert [headers.get("connection") for _, headers, _ in answers] == [None, None, None, "close"]
        assert await client.ended() == b""
    assert await count(gateway) == before + 3


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("rest", ["a part of a head", "a part of a body", "a part of a chunk"])
async def test_a_request_that_is_not_complete_is_dropped_and_those_before_it_are_answered(gateway: Gateway, rest: str, number: int) -> None:
    content = body()
    incomplete = {
        "a part of a head": posted(gateway)[:-2],
        "a part of a body": whole(gateway, content)[:-1],
        "a part of a chunk": posted(gateway, "transfer-encoding: chunked") + b"%x\r\n%b\r\n" % (len(content), content),
    }
    before = await count(gateway)
    async with line(gateway) as client:
        said_last(client, *[whole(gateway, content)] * number, incomplete[rest])

        assert [(await client.hear())[0] for _ in range(number)] == [200] * number
        assert await client.ended() == b""
    assert await count(gateway) == before + number


@pytest.mark.parametrize("sent", [b"", LIVEZ[:-2], b"\r\n"])
async def test_a_connection_without_a_complete_request_is_closed(gateway: Gateway, sent: bytes) -> None:
    async with line(gateway) as client:
        said_last(client, sent)

        assert await client.ended() == b""


async def test_a_connection_whose_body_is_not_complete_is_closed(gateway: Gateway) -> None:
    before = await count(gateway)
    async with line(gateway) as client:
        said_last(client, whole(gateway, body())[:-1])

        assert await client.ended() == b""
    assert await count(gateway) == before


async def test_an_idle_connection_is_closed(gateway: Gateway) -> None:
    async with line(gateway) as client:
        await client.say(LIVEZ)
        assert (await client.hear())[0] == 200
        client.writer.write_eof()

        assert await client.ended() == b""


async def test_a_refusal_is_still_received(gateway: Gateway) -> None:
    async with line(gateway) as client:
        said_last(client, whole(gateway, body()), b"no request\r\n\r\n")

        assert (await client.hear())[0] == 200
        assert await client.ended() == b""


async def test_a_mutation_whose_response_is_a_stream_is_answered(gateway: Gateway) -> None:
    before = await count(gateway)
    async with line(gateway) as client:
        said_last(client, whole(gateway, body(), "accept: text/event-stream"))
        head, _, stream = (await client.ended()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert b'event: next\ndata: {"data":{"createVerification":{"id":"ver_' in stream
    assert stream.endswith(b"event: complete\ndata:\n\n\r\n0\r\n\r\n")
    assert await count(gateway) == before + 1


async def subscribers(gateway: Gateway) -> float:
    """How many subscriptions the gateway counts now."""
    metrics = (await gateway.client.get("/metrics")).text.splitlines()
    return float(next(metric for metric in metrics if metric.startswith("gateway_subscribers ")).split()[1])


async def test_an_event_stream_ends(gateway: Gateway) -> None:
    before = await subscribers(gateway)
    async with line(gateway) as client:
        await client.say(whole(gateway, FEED, "accept: text/event-stream"))
        await client.reader.readuntil(b"event: next")
        assert await subscribers(gateway) == before + 1
        client.writer.write_eof()

        rest = await client.ended()
        assert rest.endswith(b"\r\n0\r\n\r\n"), "the end of the stream is marked"
        assert b"event: complete" not in rest, "the subscription is not over"
    assert await subscribers(gateway) == before


async def test_an_event_stream_that_has_not_begun_yet_ends_too(gateway: Gateway) -> None:
    async with line(gateway) as client:
        said_last(client, whole(gateway, FEED, "accept: text/event-stream"))

        answer = await client.ended()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"0\r\n\r\n")


async def test_a_request_of_the_application_is_answered(gateway: Gateway) -> None:
    """A request to another path than /graphql does not take the fast path. Starlette's application answers it."""
    async with line(gateway) as client:
        said_last(client, b"GET /readyz HTTP/1.1\r\nhost: gateway\r\n\r\n")

        assert (await client.hear())[0] == 200
        assert await client.ended() == b""
