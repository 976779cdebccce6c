"""Tests of GraphQL over WebSocket, message by message.

Source: PROTOCOL.md of the npm package graphql-ws, 6.4.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from time import monotonic
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from domain.caller import Scope
from gateway.server import MAX_MESSAGE_BYTES
from gateway.transports import websocket
from gateway.transports.json_content import MAX_JSON_MARKS
from gateway.transports.websocket import (
    MAX_INIT_CHARACTERS,
    MAX_INIT_MARKS,
    MAX_OPERATIONS,
    MAX_PING_CHARACTERS,
    MAX_PINGS_BEFORE_INIT,
    Connection,
)
from tests.company import LINK_OPENED, Company
from tests.serving import Gateway
from tests.wire import GENEROUS_SECONDS, PROTOCOL, Wire, wired

WHERE = "{ me { workspaceId } }"
UPDATED = "subscription($id: ID!) { verificationUpdated(id: $id) { verification { version } } }"
INIT = {"type": "connection_init"}


def subscribe(id: str, query: str, **more: Any) -> dict[str, Any]:
    """A message that starts an operation."""
    return {"type": "subscribe", "id": id, "payload": {"query": query, **more}}


@pytest.fixture(scope="module", autouse=True)
async def silent(shared_gateway: Gateway) -> AsyncIterator[Wire]:
    """A socket whose client never sends a message. It is opened before the first test, so that its timeout runs while the other tests run.

    The last test, which checks that the gateway closes the socket after the timeout, then hardly has to wait.
    """
    async with wired(shared_gateway) as wire:
        yield wire


@pytest.fixture
async def wire(company: Company) -> AsyncIterator[Wire]:
    """A socket whose client has sent a connection_init with a valid token."""
    async with wired(company.gateway, company.token()) as wire:
        yield wire


async def measured(gateway: Gateway, name: str) -> float:
    """The current value of a metric of the gateway."""
    families = text_string_to_metric_families((await gateway.client.get("/metrics")).text)
    return next(sample.value for family in families for sample in family.samples if sample.name == name)


async def sinks_to(gateway: Gateway, name: str, value: float) -> bool:
    """Wait until a metric falls to a value or below it, at most GENEROUS_SECONDS. Returns whether it did.

    It may fall below the value if a socket of an earlier test was still closing when the value was measured.
    """
    until = monotonic() + GENEROUS_SECONDS
    while await measured(gateway, name) > value and monotonic() < until:
        await asyncio.sleep(0.02)
    return await measured(gateway, name) <= value


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
async def test_a_connection_init_with_a_token_is_acknowledged(company: Company, name: str) -> None:
    async with wired(company.gateway) as wire:
        await wire.send({**INIT, "payload": {name: f"Bearer {company.token()}", "more": [1]}})
        acknowledged = await wire.hear()
        await wire.send(subscribe("1", WHERE))
        messages = [await wire.hear(), await wire.hear()]

    assert wire.connection.subprotocol == PROTOCOL
    assert acknowledged == {"type": "connection_ack"}
    assert messages == [
        {"type": "next", "id": "1", "payload": {"data": {"me": {"workspaceId": company.workspace}}}},
        {"type": "complete", "id": "1"},
    ]


async def test_the_token_may_be_in_a_header(company: Company) -> None:
    headers = {"Authorization": f"Bearer {company.token()}"}

    async with connect(company.gateway.websocket, subprotocols=[PROTOCOL], additional_headers=headers) as connection:
        wire = Wire(connection)
        await wire.send(INIT)

        assert await wire.hear() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"authorization": None},
        {"authorization": 1},
        {"authorization": "Bearer"},
        {"authorization": "Bearer x.y.z"},
        {"token": "x"},
    ],
)
async def test_a_connection_init_without_a_valid_token_closes_the_socket(company: Company, payload: object) -> None:
    async with wired(company.gateway) as wire:
        await wire.send({**INIT, "payload": payload})

        assert await wire.closed() == 4403


async def test_an_operation_before_connection_init_closes_the_socket(company: Company) -> None:
    async with wired(company.gateway) as wire:
        await wire.send(subscribe("1", WHERE))

        assert await wire.closed() == 4401


async def test_a_second_connection_init_closes_the_socket(wire: Wire, company: Company) -> None:
    await wire.send({**INIT, "payload": {"authorization": f"Bearer {company.token()}"}})

    assert await wire.closed() == 4429


FRAMES: dict[str, str | bytes] = {
    "no JSON": "x",
    "nothing": "",
    "half an object": '{"type": "ping"',
    "a list": "[]",
    "null": "null",
    "a number": "1",
    "a text": '"ping"',
    "an object of nothing": "{}",
    "a type that is no text": '{"type": 1}',
    "an unknown type": '{"type": "start", "id": "1", "payload": {"query": "{ me { subject } }"}}',
    "a server's message": '{"type": "connection_ack"}',
    "a subscription without an id": '{"type": "subscribe", "payload": {"query": "{ me { subject } }"}}',
    "a subscription with an empty id": '{"type": "subscribe", "id": "", "payload": {"query": "{ me { subject } }"}}',
    "a subscription with a number for an id": '{"type": "subscribe", "id": 1, "payload": {"query": "{ me { subject } }"}}',
    "a subscription without a payload": '{"type": "subscribe", "id": "1"}',
    "a subscription to a text": '{"type": "subscribe", "id": "1", "payload": "{ me { subject } }"}',
    "a subscription without a query": '{"type": "subscribe", "id": "1", "payload": {}}',
    "a subscription to a number": '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
    "a subscription with variables in a list": '{"type": "subscribe", "id": "1", "payload": {"query": "{ me { subject } }", "variables": []}}',
    "a subscription with a list for its name": '{"type": "subscribe", "id": "1", "payload": {"query": "{ me { subject } }", "operationName": []}}',
    "a subscription with a text for extensions": '{"type": "subscribe", "id": "1", "payload": {"query": "{ me { subject } }", "extensions": "x"}}',
    "a connection_init in a text": '{"type": "connection_init", "payload": "Bearer"}',
    "a connection_init in a list": '{"type": "connection_init", "payload": []}',
    "a ping with a number": '{"type": "ping", "payload": 1}',
    "a pong with a list": '{"type": "pong", "payload": []}',
    "a ping deeper than can be written": '{"type": "ping", "payload": {"x": ' + "[" * 300 + "]" * 300 + "}}",
    "a completion without an id": '{"type": "complete"}',
    "a list that is 20,000 deep": "[" * 20_000 + "]" * 20_000,
    "a message in bytes": b'{"type": "ping"}',
}


def close_code_before_init(frame: str | bytes) -> int:
    """The code with which the gateway closes a socket whose first frame is this frame of FRAMES.

    The gateway does not parse a frame before connection_init: a text that contains "subscribe" counts as an operation without a token.
    """
    return 4401 if isinstance(frame, str) and '"subscribe"' in frame else 4400


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("authenticated", [False, True])
async def test_a_frame_that_is_not_a_message_of_the_protocol_closes_the_socket(company: Company, frame: str | bytes, authenticated: bool) -> None:
    async with wired(company.gateway, company.token() if authenticated else None) as wire:
        await wire.say(frame)

        assert await wire.closed() == (4400 if authenticated else close_code_before_init(frame))


async def test_a_message_that_is_too_long_closes_the_socket(wire: Wire) -> None:
    await wire.say(orjson.dumps({"type": "ping", "payload": {"x": "x" * MAX_MESSAGE_BYTES}}).decode())

    assert await wire.closed() == 1009


@pytest.mark.parametrize("offered", [None, ["graphql-ws"], ["graphql-transport-ws2", "mqtt"]])
async def test_a_socket_without_the_subprotocol_is_closed(company: Company, offered: list[str] | None) -> None:
    subprotocols = [Subprotocol(name) for name in offered] if offered else None

    async with connect(company.gateway.websocket, subprotocols=subprotocols) as connection:
        assert await Wire(connection).closed() == 4406


async def test_the_subprotocol_may_be_offered_among_others(company: Company) -> None:
    async with connect(company.gateway.websocket, subprotocols=[Subprotocol("graphql-ws"), PROTOCOL]) as connection:
        wire = Wire(connection)
        await wire.begin(company.token())

        assert connection.subprotocol == PROTOCOL


async def test_a_ping_is_answered_with_its_payload(wire: Wire) -> None:
    for message in ({"type": "ping"}, {"type": "ping", "payload": {"at": [1, None, "é"]}}, {"type": "ping", "payload": None}):
        await wire.send({"type": "pong", "payload": {"unsolicited": True}})
        await wire.send(message)

        assert await wire.hear() == {**message, "type": "pong"}


@pytest.mark.parametrize(("length", "code"), [(MAX_PING_CHARACTERS, None), (MAX_PING_CHARACTERS + 1, 4400)])
@pytest.mark.parametrize("type", ["ping", "pong"])
async def test_the_payload_of_a_ping_or_pong_is_limited(wire: Wire, type: str, length: int, code: int | None) -> None:
    frame = f'{{"type":"{type}","payload":{{"x":""}}}}'
    await wire.say(frame.replace('""', f'"{"x" * (length - len(frame))}"'))
    await wire.send({"type": "ping"})

    if code is None:
        assert (await wire.hear())["type"] == "pong"
    else:
        assert await wire.closed() == code


@pytest.mark.parametrize(("marks", "code"), [(MAX_JSON_MARKS, None), (MAX_JSON_MARKS + 1, 4400)])
async def test_the_values_in_a_message_are_limited_before_it_is_parsed(wire: Wire, marks: int, code: int | None) -> None:
    frame = '{"type":"complete","id":"1","x":[]}'
    await wire.say(frame.replace("[]", f"[0{',0' * (marks - 4)}]"))
    await wire.send({"type": "ping"})

    if code is None:
        assert await wire.hear() == {"type": "pong"}
    else:
        assert await wire.closed() == code


async def test_a_ping_that_contains_the_text_connection_init_closes_the_socket(company: Company) -> None:
    async with wired(company.gateway) as wire:
        await wire.say('{"type":"ping","payload":{"x":"connection_init"}}')

        assert await wire.closed() == 4400


@pytest.mark.parametrize("frame", ['{"type":"ping"}', '{"type": "ping"}'])
async def test_plain_pings_are_answered_before_connection_init(company: Company, frame: str) -> None:
    async with wired(company.gateway) as wire:
        for _ in range(MAX_PINGS_BEFORE_INIT // 2):
            await wire.say('{"type":"pong"}')
            await wire.say(frame)
            assert await wire.hear() == {"type": "pong"}
        await wire.begin(company.token())


@pytest.mark.parametrize(
    "frames",
    [
        ['{"type":"ping"}'] * (MAX_PINGS_BEFORE_INIT + 1),
        ['{"type":"ping","payload":{}}'],
        [f'{{"type":"connection_init","payload":{{"x":[{"[]," * MAX_INIT_MARKS}[]]}}}}'],
        [f'{{"type":"connection_init","payload":{{"x":"{"x" * MAX_INIT_CHARACTERS}"}}}}'],
    ],
    ids=["many pings", "a ping with a payload", "many values", "a long text"],
)
async def test_before_connection_init_no_other_message_is_parsed(company: Company, frames: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "parse_json", lambda text: pytest.fail("the message was parsed"))
    async with wired(company.gateway) as wire:
        for frame in frames:
            await wire.say(frame)

        assert await wire.closed() == 4400


async def test_queries_and_mutations_are_answered_over_the_socket(wire: Wire, company: Company) -> None:
    await wire.subscribe(
        "create",
        "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id version } } }",
        {"input": {"firstName": "Jeanne", "lastName": "Moreau", "redirectionUrl": "https://shop.example"}},
    )
    created, completed = await wire.hear(), await wire.hear()
    await wire.send(subscribe("list", "query A { me { subject } } query B { verifications { edges { node { id version } } } }", operationName="B"))
    listed, _ = await wire.hear(), await wire.hear()

    assert completed == {"type": "complete", "id": "create"}
    assert listed["payload"]["data"]["verifications"]["edges"] == [{"node": created["payload"]["data"]["createVerification"]}]


async def test_errors_of_fields_are_sent_with_the_data(wire: Wire) -> None:
    await wire.subscribe("1", "{ me { subject } verification(id: 1) { events(after: -1) { version } } bad: node(id: 1) { id } }")
    await wire.subscribe("2", "{ verifications(first: 0) { totalCount } }")

    messages = [await wire.hear() for _ in range(4)]

    found = {message["id"]: message["payload"] for message in messages if message["type"] == "next"}
    assert found["1"] == {"data": {"me": {"subject": "tester"}, "verification": None, "bad": None}}
    assert found["2"]["data"] is None
    assert [error["extensions"]["code"] for error in found["2"]["errors"]] == ["BAD_USER_INPUT"]


PAYLOADS: dict[str, tuple[dict[str, Any], str]] = {
    "a syntax error": ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    "an unknown field": ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
    "an instant without its zone": ({"query": '{ verifications(filter: { createdAfter: "2026-01-31" }) { totalCount } }'}, "BAD_USER_INPUT"),
    "a variable that does not fit": ({"query": "query($id: ID!) { node(id: $id) { id } }"}, "BAD_USER_INPUT"),
    "a subscription's variable that does not fit": ({"query": UPDATED, "variables": {"id": None}}, "BAD_USER_INPUT"),
    "an operationName that names nothing": ({"query": WHERE, "operationName": "A"}, "BAD_REQUEST"),
    "two subscriptions in one": (
        {"query": "subscription { a: verificationsUpdated { cursor } b: verificationsUpdated { cursor } }"},
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "a verification that is not there": ({"query": UPDATED, "variables": {"id": "ver_0"}}, "NOT_FOUND"),
}


async def test_an_operation_that_cannot_be_executed_does_not_end_the_others(wire: Wire, company: Company) -> None:
    id = await company.created()
    await wire.subscribe("going on", UPDATED, {"id": id})
    await wire.hear()

    for what, (payload, code) in PAYLOADS.items():
        await wire.send({"type": "subscribe", "id": "1", "payload": payload})
        message = await wire.hear()

        assert (message["type"], message["id"]) == ("error", "1"), what
        assert {error["extensions"]["code"] for error in message["payload"]} == {code}, what
        assert all(error["message"] for error in message["payload"]), what

    await company.progress(id, LINK_OPENED)
    assert await wire.hear() == {
        "type": "next",
        "id": "going on",
        "payload": {"data": {"verificationUpdated": {"verification": {"version": 2}}}},
    }


async def test_a_second_operation_with_the_same_id_closes_the_socket(wire: Wire, company: Company) -> None:
    id = await company.created()
    await wire.subscribe("1", UPDATED, {"id": id})
    await wire.hear()

    await wire.subscribe("1", WHERE)

    assert await wire.closed() == 4409


async def test_an_id_may_be_used_again_after_its_operation_has_ended(wire: Wire, company: Company) -> None:
    id = await company.created()

    for _ in range(3):
        await wire.subscribe("1", WHERE)
        assert [(await wire.hear())["type"], (await wire.hear())["type"]] == ["next", "complete"]
        await wire.subscribe("1", "{")
        assert (await wire.hear())["type"] == "error"
        await wire.subscribe("1", UPDATED, {"id": id})
        assert (await wire.hear())["type"] == "next"
        await wire.send({"type": "complete", "id": "1"})


async def test_a_subscription_that_the_client_completes_sends_no_more_messages(wire: Wire, company: Company) -> None:
    id = await company.created()
    assert await sinks_to(company.gateway, "gateway_subscribers", 0)
    await wire.subscribe("1", UPDATED, {"id": id})
    await wire.hear()
    assert await measured(company.gateway, "gateway_subscribers") == 1

    await wire.send({"type": "complete", "id": "1"})
    await wire.send({"type": "complete", "id": "never begun"})

    assert await sinks_to(company.gateway, "gateway_subscribers", 0)
    await company.progress(id, LINK_OPENED)
    await wire.send({"type": "ping"})
    assert await wire.hear() == {"type": "pong"}


@pytest.mark.parametrize("abrupt", [False, True])
async def test_a_client_that_disconnects_is_unsubscribed(company: Company, abrupt: bool) -> None:
    id = await company.created()
    sockets = await measured(company.gateway, "gateway_sockets")

    async with wired(company.gateway, company.token()) as wire:
        for number in range(5):
            await wire.subscribe(str(number), UPDATED, {"id": id})
            await wire.hear()
        assert await measured(company.gateway, "gateway_subscribers") == 5
        if abrupt:
            wire.connection.transport.abort()

    assert await sinks_to(company.gateway, "gateway_subscribers", 0)
    assert await sinks_to(company.gateway, "gateway_sockets", sockets)
    assert (await company.progress(id, LINK_OPENED))["version"] == 2


async def test_too_many_operations_close_the_socket_with_try_again_later(wire: Wire, company: Company) -> None:
    id = await company.created()
    for number in range(MAX_OPERATIONS):
        await wire.subscribe(str(number), UPDATED, {"id": id})
    for _ in range(MAX_OPERATIONS):
        assert (await wire.hear())["type"] == "next"

    await wire.subscribe("one more", UPDATED, {"id": id})

    assert await wire.closed() == 1013
    assert await sinks_to(company.gateway, "gateway_subscribers", 0)


async def test_the_operations_of_a_closed_socket_end_in_different_turns_of_the_event_loop(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    id, turn, ends, operate = await company.created(), 0, list[int](), Connection._operate

    async def count_turns() -> None:
        nonlocal turn
        while len(ends) < MAX_OPERATIONS:
            turn += 1
            await asyncio.sleep(0)

    async def operating(self: Connection, *arguments: Any) -> None:
        try:
            await operate(self, *arguments)
        finally:
            ends.append(turn)

    monkeypatch.setattr(Connection, "_operate", operating)
    async with wired(company.gateway, company.token()) as wire:
        for number in range(MAX_OPERATIONS):
            await wire.subscribe(str(number), UPDATED, {"id": id})
        for _ in range(MAX_OPERATIONS):
            await wire.hear()
        counting = asyncio.create_task(count_turns())
    await asyncio.wait_for(counting, GENEROUS_SECONDS)

    assert len({*ends}) == MAX_OPERATIONS


async def test_an_expired_token_closes_the_socket_and_ends_its_subscriptions(company: Company) -> None:
    id = await company.created()

    async with wired(company.gateway, company.token(ttl=timedelta(seconds=2))) as wire:
        await wire.subscribe("1", UPDATED, {"id": id})
        await wire.hear()
        await wire.send({"type": "ping"})

        assert await wire.closed() == 4403

    assert await sinks_to(company.gateway, "gateway_subscribers", 0)


async def test_a_subscription_without_the_right_scope_is_forbidden(company: Company) -> None:
    id = await company.created()

    async with wired(company.gateway, company.token(Scope.REPORT)) as wire:
        await wire.subscribe("1", UPDATED, {"id": id})
        message = await wire.hear()

    assert (message["type"], [error["extensions"]["code"] for error in message["payload"]]) == ("error", ["FORBIDDEN"])


async def test_a_client_that_sends_nothing_is_disconnected(silent: Wire) -> None:
    assert await silent.closed() == 4408
