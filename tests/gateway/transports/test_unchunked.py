"""Tests of event streams, and of other responses, to clients of HTTP/1.0, which can't read chunks."""

from collections.abc import AsyncIterator

import orjson
import pytest

from tests.commands import Commands
from tests.company import PERSON
from tests.gateway.transports.test_http_connection import CREATE, line, posted
from tests.serving import Gateway, serving


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with the default limits and timeouts."""
    async with serving(shared_database_uri) as running:
        yield running


def older(gateway: Gateway, query: str, *headers: str) -> bytes:
    """A POST request in HTTP/1.0 that accepts an event stream."""
    content = orjson.dumps({"query": query, "variables": {"input": PERSON}})
    head = posted(gateway, f"content-length: {len(content)}", "accept: text/event-stream", *headers)
    return head.replace(b"HTTP/1.1", b"HTTP/1.0") + content


def fields(head: bytes) -> set[bytes]:
    """The names of the headers in a head."""
    return {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]}


@pytest.mark.parametrize("headers", [(), ("connection: keep-alive",)])
async def test_a_stream_has_no_chunks_and_ends_with_the_connection(gateway: Gateway, headers: tuple[str, ...]) -> None:
    async with line(gateway) as client:
        await client.say(older(gateway, CREATE, *headers))
        head, _, stream = (await client.ended()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close" in head.lower()
    assert fields(head).isdisjoint({b"transfer-encoding", b"content-length"})
    before, _, after = stream.partition(b'{"data":{"createVerification":{"id":"ver_')
    assert before == b"retry: 1500\n\nevent: next\ndata: "
    assert after.endswith(b'"}}}\n\nevent: complete\ndata:\n\n')


async def test_a_subscription_is_sent_message_by_message(gateway: Gateway) -> None:
    async with line(gateway) as client:
        await client.say(older(gateway, "subscription { verificationsUpdated { cursor } }"))
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding" not in fields(head)
        assert (await client.reader.readuntil(b"}}}\n\n")).startswith(b"retry: 1500\n\nevent: next\nid: ")

        await gateway.query(CREATE, {"input": PERSON})

        assert (await client.reader.readuntil(b"}}}\n\n")).startswith(b"event: next\nid: ")


@pytest.mark.parametrize("target", [b"/readyz", b"/nowhere", b"/graphql?query=x"])
async def test_a_response_with_a_length_keeps_it(gateway: Gateway, target: bytes) -> None:
    async with line(gateway) as client:
        await client.say(b"GET " + target + b" HTTP/1.0\r\n\r\n")
        _, headers, _ = await client.hear()

        assert headers["connection"] == "close"
        assert "transfer-encoding" not in headers
        assert await client.ended() == b""


async def test_a_head_request_gets_no_chunks_either(gateway: Gateway) -> None:
    async with line(gateway) as client:
        await client.say(
            b"HEAD /graphql?query={me{subject}} HTTP/1.0\r\naccept: text/event-stream\r\n"
            b"authorization: Bearer " + gateway.token().encode() + b"\r\n\r\n"
        )
        head, _, rest = (await client.ended()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"transfer-encoding" not in fields(head)
    assert rest == b""


async def test_an_expectation_in_http_1_0_is_ignored(gateway: Gateway) -> None:
    """RFC 9110 requires this in 10.1.1: a server must ignore the header `Expect: 100-continue` of a request in HTTP/1.0."""
    request = older(gateway, "{ me { subject } }", "expect: 100-continue").replace(b"text/event-stream", b"application/json")
    async with line(gateway) as client:
        await client.say(request)

        assert (await client.hear())[0] == 200
