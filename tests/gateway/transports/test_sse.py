"""Tests of event streams: their format, which requests open one, how streams resume, and how they end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest

from gateway.transports import sse
from tests.company import CAPTURE_STARTED, LINK_OPENED, PERSON, Company
from tests.serving import Gateway, serving

EVENT_STREAM, JSON = "text/event-stream", "application/json"
FOLLOW = "subscription($id: ID!, $after: Int) { verificationUpdated(id: $id, after: $after) { verification { version } events { version } } }"
FEED = "subscription($after: String) { verificationsUpdated(after: $after) { cursor verification { id version } } }"
CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Node { id } } }"
SECONDS = 30


class Stream:
    """Reads one event stream, frame by frame. A frame is everything up to an empty line."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._chunks = response.aiter_raw()
        self._buffer = b""

    async def frame(self) -> bytes:
        """Read the next frame. Returns it without the empty line at its end, or an empty text if the stream has ended."""
        async with asyncio.timeout(SECONDS):
            while b"\n\n" not in self._buffer:
                chunk = await anext(self._chunks, b"")
                if not chunk:
                    return b""
                self._buffer += chunk
        frame, _, self._buffer = self._buffer.partition(b"\n\n")
        return frame

    async def next(self) -> tuple[str, Any]:
        """Read the next message. Returns its id and its data."""
        event, *fields = (await self.frame()).split(b"\n")
        assert event == b"event: next"
        named = dict(field.decode().split(": ", 1) for field in fields)
        return named.get("id", ""), orjson.loads(named["data"])

    async def rest(self) -> list[bytes]:
        """Read all frames until the stream ends."""
        frames = []
        while frame := await self.frame():
            frames.append(frame)
        return frames


@asynccontextmanager
async def streaming(gateway: Gateway, token: str, query: str, **changed: Any) -> AsyncIterator[Stream]:
    """Open a stream for an operation, and read its first frame. `changed`: variables of the operation, and `headers` of the request."""
    headers = {"authorization": f"Bearer {token}", "accept": EVENT_STREAM, **changed.pop("headers", {})}
    content = {"query": query, "variables": changed}
    async with gateway.client.stream("POST", "/graphql", json=content, headers=headers) as response:
        stream = Stream(response)
        if response.headers["content-type"].startswith(EVENT_STREAM):
            assert await stream.frame() == b"retry: 1500"
        yield stream


async def test_the_frames_have_the_format_of_the_protocol(company: Company) -> None:
    id = await company.created()
    async with streaming(company.gateway, company.token(), FOLLOW, id=id, after=0) as stream:
        first = await stream.frame()
        await company.result(id, "VERIFIED")
        rest = await stream.rest()

    def message(version: int) -> bytes:
        data = {"data": {"verificationUpdated": {"verification": {"version": version}, "events": [{"version": version}]}}}
        return f"event: next\nid: {id}:{version}\ndata: ".encode() + orjson.dumps(data)

    assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.response.headers["cache-control"] == "no-store"
    assert [first, *rest] == [message(1), message(2), b"event: complete\ndata:"]


@pytest.mark.parametrize(
    ("accepted", "streams"),
    [
        (EVENT_STREAM, True),
        (f"{EVENT_STREAM}, {JSON}", False),
        (f"application/graphql-response+json, {JSON}, {EVENT_STREAM}, multipart/mixed", False),
    ],
)
async def test_a_query_opens_a_stream_only_if_the_client_does_not_accept_json(company: Company, accepted: str, streams: bool) -> None:
    async with streaming(company.gateway, company.token(), "{ me { subject } }", headers={"accept": accepted}) as stream:
        if streams:
            assert [await stream.next(), *await stream.rest()] == [("", {"data": {"me": {"subject": "tester"}}}), b"event: complete\ndata:"]
        else:
            assert orjson.loads(await stream.response.aread()) == {"data": {"me": {"subject": "tester"}}}


async def test_the_response_to_a_mutation_can_be_a_stream(company: Company) -> None:
    async with streaming(company.gateway, company.token(), CREATE, input=PERSON) as stream:
        [_, message], *rest = await stream.next(), *await stream.rest()

    assert [each["_id"] for each in company.kept()] == [message["data"]["createVerification"]["id"]]
    assert rest == [b"event: complete\ndata:"]


async def test_a_subscription_as_json_is_refused_and_the_message_names_the_media_type(company: Company) -> None:
    response = await company.gateway.post(FOLLOW, {"id": "ver_0"}, company.token())

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert EVENT_STREAM in response.json()["errors"][0]["message"]


async def test_a_stream_resumes_after_the_last_event_id_and_ignores_the_argument_after(company: Company) -> None:
    id = await company.created()
    for step in (LINK_OPENED, CAPTURE_STARTED):
        await company.progress(id, step)

    async with streaming(company.gateway, company.token(), FOLLOW, id=id, after=0, headers={"last-event-id": f"{id}:1"}) as stream:
        mark, message = await stream.next()

    assert mark == f"{id}:3"
    assert [event["version"] for event in message["data"]["verificationUpdated"]["events"]] == [2, 3]


async def test_a_feed_resumes_after_the_last_event_id(company: Company) -> None:
    async with streaming(company.gateway, company.token(), FEED) as stream:
        mark, _ = await stream.next()
    id = await company.created()

    async with streaming(company.gateway, company.token(), FEED, headers={"last-event-id": mark}) as stream:
        await stream.next()
        _, message = await stream.next()

    assert message["data"]["verificationsUpdated"]["verification"] == {"id": id, "version": 1}


@pytest.mark.parametrize("mark", ["x", "ver_0:1", "1", f"ver_{'0' * 32}:-1", f"ver_{'0' * 32}:9999999999"])
async def test_a_last_event_id_that_the_gateway_never_sent_is_bad_input(company: Company, mark: str) -> None:
    async with streaming(company.gateway, company.token(), FOLLOW, id=await company.created(), headers={"last-event-id": mark}) as stream:
        _, message = await stream.next()
        rest = await stream.rest()

    assert message["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert rest == [b"event: complete\ndata:"]


async def test_a_quiet_stream_is_kept_alive(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "COMMENT_SECONDS", 0.01)
    async with streaming(company.gateway, company.token(), FOLLOW, id=await company.created()) as stream:
        frames = [await stream.frame() for _ in range(4)]

    assert frames.count(b":") == 3


async def test_a_client_that_disconnects_is_unsubscribed(company: Company) -> None:
    async def subscribers() -> str:
        return next(line for line in (await company.gateway.client.get("/metrics")).text.splitlines() if line.startswith("gateway_subscribers "))

    before = await subscribers()
    async with streaming(company.gateway, company.token(), FOLLOW, id=await company.created()) as stream:
        await stream.next()
        assert await subscribers() != before

    async with asyncio.timeout(SECONDS):
        while await subscribers() != before:
            await asyncio.sleep(0.02)


async def test_a_process_that_ends_closes_its_streams_without_complete(database_uri: str) -> None:
    async with AsyncExitStack() as outlasting:
        async with serving(database_uri) as gateway:
            client = await outlasting.enter_async_context(httpx2.AsyncClient(base_url=gateway.url, trust_env=False, timeout=SECONDS))
            id = (await gateway.query(CREATE, {"input": PERSON}))["createVerification"]["id"]
            stream = await outlasting.enter_async_context(streaming(replace(gateway, client=client), gateway.token(), FOLLOW, id=id))
            await stream.next()

        assert await stream.rest() == []
