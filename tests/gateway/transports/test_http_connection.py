"""Connections, byte by byte: those that are slow, silent, too long or too many, and what others notice of them."""

import asyncio
import logging
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
import pytest
from websockets.frames import Frame, Opcode

from gateway import server
from gateway.server import MAX_MESSAGE_BYTES
from gateway.transports.http import MAX_BODY_BYTES
from gateway.transports.http_connection import MAX_HEAD_BYTES, MAX_HEADERS, Patience
from gateway.transports.socket_connection import BURST_MESSAGES, MESSAGES_PER_SECOND, PING, Pace
from tests.commands import Commands
from tests.company import PERSON
from tests.gateway.refusals import refused
from tests.gateway.transports.test_websocket import sinks_to
from tests.serving import Gateway, serving
from tests.wire import GENEROUS_SECONDS, wired

# Long enough for whatever a test sends at once, on any machine.
SHORT = Patience(head_seconds=1, body_seconds=1, linger_seconds=1)
LIVEZ = b"GET /livez HTTP/1.1\r\nhost: gateway\r\n\r\n"
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nhost: gateway\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
)
CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id } } }"


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway as it serves."""
    async with serving(shared_database_uri) as running:
        yield running


@pytest.fixture(scope="module")
async def hasty(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway that waits for nobody for long."""
    async with serving(shared_database_uri, patience=SHORT) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Line:
    """One connection, to which a test says what it wants."""

    reader: StreamReader
    writer: StreamWriter

    async def say(self, *parts: bytes) -> None:
        """Send, whether or not it is still taken."""
        with suppress(ConnectionError):
            self.writer.write(b"".join(parts))
            await self.writer.drain()

    async def hear(self) -> tuple[int, dict[str, str], bytes]:
        """The next response: its status, its headers and its body."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            return int(head[0].split(" ")[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def ended(self) -> bytes:
        """All that still comes until the other side hangs up."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@asynccontextmanager
async def line(gateway: Gateway) -> AsyncIterator[Line]:
    """A connection to a gateway."""
    address = urlsplit(gateway.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def posted(gateway: Gateway, *headers: str, path: str = "/graphql", token: str | None = None) -> bytes:
    """The head of a request with a body."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: gateway",
        f"authorization: Bearer {token or gateway.token()}",
        "content-type: application/json",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def body() -> bytes:
    return orjson.dumps({"query": CREATE, "variables": {"input": PERSON}})


async def is_served(gateway: Gateway) -> None:
    """Others are answered."""
    assert (await gateway.client.get("/livez")).is_success
    await gateway.query("{ me { subject } }")


# What is behind a request, or comes before the answer to one.


async def test_trailers_are_no_headers_of_their_request(gateway: Gateway) -> None:
    content = body()
    head = b"POST /graphql HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    chunked = head + b"%x\r\n%b\r\n0\r\nauthorization: Bearer %b\r\n\r\n" % (len(content), content, gateway.token().encode())

    async with line(gateway) as sly:
        await sly.say(posted(gateway, f"content-length: {len(content)}"), content, chunked, chunked)

        assert [(await sly.hear())[0] for _ in range(3)] == [200, 401, 401]


async def test_trailers_without_end_are_refused(gateway: Gateway) -> None:
    async with line(gateway) as long_winded:
        await long_winded.say(posted(gateway, "transfer-encoding: chunked"), b"2\r\n{}\r\n0\r\n")
        before = await refused(gateway, "head")

        async def go_on() -> None:
            for _ in range(1000):
                await long_winded.say(b"x: y\r\n" * 1000)

        going = asyncio.create_task(go_on())
        assert (await long_winded.hear())[0] == 431
        await long_winded.ended()
        going.cancel()
        assert await refused(gateway, "head") == before + 1


async def test_a_body_in_the_smallest_chunks_is_read(gateway: Gateway) -> None:
    content = orjson.dumps({"query": "{ me { subject } }"}) + b" " * 70_000
    async with line(gateway) as patient:
        await patient.say(posted(gateway, "transfer-encoding: chunked"), *(b"1\r\n%c\r\n" % byte for byte in content), b"0\r\n\r\n")

        assert (await patient.hear())[0] == 200


async def test_a_socket_that_does_not_wait_for_an_answer_has_that_and_no_socket(gateway: Gateway) -> None:
    content = body()
    async with line(gateway) as hasty:
        await hasty.say(posted(gateway, f"content-length: {len(content)}"), content, HANDSHAKE)

        assert (await hasty.hear())[0] == 200
        assert await hasty.ended() == b""


# Those that keep the gateway waiting.


async def test_a_connection_on_which_nothing_is_said_is_closed(hasty: Gateway) -> None:
    async with line(hasty) as silent:
        assert await silent.ended() == b""


async def test_a_connection_is_kept_for_the_next_request_but_not_for_long(mongo_uri: str) -> None:
    content = body()
    async with serving(mongo_uri, patience=Patience(idle_seconds=0.3)) as brief, line(brief) as idle, line(brief) as slow, line(brief) as upgraded:
        for each in (idle, upgraded):
            await each.say(posted(brief, f"content-length: {len(content)}"), content)
            assert (await each.hear())[0] == 200
        await slow.say(posted(brief, f"content-length: {len(content)}", token="x"))
        assert (await slow.hear())[0] == 401
        await upgraded.say(HANDSHAKE)
        assert b" 101 " in await upgraded.reader.readuntil(b"\r\n\r\n")

        assert await idle.ended() == b""
        await slow.say(content)
        assert await slow.ended() == b"", "what was answered before all of it came is looked at as well"
        await upgraded.say(Frame(Opcode.PING, b"still there").serialize(mask=True))
        assert b"still there" in await upgraded.reader.readexactly(13), "a socket is no connection without requests"


async def test_a_quiet_socket_is_pinged_whether_or_not_it_answers(mongo_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PING_SECONDS", 0.1)
    async with serving(mongo_uri) as gateway, line(gateway) as quiet, asyncio.timeout(GENEROUS_SECONDS):
        await quiet.say(HANDSHAKE)
        assert b" 101 " in await quiet.reader.readuntil(b"\r\n\r\n")

        for answer in (b"", Frame(Opcode.PONG, b"").serialize(mask=True), Frame(Opcode.PONG, b"of my own").serialize(mask=True)):
            assert await quiet.reader.readexactly(2) == PING
            await quiet.say(answer)
        await quiet.say(Frame(Opcode.TEXT, orjson.dumps({"type": "ping"})).serialize(mask=True))
        while (heard := await quiet.reader.readexactly(2)) == PING:
            pass
        assert heard[0] == 0x80 | Opcode.TEXT


async def test_a_request_whose_head_does_not_come_is_timed_out(hasty: Gateway) -> None:
    beginnings = [b"G", b"GET /livez HTTP/1.1\r\nhost: gateway\r\n", b"GET /livez HTTP/1.1\r\nx: ", b"\r\n"]
    before = await refused(hasty, "time")

    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(line(hasty)) for _ in range(2 * len(beginnings))]
        for number, slow in enumerate(lines):
            if number % 2:
                await slow.say(LIVEZ)
                assert (await slow.hear())[0] == 200
            await slow.say(beginnings[number // 2])

        for slow in lines:
            status, headers, _ = await slow.hear()
            assert (status, headers["connection"], headers["x-content-type-options"]) == (408, "close", "nosniff")
            assert await slow.ended() == b""
    assert await refused(hasty, "time") - before == len(lines)


async def test_byte_after_byte_is_not_enough(hasty: Gateway) -> None:
    async with line(hasty) as slow:
        await slow.say(b"GET /livez HTTP/1.1\r\n")

        async def drip() -> None:
            while True:
                await slow.say(b"x: x\r\n")
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        assert (await slow.hear())[0] == 408
        await slow.ended()
        dripping.cancel()


@pytest.mark.parametrize("length", ["content-length: 100", "transfer-encoding: chunked"])
async def test_a_body_that_does_not_come_is_timed_out_and_nothing_is_done(hasty: Gateway, length: str) -> None:
    async with line(hasty) as slow:
        await slow.say(posted(hasty, length), b'{"query"' if length.endswith("100") else b'8\r\n{"query"\r\n')
        status, headers, _ = await slow.hear()

        assert (status, headers["connection"]) == (408, "close")
        assert await slow.ended() == b""


async def test_a_body_that_is_not_wanted_is_not_waited_for(hasty: Gateway) -> None:
    async with line(hasty) as slow:
        await slow.say(posted(hasty, "content-length: 100", token="x"))

        assert (await slow.hear())[0] == 401
        assert await slow.ended() == b""


async def test_whoever_comes_in_time_may_come_again_and_again(gateway: Gateway) -> None:
    content = body()
    async with line(gateway) as patient:
        for _ in range(10):
            for part in (LIVEZ[:10], LIVEZ[10:], posted(gateway, f"content-length: {len(content)}"), content[:50], content[50:]):
                await patient.say(part)
                await asyncio.sleep(0.01)
            assert [(await patient.hear())[0], (await patient.hear())[0]] == [200, 200]


async def test_it_does_not_matter_where_the_network_cuts(gateway: Gateway) -> None:
    content = body()
    whole = LIVEZ + posted(gateway, f"content-length: {len(content)}") + content + posted(gateway, "transfer-encoding: chunked")
    whole += b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) + LIVEZ

    for at in range(1, len(whole), 17):
        async with line(gateway) as cut:
            await cut.say(whole[:at])
            await asyncio.sleep(0)
            await cut.say(whole[at:])
            assert [(await cut.hear())[0] for _ in range(4)] == [200] * 4, at


async def test_a_long_answer_is_not_cut_short(hasty: Gateway) -> None:
    async with AsyncExitStack() as stack:
        wire = await stack.enter_async_context(wired(hasty, hasty.token()))
        stream = await stack.enter_async_context(line(hasty))
        content = orjson.dumps({"query": "subscription { verificationsUpdated { cursor } }"})
        await stream.say(posted(hasty, "accept: text/event-stream", f"content-length: {len(content)}"), content, b"G")
        await stream.reader.readuntil(b"event: next")

        await asyncio.sleep(1.5 * SHORT.head_seconds)

        await hasty.query(CREATE, {"input": PERSON})
        async with asyncio.timeout(GENEROUS_SECONDS):
            await stream.reader.readuntil(b"event: next")
        await wire.send({"type": "ping"})
        assert await wire.hear() == {"type": "pong"}


async def test_silent_and_slow_connections_leave_others_served(gateway: Gateway) -> None:
    async with AsyncExitStack() as stack:
        for number in range(200):
            slow = await stack.enter_async_context(line(gateway))
            await slow.say((b"", b"GET / HT", posted(gateway, "content-length: 9", token="x")[:-2], posted(gateway, "content-length: 9"))[number % 4])

        await is_served(gateway)


# Those that are too long.


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
        async with line(gateway) as long_winded:
            await long_winded.say(head)
            status, headers, _ = await long_winded.hear()
            assert (status, headers["connection"]) == (431, "close"), what
            assert await long_winded.ended() == b""
    assert await refused(gateway, "head") - before == len(heads)


async def test_a_head_of_the_greatest_length_is_read(gateway: Gateway) -> None:
    async with line(gateway) as long_winded:
        for _ in range(3):
            await long_winded.say(LIVEZ[:-2], b"x: ", b"x" * (MAX_HEAD_BYTES - 100), b"\r\n\r\n")
            assert (await long_winded.hear())[0] == 200
            await long_winded.say(LIVEZ[:-2], b"x: x\r\n" * (MAX_HEADERS - 1), b"\r\n")
            assert (await long_winded.hear())[0] == 200


async def test_a_head_that_a_socket_can_not_have_is_refused_and_not_kept(gateway: Gateway) -> None:
    """The library for sockets has a limit of its own, for one line."""
    async with line(gateway) as long_winded:
        await long_winded.say(b"GET /graphql HTTP/1.1\r\nhost: gateway\r\nupgrade: websocket\r\nconnection: upgrade\r\nx: ", b"x" * 9000, b"\r\n\r\n")

        answer = await long_winded.ended()
        assert answer.startswith(b"HTTP/1.1 431 ")


ENDLESS = {
    "content-length: 200000000": b"x" * 65_536,
    "transfer-encoding: chunked": b"10000\r\n" + b"x" * 65_536 + b"\r\n",
}


@pytest.mark.parametrize("length", ENDLESS)
@pytest.mark.parametrize("known", [True, False])
async def test_a_body_without_end_is_refused_and_the_connection_with_it(gateway: Gateway, length: str, known: bool) -> None:
    async with line(gateway) as endless:
        await endless.say(posted(gateway, length, token=None if known else "x"))
        answer = asyncio.create_task(endless.hear())
        sent = 0
        while sent < 200_000_000 and not endless.writer.is_closing():
            await endless.say(ENDLESS[length])
            sent += 65_536

        assert (await answer)[0] == (413 if known else 401)
        assert sent < 100_000_000
    await is_served(gateway)


async def test_what_follows_a_body_that_was_too_long_is_not_looked_at(hasty: Gateway) -> None:
    length = MAX_BODY_BYTES + 70_000
    async with line(hasty) as long_winded:
        await long_winded.say(posted(hasty, f"content-length: {length}"), b" " * length, LIVEZ * 100)

        assert (await long_winded.hear())[0] == 413
        assert await long_winded.ended() == b""


async def test_a_body_that_says_it_is_too_long_is_not_asked_for(gateway: Gateway) -> None:
    async with line(gateway) as polite:
        await polite.say(posted(gateway, f"content-length: {MAX_BODY_BYTES + 1}", "expect: 100-continue"))
        assert (await polite.hear())[0] == 413
    async with line(gateway) as polite:
        await polite.say(posted(gateway, f"content-length: {len(body())}", "expect: 100-continue"))
        assert await polite.reader.readexactly(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await polite.say(body())
        assert (await polite.hear())[0] == 200


# Those that are too many, or none at all.


async def test_requests_that_come_at_once_are_answered_in_turn_up_to_a_number(gateway: Gateway) -> None:
    content = body()
    async with line(gateway) as eager:
        await eager.say(*[posted(gateway, f"content-length: {len(content)}") + content] * 1000)

        answers = (await eager.ended()).count(b"HTTP/1.1 200 OK")
        assert 1 <= answers < 20
    await is_served(gateway)


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
async def test_what_is_no_request_is_refused_as_one(gateway: Gateway, nonsense: bytes) -> None:
    async with line(gateway) as foreign:
        await foreign.say(nonsense)
        status, headers, _ = await foreign.hear()

        assert (status, headers["connection"], headers["x-content-type-options"]) == (400, "close", "nosniff")
        assert await foreign.ended() == b""


@pytest.mark.parametrize("garbage", [b"zz\r\n", b"5\r\nxxxxxxxx"])
async def test_a_body_that_breaks_off_into_nonsense_is_refused(gateway: Gateway, garbage: bytes) -> None:
    async with line(gateway) as foreign:
        await foreign.say(posted(gateway, "transfer-encoding: chunked"), b"1\r\n{\r\n")
        await foreign.say(garbage)

        assert (await foreign.hear())[0] == 400
        assert await foreign.ended() == b""


async def test_connections_that_break_off_anywhere_are_let_go_in_silence(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    content = body()
    whole = posted(gateway, f"content-length: {len(content) + 1}") + content

    with caplog.at_level(logging.WARNING):
        for at in range(0, len(whole), 40):
            async with line(gateway) as broken:
                await broken.say(whole[:at])
        await is_served(gateway)

    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


# Sockets.


def test_a_pace_is_kept_by_whoever_pauses() -> None:
    at = 0.0
    pace = Pace(10, 20, lambda: at)

    assert pace.allows(20)
    assert not pace.allows(1)
    at = 0.2
    assert pace.allows(1)
    assert not pace.allows(1)
    at = 100.0
    assert pace.allows(20)
    assert not pace.allows(1)


PINGED = b'{"type": "ping"}'
FLOODS = {
    "messages": Frame(Opcode.TEXT, PINGED),
    "pings": Frame(Opcode.PING, b""),
    "pongs": Frame(Opcode.PONG, b""),
    "parts of a message": Frame(Opcode.CONT, b"", fin=False),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_on_a_socket_closes_it_for_a_later_try(gateway: Gateway, flood: str, caplog: pytest.LogCaptureFixture) -> None:
    before = await refused(gateway, "messages")
    frame = FLOODS[flood].serialize(mask=True)
    async with wired(gateway, gateway.token()) as wire:
        transport = wire.connection.transport
        if flood.startswith("parts"):
            transport.write(Frame(Opcode.TEXT, b"", fin=False).serialize(mask=True))
        # More than any pause of this test could make up for.
        transport.write(frame * (BURST_MESSAGES + int(MESSAGES_PER_SECOND * GENEROUS_SECONDS)))

        assert await wire.closed() == 1013
        assert "messages a second" in (wire.connection.close_reason or "")

    assert await refused(gateway, "messages") - before == 1
    assert await sinks_to(gateway, "gateway_sockets", 0)
    await is_served(gateway)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_what_a_socket_may_say_at_once_is_answered(gateway: Gateway) -> None:
    async with wired(gateway, gateway.token()) as wire:
        for _ in range(BURST_MESSAGES - 50):
            await wire.say(PINGED.decode())
        for _ in range(BURST_MESSAGES - 50):
            assert await wire.hear() == {"type": "pong"}


async def test_what_still_comes_for_a_socket_that_was_closed_beneath_it_is_no_error(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    async with wired(gateway, gateway.token()) as wire:
        for number in range(20):
            await wire.subscribe(str(number), "subscription { verificationsUpdated { cursor } }")
        wire.connection.transport.write(Frame(Opcode.TEXT, b"x" * (MAX_MESSAGE_BYTES + 1)).serialize(mask=True))
        for _ in range(5):
            await gateway.query(CREATE, {"input": PERSON})
        assert await wire.closed() == 1009

    assert await sinks_to(gateway, "gateway_sockets", 0)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
