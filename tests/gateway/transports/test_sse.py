"""Tests of event streams: their format, which requests open one, how streams resume, and how they end."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx2
import orjson
import pytest

from gateway.transports import sse
from resolvers.chain_cursor import encode_chain_cursor
from tests.company import CAPTURE_STARTED, LINK_OPENED, PERSON, Company
from tests.serving import serving
from tests.streams import EVENT_STREAM, streaming

JSON = "application/json"
NO_ID = f"ver_{'0' * 32}"
FOLLOW = """
subscription($id: ID!, $after: Int, $cursor: String) {
  verificationUpdated(id: $id, after: $after, cursor: $cursor) { cursor verification { version } events { version } }
}
"""
FEED = "subscription($after: String) { verificationsUpdated(after: $after) { cursor verification { id version } } }"
CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Node { id } } }"
SECONDS = 30


async def test_the_frames_have_the_format_of_the_protocol(company: Company) -> None:
    id = await company.created()
    async with streaming(company.gateway, company.token(), FOLLOW, id=id, after=0) as stream:
        first = await stream.frame()
        await company.result(id, "VERIFIED")
        rest = await stream.rest()

    def message(version: int) -> bytes:
        cursor = encode_chain_cursor(id, ((1, version),))
        data = {"data": {"verificationUpdated": {"cursor": cursor, "verification": {"version": version}, "events": [{"version": version}]}}}
        return f"event: next\nid: {cursor}\ndata: ".encode() + orjson.dumps(data)

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


@pytest.mark.parametrize("query", [FEED, "{ me { subject } }"])
async def test_head_gets_the_headers_of_a_stream_and_opens_none(company: Company, query: str) -> None:
    headers = {"authorization": f"Bearer {company.token()}", "accept": EVENT_STREAM}

    head = await company.gateway.client.head("/graphql", params={"query": query}, headers=headers)

    assert (head.status_code, head.headers["content-type"], head.content) == (200, "text/event-stream; charset=utf-8", b"")


async def test_the_response_to_a_mutation_can_be_a_stream(company: Company) -> None:
    async with streaming(company.gateway, company.token(), CREATE, input=PERSON) as stream:
        [_, message], *rest = await stream.next(), *await stream.rest()

    assert [each["_id"] for each in company.kept()] == [message["data"]["createVerification"]["id"]]
    assert rest == [b"event: complete\ndata:"]


async def test_a_subscription_as_json_is_refused_and_the_message_names_the_media_type(company: Company) -> None:
    response = await company.gateway.post(FOLLOW, {"id": "ver_0"}, company.token())

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert EVENT_STREAM in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("release", ["this release", "an earlier release"])
@pytest.mark.parametrize("arguments", [{}, {"after": 0}, {"cursor": "x"}, {"after": 0, "cursor": "x"}, {"after": -1}])
async def test_a_stream_resumes_after_the_last_event_id_and_ignores_the_arguments(company: Company, arguments: dict[str, Any], release: str) -> None:
    id = await company.created()
    for step in (LINK_OPENED, CAPTURE_STARTED):
        await company.progress(id, step)
    last = encode_chain_cursor(id, ((1, 1),)) if release == "this release" else f"{id}:1"

    async with streaming(company.gateway, company.token(), FOLLOW, id=id, **arguments, headers={"last-event-id": last}) as stream:
        mark, message = await stream.next()

    update = message["data"]["verificationUpdated"]
    assert mark == update["cursor"] == encode_chain_cursor(id, ((1, 3),))
    assert [event["version"] for event in update["events"]] == [2, 3]


async def test_a_feed_resumes_after_the_last_event_id(company: Company) -> None:
    async with streaming(company.gateway, company.token(), FEED) as stream:
        mark, _ = await stream.next()
    id = await company.created()

    async with streaming(company.gateway, company.token(), FEED, headers={"last-event-id": mark}) as stream:
        await stream.next()
        _, message = await stream.next()

    assert message["data"]["verificationsUpdated"]["verification"] == {"id": id, "version": 1}


@pytest.mark.parametrize("mark", ["x", "ver_0:1", "1", f"{NO_ID}:-1", f"{NO_ID}:9999999999", encode_chain_cursor(NO_ID, ((1, 1),))])
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
