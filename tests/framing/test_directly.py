"""Tests that send requests in every framing directly to the gateway, in segments. The gateway reads each segment separately.

The gateway ignores most offers of an upgrade. All limits must apply to a request with an ignored offer, as to any other request.
"""

from dataclasses import replace

import orjson
import pytest

from gateway.transports.http import MAX_BODY_BYTES
from gateway.transports.http_connection import MAX_HEAD_BYTES, MAX_PIPELINED
from tests.framing.connections import connected
from tests.framing.exchanges import ALIVE, BODIES, LAST, LIVEZ, check, exchanges
from tests.framing.requests import JAVA, ME, OFFERS, Offer, Request, expected, smuggled
from tests.framing.watched import Watched

QUERY = orjson.dumps({"query": ME})
LENGTHS = ("length", "chunked")


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("offer", OFFERS)
async def test_every_request_gets_exactly_its_own_response(watched: Watched, offer: str, body: str) -> None:
    await watched.run(exchanges(offer, body, watched.callers), watched.peer)


@pytest.mark.parametrize("framing", LENGTHS)
async def test_a_head_may_arrive_byte_by_byte(watched: Watched, framing: str) -> None:
    for offer in OFFERS.values():
        request = Request(offer=offer, framing=framing, content=QUERY, caller=watched.callers.next())
        answer = expected(request)
        head, body = request.parts
        async with watched.executes(queries=answer.status == 200), connected(watched.peer) as connection:
            await connection.send(*(bytes([byte]) for byte in head), body + (b"" if answer.closes else LAST))

            check(await connection.answer(), answer, offer)
            if not answer.closes:
                check(await connection.answer(), ALIVE, offer)
            assert await connection.remaining() == b""


@pytest.mark.parametrize("framing", LENGTHS)
@pytest.mark.parametrize("name", ["h2c", "Java", "close"])
async def test_a_request_may_be_cut_at_any_byte(watched: Watched, name: str, framing: str) -> None:
    content = smuggled(watched.callers.smuggler)
    length = len(Request(offer=OFFERS[name], framing=framing, content=content, caller=watched.callers.next()).whole)

    async with watched.executes(queries=0):
        for at in range(1, length):
            request = Request(offer=OFFERS[name], framing=framing, content=content, caller=watched.callers.next())
            async with connected(watched.peer) as connection:
                await connection.send(request.whole[:at], request.whole[at:] + LAST)

                check(await connection.answer(), expected(request), at)
                if not OFFERS[name].closes:
                    check(await connection.answer(), ALIVE, at)
                assert await connection.remaining() == b"", at


async def test_requests_with_offers_that_are_sent_at_once_are_answered_in_order(watched: Watched) -> None:
    offers = [OFFERS[name] for name in ("h2c", "Java", "no offer", "websocket", "a list", "h2c", "foo", "TLS")]
    requests = [
        Request(offer=offer, framing=LENGTHS[number % 2], content=QUERY, caller=watched.callers.next()) for number, offer in enumerate(offers)
    ]
    assert len(requests) == MAX_PIPELINED

    async with watched.executes(queries=len(requests)), connected(watched.peer) as connection:
        await connection.send(b"".join(request.whole for request in requests) + LAST)

        for request in requests:
            check(await connection.answer(), expected(request), request)
        check(await connection.answer(), ALIVE, "the last")
        assert await connection.remaining() == b""


async def test_an_offer_in_http_1_0_is_the_last_request_even_with_keep_alive(watched: Watched) -> None:
    offer = Offer(("Connection: keep-alive, Upgrade", "Upgrade: h2c"), "1.0", closes=True)
    request = Request(offer=offer, content=QUERY, caller=watched.callers.next())
    async with watched.executes(queries=1), connected(watched.peer) as connection:
        await connection.send(request.whole + LIVEZ)

        check(await connection.answer(), expected(request), request)
        assert await connection.remaining() == b""


@pytest.mark.parametrize("offer", ["no offer", "h2c", "websocket", "1.0"])
@pytest.mark.parametrize("content", [None, b"GET /livez HTTP/1.1\r\nHost: gateway\r\n\r\n"])
async def test_connect_is_refused_and_no_bytes_after_it_are_read(watched: Watched, offer: str, content: bytes | None) -> None:
    headers = ["Host: gateway", *OFFERS[offer].headers, *([] if content is None else [f"Content-Length: {len(content)}"])]
    head = "\r\n".join([f"CONNECT gateway:443 HTTP/{OFFERS[offer].version}", *headers, "", ""]).encode()
    for segments in ([head + (content or b"") + LIVEZ], [head, (content or b"") + LIVEZ]):
        async with connected(watched.peer) as connection:
            await connection.send(*segments)

            answer = await connection.answer()
            assert (answer.status, answer.headers["connection"], answer.body) == (400, "close", b"")
            assert await connection.remaining() == b""


AMBIGUOUS = {
    "no Host": "GET /livez HTTP/1.1",
    "two Hosts": "GET /livez HTTP/1.1|Host: gateway|Host: other",
    "two Hosts that are the same": "GET /livez HTTP/1.1|Host: gateway|Host: gateway",
    "another version": "GET /livez HTTP/0.9|Host: gateway",
    "chunks in HTTP/1.0": "POST /graphql HTTP/1.0|Host: gateway|Transfer-Encoding: chunked",
    "two codings": "POST /graphql HTTP/1.1|Host: gateway|Transfer-Encoding: gzip, chunked",
    "two codings on two lines": "POST /graphql HTTP/1.1|Host: gateway|Transfer-Encoding: gzip|Transfer-Encoding: chunked",
    "a coding twice": "POST /graphql HTTP/1.1|Host: gateway|Transfer-Encoding: chunked|Transfer-Encoding: chunked",
    "a coding that does not exist": "POST /graphql HTTP/1.1|Host: gateway|Transfer-Encoding: xchunked",
    "a length and chunks": "POST /graphql HTTP/1.1|Host: gateway|Transfer-Encoding: chunked|Content-Length: 5",
    "two lengths": "POST /graphql HTTP/1.1|Host: gateway|Content-Length: 5|Content-Length: 5",
}


@pytest.mark.parametrize("head", AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_a_head_that_servers_could_interpret_differently_is_refused_with_and_without_an_offer(watched: Watched, head: str) -> None:
    for headers in ((), JAVA):
        lines = [*head.split("|"), *headers, "", ""]
        async with watched.executes(queries=0), connected(watched.peer) as connection:
            await connection.send("\r\n".join(lines).encode() + b"0\r\n\r\n" + LIVEZ)

            answer = await connection.answer()
            assert (answer.status, answer.headers["connection"], answer.body) == (400, "close", b"")
            assert await connection.remaining() == b""


@pytest.mark.parametrize("head", ["GET /livez HTTP/1.0", "GET /livez HTTP/1.0|Host: gateway", "GET /livez HTTP/1.1|Host:"])
async def test_a_head_without_a_host_is_read_if_its_http_version_allows_it(watched: Watched, head: str) -> None:
    async with connected(watched.peer) as connection:
        await connection.send("\r\n".join([*head.split("|"), "", ""]).encode())

        check(await connection.answer(), ALIVE, head)


async def test_a_request_with_an_offer_receives_100_continue_once(watched: Watched) -> None:
    request = Request(offer=Offer((*JAVA, "Expect: 100-continue")), content=QUERY, caller=watched.callers.next())
    head, body = request.parts
    async with watched.executes(queries=1), connected(watched.peer) as connection:
        await connection.send(head)
        assert await connection.exactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await connection.send(body + LAST)

        check(await connection.answer(), expected(request), request)
        check(await connection.answer(), ALIVE, "the last")
        assert await connection.remaining() == b""


async def test_a_head_that_is_too_long_is_refused_if_it_contains_an_offer(watched: Watched) -> None:
    long = Offer((*JAVA, f"X: {'x' * MAX_HEAD_BYTES}"))
    head, _ = Request(offer=long).parts
    for segments in ([head], [head[:100], head[100:]], [head[:-2], head[-2:]]):
        async with connected(watched.peer) as connection:
            await connection.send(*segments)

            assert (await connection.answer()).status == 431
            assert await connection.remaining() == b""


async def test_a_head_of_the_maximum_length_is_read_if_it_contains_an_offer(watched: Watched) -> None:
    request = Request(content=QUERY, caller=watched.callers.next())
    room = MAX_HEAD_BYTES - 200 - len(request.parts[0])
    request = replace(request, offer=Offer((*JAVA, f"X: {'x' * room}")))
    head, body = request.parts
    for segments in ([head + body], [head, body], [head[:-2], head[-2:] + body]):
        async with watched.executes(queries=1), connected(watched.peer) as connection:
            await connection.send(*segments)
            check(await connection.answer(), expected(request), request)


@pytest.mark.parametrize("framing", LENGTHS)
async def test_a_body_that_is_too_long_is_refused_after_a_head_with_an_offer(watched: Watched, framing: str) -> None:
    request = Request(offer=OFFERS["h2c"], framing=framing, content=b" " * (MAX_BODY_BYTES + 1), caller=watched.callers.next())
    async with watched.executes(queries=0), connected(watched.peer) as connection:
        await connection.send(*request.parts)

        assert (await connection.answer()).status == 413


async def test_invalid_chunks_are_refused_after_a_head_with_an_offer(watched: Watched) -> None:
    request = Request(offer=OFFERS["h2c"], framing="chunked", content=QUERY, caller=watched.callers.next())
    head, _ = request.parts
    for segments in ([head + b"zz\r\n" + LIVEZ], [head, b"zz\r\n" + LIVEZ]):
        async with watched.executes(queries=0), connected(watched.peer) as connection:
            await connection.send(*segments)

            assert (await connection.answer()).status == 400
            assert await connection.remaining() == b""
