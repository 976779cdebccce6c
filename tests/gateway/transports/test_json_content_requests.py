"""JSON values that orjson refuses, sent over every transport. Each of them fails only the operation that contains it; a WebSocket stays open."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import orjson
import pytest

from domain.caller import Scope
from tests.company import Company
from tests.security.transports import streamed_responses
from tests.serving import Gateway
from tests.wire import wired

Response = dict[str, Any]
# Sends a request whose variables and extensions are JSON texts. Returns the responses.
Send = Callable[[Gateway, str, str, str, str], Awaitable[list[Response]]]

HALF, BIG, DEEP = r'"ab\ud83d"', "1e400", "[" * 1100 + "]" * 1100
ID = "query($v: ID!) { verification(id: $v) { id } me { workspaceId } }"
FIRST = "query($v: Int) { verifications(first: $v) { totalCount } }"
REFERENCE = "query($v: String) { verifications(filter: { reference: $v }) { totalCount } }"


def body(query: str, variables: str, extensions: str) -> str:
    """The JSON text of a request. `variables` and `extensions` are JSON texts already."""
    return f'{{"query": {orjson.dumps(query).decode()}, "variables": {variables}, "extensions": {extensions}}}'


async def posted(gateway: Gateway, token: str, content: str, accept: str) -> httpx2.Response:
    """Send a POST request with this body. `accept`: the media type of the response. Returns the response."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "accept": accept}
    return await gateway.client.post("/graphql", content=content, headers=headers)


async def by_post(gateway: Gateway, token: str, query: str, variables: str, extensions: str) -> list[Response]:
    """Send the request by POST, and accept JSON."""
    response = await posted(gateway, token, body(query, variables, extensions), "application/graphql-response+json")
    assert response.status_code == (400 if "data" not in response.json() else 200)
    return [response.json()]


async def by_stream(gateway: Gateway, token: str, query: str, variables: str, extensions: str) -> list[Response]:
    """Send the request by POST, and accept an event stream."""
    return streamed_responses(await posted(gateway, token, body(query, variables, extensions), "text/event-stream"))


async def by_address(gateway: Gateway, token: str, query: str, variables: str, extensions: str) -> list[Response]:
    """Send the request by GET."""
    parameters = {"query": query, "variables": variables, "extensions": extensions}
    return [(await gateway.client.get("/graphql", params=parameters, headers={"authorization": f"Bearer {token}"})).json()]


async def by_socket(gateway: Gateway, token: str, query: str, variables: str, extensions: str) -> list[Response]:
    """Send the request over a WebSocket while another operation of the socket waits. Asserts that this operation goes on."""
    async with wired(gateway, token) as wire:
        await wire.subscribe("waiting", "subscription { verificationsUpdated { cursor } }")
        assert (await wire.hear())["id"] == "waiting"
        await wire.say(f'{{"type": "subscribe", "id": "1", "payload": {body(query, variables, extensions)}}}')
        responses = [await wire.hear()]
        while responses[-1]["type"] == "next":
            responses.append(await wire.hear())
        await wire.send({"type": "complete", "id": "waiting"})
        await wire.subscribe("2", "{ __typename }")
        assert await wire.hear() == {"type": "next", "id": "2", "payload": {"data": {"__typename": "Query"}}}
    assert all(response["id"] == "1" for response in responses)
    return [each["payload"] if each["type"] == "next" else {"errors": each["payload"]} for each in responses if each["type"] != "complete"]


TRANSPORTS: dict[str, Send] = {"POST": by_post, "GET": by_address, "event stream": by_stream, "WebSocket": by_socket}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("query", "variables", "message"),
    [
        (FIRST, f'{{"v": {BIG}}}', "Variable '$v' has invalid value: Int cannot represent non-integer value: inf"),
        (FIRST, f'{{"v": -{BIG}}}', "Variable '$v' has invalid value: Int cannot represent non-integer value: -inf"),
        (FIRST, f'{{"v": 1{"0" * 400}}}', "Variable '$v' has invalid value: Int cannot represent non-integer value: inf"),
        (REFERENCE, f'{{"v": {BIG}}}', "Variable '$v' has invalid value: String cannot represent a non string value: inf"),
        (ID, f'{{"v": {BIG}}}', "Variable '$v' has invalid value: ID cannot represent value: inf"),
        (FIRST, f'{{"v": {HALF}}}', "Variable '$v' has invalid value: Int cannot represent non-integer value: 'ab\ufffd'"),
        (ID, f'{{"v": {DEEP}}}', "the request has lists and objects of more than 500 levels inside each other"),
        (ID, f'{{"v": "x", "undeclared": {DEEP}}}', "the request has lists and objects of more than 500 levels inside each other"),
        (ID, '{"v": ' + '{"a": ' * 1100 + "1" + "}" * 1101, "the request has lists and objects of more than 500 levels inside each other"),
    ],
    ids=["1e400", "-1e400", "10^400", "1e400 as text", "1e400 as an id", "half an emoji", "deep lists", "deep lists, undeclared", "deep objects"],
)
async def test_such_a_value_is_an_error_of_its_operation(company: Company, transport: str, query: str, variables: str, message: str) -> None:
    [response] = await TRANSPORTS[transport](company.gateway, company.token(Scope.READ), query, variables, "{}")

    [error] = response["errors"]
    assert (error["message"], error["extensions"]) == (message, {"code": "BAD_USER_INPUT"})
    assert "data" not in response


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_half_an_emoji_in_a_text_is_a_text(company: Company, transport: str) -> None:
    token = company.token(Scope.READ)

    [found] = await TRANSPORTS[transport](company.gateway, token, ID, f'{{"v": {HALF}}}', "{}")

    assert found == {"data": {"verification": None, "me": {"workspaceId": company.workspace}}}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("extensions", [f'{{"x": {BIG}}}', f'{{"x": {HALF}}}', f"{{{HALF}: 1}}"])
async def test_such_a_value_that_nothing_uses_is_ignored(company: Company, transport: str, extensions: str) -> None:
    [found] = await TRANSPORTS[transport](company.gateway, company.token(Scope.READ), "{ __typename }", f'{{"undeclared": {BIG}}}', extensions)

    assert found == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_deep_extensions_are_an_error_of_the_operation(company: Company, transport: str) -> None:
    [response] = await TRANSPORTS[transport](company.gateway, company.token(Scope.READ), "{ __typename }", "{}", f'{{"x": {DEEP}}}')

    assert [error["extensions"]["code"] for error in response["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("transport", [name for name in TRANSPORTS if name != "WebSocket"])
@pytest.mark.parametrize("variables", ['{"v": NaN}', '{"v": Infinity}', '{"v": 1e400', f'{{"v": {DEEP[:-1]}}}'])
async def test_what_is_not_json_is_a_bad_request(company: Company, transport: str, variables: str) -> None:
    [response] = await TRANSPORTS[transport](company.gateway, company.token(), ID, variables, "{}")

    assert [error["extensions"]["code"] for error in response["errors"]] == ["BAD_REQUEST"]


@pytest.mark.parametrize("frame", ['{"type": "ping", "payload": {"a": NaN}}', f'{{"type": "subscribe", "id": "1", "payload": {DEEP[:-1]}}}', DEEP])
async def test_what_is_not_a_message_still_closes_the_socket(company: Company, frame: str) -> None:
    async with wired(company.gateway, company.token()) as wire:
        await wire.say(frame)

        assert await wire.closed() == 4400


async def test_a_ping_with_a_large_number_or_half_an_emoji_is_answered(company: Company) -> None:
    async with wired(company.gateway, company.token()) as wire:
        await wire.say(f'{{"type": "ping", "payload": {{"a": {BIG}, "b": {HALF}}}}}')

        assert await wire.hear() == {"type": "pong", "payload": {"a": None, "b": "ab\ufffd"}}


async def test_a_deep_operation_before_connection_init_closes_the_socket(company: Company) -> None:
    async with wired(company.gateway) as wire:
        await wire.say(f'{{"type": "subscribe", "id": "1", "payload": {{"query": "{{ __typename }}", "variables": {{"v": {DEEP}}}}}}}')

        assert await wire.closed() == 4401


@pytest.mark.parametrize("levels", [200, 300, 900])
async def test_a_subscription_with_a_deep_variable_is_refused(company: Company, levels: int) -> None:
    query = "subscription($v: Int, $id: ID!) { verificationUpdated(id: $id) { verification { events(after: $v) { version } } } }"
    variables = f'{{"id": "x", "v": {"[" * levels}{"]" * levels}}}'

    for transport in ("WebSocket", "event stream"):
        [response] = await TRANSPORTS[transport](company.gateway, company.token(Scope.READ), query, variables, "{}")

        assert [error["extensions"] for error in response["errors"]] == [{"code": "BAD_USER_INPUT"}], transport
