"""Clients send bodies, URLs and payloads of messages that are not valid requests. The gateway must refuse them. Case S25 in tests/security/README.md.

Other tests in tests/gateway/transports use the same bodies and messages. This file sends them over the transports that those tests do not cover.
"""

import logging
from contextlib import suppress

import orjson
import pytest
from websockets.exceptions import ConnectionClosed

from domain.caller import Scope
from tests.company import Company
from tests.gateway.transports.test_http import BODIES, ME
from tests.gateway.transports.test_websocket import FRAMES, close_code_before_init
from tests.wire import wired

OF_A_SUBSCRIPTION = "a subscription"
# The warning that uvicorn logs after a text frame whose content is not UTF-8. It is the only warning that bad bodies may cause.
NO_UTF_8 = "Invalid UTF-8 sequence received from client."
MORE = {
    "JSON after two byte order marks": b"\xef\xbb\xbf" * 2 + ME,
    "UTF-32": ME.decode().encode("utf-32"),
    "infinity": b'{"query": "{ me { subject } }", "variables": {"a": Infinity}}',
    "single quotes": b"{'query': '{ me { subject } }'}",
    "a comment": b'{"query": "{ me { subject } }" /* x */}',
    "a comma too many": b'{"query": "{ me { subject } }",}',
    "two objects": ME + ME,
    "bytes after the object": ME + b"x",
    "only zero bytes": b"\0" * 1000,
    "an incomplete UTF-8 character": ME[:-2] + b"\xc3",
    "an overlong UTF-8 character": b'{"query": "\xc0\xae"}',
}
# Bodies that contain a name twice, and whether they succeed. RFC 8259 does not define which value is used. The gateway uses the last one: it must
# never check one value and use the other.
DOUBLED = {
    b'{"query": "{ nothing }", "query": "{ me { workspaceId } }"}': True,
    b'{"query": "{ me { workspaceId } }", "query": "{ nothing }"}': False,
    b'{"query": "{ me { workspaceId } }", "query": null}': False,
    b'{"query": "{ me { workspaceId } }", "variables": {}, "variables": []}': False,
}


@pytest.mark.parametrize("accepted", ["application/json", "text/event-stream", "application/json, text/event-stream"])
async def test_an_invalid_body_is_refused_with_400_for_every_accept_header(company: Company, accepted: str, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"authorization": f"Bearer {company.token(*Scope)}", "content-type": "application/json", "accept": accepted}

    with caplog.at_level(logging.INFO):
        for what, content in {**BODIES, **MORE}.items():
            if what == OF_A_SUBSCRIPTION and "event-stream" in accepted:
                continue
            response = await company.gateway.client.post("/graphql", content=content, headers=headers)
            assert (response.status_code, [error["extensions"] for error in response.json()["errors"]]) == (400, [{"code": "BAD_REQUEST"}]), what

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert (await company.ask("{ me { workspaceId } }"))["me"]["workspaceId"] == company.workspace


async def test_the_gateway_uses_the_last_value_of_a_repeated_name(company: Company) -> None:
    headers = {"authorization": f"Bearer {company.token()}", "content-type": "application/json"}

    for content, succeeds in DOUBLED.items():
        answer = (await company.gateway.client.post("/graphql", content=content, headers=headers)).json()
        assert ("data" in answer) is succeeds, content
        assert ("errors" in answer) is not succeeds, content


@pytest.mark.parametrize("accepted", ["application/json", "text/event-stream"])
async def test_an_invalid_address_is_refused_with_400(company: Company, accepted: str) -> None:
    headers = {"authorization": f"Bearer {company.token()}", "accept": accepted}
    deep = "[" * 5000 + "]" * 5000
    parameters = [
        "query=%ff%fe",
        "query=%00",
        "query=",
        "query",
        "query=%7Bme%7Bsubject%7D%7D&variables=%7B%22a%22%3ANaN%7D",
        f"query=%7Bme%7Bsubject%7D%7D&variables={deep}",
        "query=%7Bme%7Bsubject%7D%7D&extensions=x",
        "query=%7Bnothing%7D&query=%7Bnothing%7D",
        "%7Bme%7Bsubject%7D%7D",
        "&&&===;;;%",
    ]
    for parameter in parameters:
        response = await company.gateway.client.get(f"/graphql?{parameter}", headers=headers)
        assert response.status_code in (200, 400), parameter
        assert {error["extensions"]["code"] for error in response.json()["errors"]} <= {
            "BAD_REQUEST",
            "BAD_USER_INPUT",
            "GRAPHQL_PARSE_FAILED",
            "GRAPHQL_VALIDATION_FAILED",
        }, parameter


async def test_an_invalid_payload_gets_an_error_or_closes_the_socket(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for what, content in {**BODIES, **MORE}.items():
            if what == OF_A_SUBSCRIPTION:
                continue
            async with wired(company.gateway, company.token()) as wire:
                # If the bytes are not UTF-8, the socket is closed as soon as the frame is decoded. The client then receives no message.
                await wire.connection.send(b'{"type":"subscribe","id":"1","payload":' + content + b"}", text=True)
                received = []
                with suppress(ConnectionClosed):
                    received.append(orjson.loads(await wire.connection.recv()))
                if received:
                    [message] = received
                    assert message["type"] == "error", what
                    assert {error["extensions"]["code"] for error in message["payload"]} == {"BAD_REQUEST"}, what
                else:
                    assert wire.connection.close_code in (1007, 1009, 4400), what

    assert {record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING} <= {NO_UTF_8}
    async with wired(company.gateway, company.token()) as wire:
        await wire.subscribe("1", "{ me { workspaceId } }")
        assert (await wire.hear())["payload"]["data"]["me"]["workspaceId"] == company.workspace


async def test_a_socket_that_begins_with_an_invalid_message_is_closed(company: Company) -> None:
    for what, content in {**BODIES, **MORE}.items():
        async with wired(company.gateway) as wire:
            await wire.connection.send(b'{"type":"connection_init","payload":' + content + b"}", text=True)
            assert await wire.closed() in (1007, 1009, 4400, 4403), what
    for frame in FRAMES.values():
        async with wired(company.gateway) as wire:
            await wire.say(frame)
            await wire.send({"type": "subscribe", "id": "1", "payload": {"query": "{ me { subject } }"}})
            assert await wire.closed() == close_code_before_init(frame)
    assert company.kept() == []
