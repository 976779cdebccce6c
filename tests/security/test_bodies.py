"""What is no request at all, or only nearly. Case S25; the bodies and messages of tests/gateway/transports/test_http.py and test_websocket.py are sent here over
the transports that are not tried there.
"""

import logging
from contextlib import suppress

import orjson
import pytest
from websockets.exceptions import ConnectionClosed

from domain.caller import Scope
from tests.company import Company
from tests.gateway.transports.test_http import BODIES, ME
from tests.gateway.transports.test_websocket import FRAMES
from tests.wire import wired

OF_A_SUBSCRIPTION = "a subscription"
# What the server says of a frame that it can't read.
NO_UTF_8 = "Invalid UTF-8 sequence received from client."
MORE = {
    "JSON behind a mark of its order": b"\xef\xbb\xbf" + ME,
    "UTF-32": ME.decode().encode("utf-32"),
    "infinity": b'{"query": "{ me { subject } }", "variables": {"a": Infinity}}',
    "a number of many digits": b'{"query": "{ me { subject } }", "variables": {"a": ' + b"9" * 100_000 + b"}}",
    "single quotes": b"{'query': '{ me { subject } }'}",
    "a comment": b'{"query": "{ me { subject } }" /* x */}',
    "a comma too many": b'{"query": "{ me { subject } }",}',
    "two objects": ME + ME,
    "something behind it": ME + b"x",
    "nothing but noughts": b"\0" * 1000,
    "half a letter": ME[:-2] + b"\xc3",
    "letters in too many bytes": b'{"query": "\xc0\xae"}',
}
# Read as RFC 8259 leaves it open: the last of several values counts. None of the values may be used unseen for another.
DOUBLED = {
    b'{"query": "{ nothing }", "query": "{ me { workspaceId } }"}': True,
    b'{"query": "{ me { workspaceId } }", "query": "{ nothing }"}': False,
    b'{"query": "{ me { workspaceId } }", "query": null}': False,
    b'{"query": "{ me { workspaceId } }", "variables": {}, "variables": []}': False,
}


@pytest.mark.parametrize("accepted", ["application/json", "text/event-stream", "application/json, text/event-stream"])
async def test_a_body_that_is_no_request_is_400_whatever_is_accepted(company: Company, accepted: str, caplog: pytest.LogCaptureFixture) -> None:
    known = {"authorization": f"Bearer {company.token(*Scope)}", "content-type": "application/json", "accept": accepted}

    with caplog.at_level(logging.INFO):
        for what, content in {**BODIES, **MORE}.items():
            if what == OF_A_SUBSCRIPTION and "event-stream" in accepted:
                continue
            response = await company.gateway.client.post("/graphql", content=content, headers=known)
            assert (response.status_code, [error["extensions"] for error in response.json()["errors"]]) == (400, [{"code": "BAD_REQUEST"}]), what

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert (await company.ask("{ me { workspaceId } }"))["me"]["workspaceId"] == company.workspace


async def test_of_a_name_that_stands_twice_the_last_value_counts(company: Company) -> None:
    known = {"authorization": f"Bearer {company.token()}", "content-type": "application/json"}

    for content, answered in DOUBLED.items():
        answer = (await company.gateway.client.post("/graphql", content=content, headers=known)).json()
        assert ("data" in answer) is answered, content
        assert ("errors" in answer) is not answered, content


@pytest.mark.parametrize("accepted", ["application/json", "text/event-stream"])
async def test_an_address_that_is_no_request_is_400(company: Company, accepted: str) -> None:
    known = {"authorization": f"Bearer {company.token()}", "accept": accepted}
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
        response = await company.gateway.client.get(f"/graphql?{parameter}", headers=known)
        assert response.status_code in (200, 400), parameter
        assert {error["extensions"]["code"] for error in response.json()["errors"]} <= {
            "BAD_REQUEST",
            "GRAPHQL_PARSE_FAILED",
            "GRAPHQL_VALIDATION_FAILED",
        }, parameter


async def test_a_payload_that_is_no_request_is_told_so_or_closes_the_socket(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for what, content in {**BODIES, **MORE}.items():
            if what == OF_A_SUBSCRIPTION:
                continue
            async with wired(company.gateway, company.token()) as wire:
                # Bytes that are no UTF-8 are refused where the socket is read, which closes it as well.
                await wire.connection.send(b'{"type":"subscribe","id":"1","payload":' + content + b"}", text=True)
                heard = []
                with suppress(ConnectionClosed):
                    heard.append(orjson.loads(await wire.connection.recv()))
                if heard:
                    [message] = heard
                    assert message["type"] == "error", what
                    assert {error["extensions"]["code"] for error in message["payload"]} == {"BAD_REQUEST"}, what
                else:
                    assert wire.connection.close_code in (1007, 1009, 4400), what

    assert {record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING} <= {NO_UTF_8}
    async with wired(company.gateway, company.token()) as wire:
        await wire.subscribe("1", "{ me { workspaceId } }")
        assert (await wire.hear())["payload"]["data"]["me"]["workspaceId"] == company.workspace


async def test_whoever_begins_with_nonsense_is_not_known(company: Company) -> None:
    for what, content in {**BODIES, **MORE}.items():
        async with wired(company.gateway) as wire:
            await wire.connection.send(b'{"type":"connection_init","payload":' + content + b"}", text=True)
            assert await wire.closed() in (1007, 1009, 4400, 4403), what
    for frame in FRAMES.values():
        async with wired(company.gateway) as wire:
            await wire.say(frame)
            await wire.send({"type": "subscribe", "id": "1", "payload": {"query": "{ me { subject } }"}})
            assert await wire.closed() == 4400
    assert company.kept() == []
