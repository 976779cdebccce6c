"""Tests with requests as pages in browsers send them: which origins are allowed, and which headers the gateway does not trust."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from gateway.settings import BadSettings
from tests.commands import Commands
from tests.company import PERSON
from tests.gateway.refusals import refused
from tests.serving import Gateway, serving, settings_for_tests
from tests.wire import GENEROUS_SECONDS, PROTOCOL, Wire

APP = "https://app.example.com"
SPELT_OTHERWISE = "https://Other.Example.com:443"
ALLOWED = [APP, "https://other.example.com", "http://localhost:3000"]
FOREIGN = [
    "https://evil.example",
    "null",
    "",
    "*",
    f"{APP}.evil.example",
    "https://evil-app.example.com",
    "https://evil.example/app.example.com",
    "https://app.example.com@evil.example",
    "https://example.com",
    "https://sub.app.example.com",
    "http://app.example.com",
    "ws://app.example.com",
    f"{APP}:8443",
    f"{APP}:443",
    f"{APP}/",
    APP.upper(),
    f"{APP}, {APP}",
    f"{APP} https://evil.example",
    "http://localhost:3001",
    "http://localhost",
    "http://127.0.0.1:3000",
    "file://",
    "é",
]
ME = b'{"query": "{ me { workspaceId } }"}'
CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id version verificationUrl } } }"


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway with the hooks of production, and with the origins in ALLOWED, some of them spelt differently in the setting."""
    async with serving(shared_database_uri, allowed_origins=f" {APP} ,{SPELT_OTHERWISE},, http://localhost:3000") as running:
        yield running


async def send(gateway: Gateway, method: str = "POST", path: str = "/graphql", **headers: str | list[str]) -> httpx2.Response:
    """Send a request with these headers, with `_` instead of `-` in their names. A header with a list is sent once for each element of the list."""
    fields = [(name.replace("_", "-"), value) for name, values in headers.items() for value in ([values] if isinstance(values, str) else values)]
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in fields]
    return await gateway.client.request(method, path, headers=encoded, content=ME if method == "POST" else None)


def bearer(gateway: Gateway) -> dict[str, str]:
    return {"authorization": f"Bearer {gateway.token()}", "content-type": "application/json"}


def shared_with(response: httpx2.Response) -> dict[str, str]:
    """The CORS headers of a response, which let pages of other origins read it."""
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


def socket_of(gateway: Gateway, **headers: str) -> connect:
    return connect(gateway.websocket, subprotocols=[PROTOCOL], additional_headers=headers, open_timeout=GENEROUS_SECONDS)


async def expect_connection_ack(connection: ClientConnection, gateway: Gateway) -> None:
    await Wire(connection).begin(gateway.token())


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_of_another_origin_is_refused_before_its_token_or_its_request_is_read(gateway: Gateway, origin: str) -> None:
    before = await refused(gateway, "origin")

    bare = await send(gateway, origin=origin)
    bad_token = await send(gateway, origin=origin, authorization="Bearer x")
    good = await send(gateway, origin=origin, **bearer(gateway))
    by_address = await send(gateway, "GET", "/graphql?query={me{subject}}", origin=origin, **bearer(gateway))
    stream = await send(gateway, origin=origin, accept="text/event-stream", **bearer(gateway))
    preflight = await send(gateway, "OPTIONS", origin=origin, access_control_request_method="POST")

    for response in (bare, bad_token, good, by_address, stream, preflight):
        assert response.status_code == 403
        assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["FORBIDDEN"]
        assert shared_with(response) == {}
        assert response.headers["x-request-id"]
    assert await refused(gateway, "origin") - before == 6


@pytest.mark.parametrize("origin", [each for each in FOREIGN if each.isascii()])
async def test_a_socket_for_a_page_of_another_origin_is_refused_at_the_handshake(gateway: Gateway, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with socket_of(gateway, origin=origin, authorization=f"Bearer {gateway.token()}"):
            pass

    assert refusal.value.response.status_code == 403


async def test_a_request_is_refused_if_either_of_two_origins_is_not_allowed(gateway: Gateway) -> None:
    for several in ([APP, "https://evil.example"], ["https://evil.example", APP]):
        assert (await send(gateway, origin=several, **bearer(gateway))).status_code == 403


async def test_a_page_of_an_allowed_origin_may_read_responses(gateway: Gateway) -> None:
    for origin in (*ALLOWED, gateway.url):
        with_token = await send(gateway, origin=origin, **bearer(gateway))
        without_token = await send(gateway, origin=origin)

        assert (with_token.status_code, without_token.status_code) == (200, 401)
        for response in (with_token, without_token):
            assert shared_with(response) == {
                "access-control-allow-origin": origin,
                "access-control-expose-headers": "x-request-id, retry-after",
            }
            assert "origin" in response.headers["vary"]


async def test_a_preflight_response_names_the_allowed_methods_and_headers_for_two_hours(gateway: Gateway) -> None:
    response = await send(gateway, "OPTIONS", origin=APP, access_control_request_method="POST", access_control_request_headers="authorization")

    assert (response.status_code, response.content) == (204, b"")
    assert shared_with(response) == {
        "access-control-allow-origin": APP,
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": (
            "authorization, content-type, last-event-id, x-request-id, "
            "apollographql-client-name, apollographql-client-version, apollo-require-preflight, "
            "traceparent, tracestate, baggage, sentry-trace, cache-control"
        ),
        "access-control-max-age": "7200",
        "access-control-expose-headers": "x-request-id, retry-after",
    }
    assert "origin" in response.headers["vary"]


async def test_a_setting_replaces_the_headers_that_pages_may_send(mongo_uri: str) -> None:
    async with serving(mongo_uri, ready=False, allowed_origins=APP, allowed_headers=" Authorization,content-type ,, X-Own") as gateway:
        response = await send(gateway, "OPTIONS", origin=APP, access_control_request_method="POST", access_control_request_headers="x-own")

    assert response.headers["access-control-allow-headers"] == "authorization, content-type, x-own"


@pytest.mark.parametrize("text", ["*", "authorization,*", "a b", "a:b", "é", "a\r\nb", '"a"'])
def test_a_setting_that_does_not_name_headers_is_refused(text: str) -> None:
    with pytest.raises(BadSettings, match="GATEWAY_ALLOWED_HEADERS: must be names of headers"):
        settings_for_tests("mongodb://unused", 8000, allowed_headers=text)


async def test_a_socket_for_a_page_of_an_allowed_origin_is_served(gateway: Gateway) -> None:
    for origin in (*ALLOWED, gateway.url):
        async with socket_of(gateway, origin=origin) as connection:
            await expect_connection_ack(connection, gateway)


async def test_a_request_without_an_origin_is_answered_and_its_response_varies_by_origin(gateway: Gateway) -> None:
    response = await send(gateway, **bearer(gateway))
    options = await send(gateway, "OPTIONS")

    assert (response.status_code, options.status_code) == (200, 405)
    assert shared_with(response) == {}
    assert "origin" in response.headers["vary"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/schema.graphql"])
async def test_pages_of_allowed_origins_may_read_only_the_graphql_path(gateway: Gateway, path: str) -> None:
    allowed = await send(gateway, "GET", path, origin=APP)

    assert allowed.status_code == 200
    assert shared_with(allowed) == {}
    assert (await send(gateway, "GET", path, origin="https://evil.example")).status_code == 403
    assert (await send(gateway, "OPTIONS", path, origin=APP, access_control_request_method="GET")).status_code == 405


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_files_that_are_the_same_for_everybody_are_sent_to_pages_of_any_origin_and_no_other_site_can_read_them(
    gateway: Gateway, origin: str
) -> None:
    for path in ("/style.css", "/person.js"):
        found = await send(gateway, "GET", path, origin=origin)
        assert (found.status_code, shared_with(found)) == (200, {})
        assert found.headers["cross-origin-resource-policy"] == "same-origin"
        assert (await send(gateway, "POST", path, origin=origin)).status_code == 403
    for path in ("/style.css/", "/graphql/style.css", "/style.css/../graphql", "/"):
        assert (await send(gateway, "GET", path, origin=origin)).status_code == 403
    with pytest.raises(InvalidStatus):
        async with connect(f"{gateway.url.replace('http', 'ws', 1)}/style.css", additional_headers={"origin": origin}, proxy=None):
            pass


async def test_a_form_of_another_site_cannot_press_a_button_of_the_sandbox(gateway: Gateway) -> None:
    created = (await gateway.query(CREATE, {"input": PERSON}))["createVerification"]
    path = urlsplit(created["verificationUrl"]).path
    form = {"progress": "LINK_OPENED"}

    for origin in ("https://evil.example", "null"):
        assert (await gateway.client.post(path, data=form, headers={"origin": origin})).status_code == 403
    own = await gateway.client.post(path, data={"progress": "LINK_OPENED"}, headers={"origin": gateway.url})

    found = (await gateway.query("query($id: ID!) { verification(id: $id) { version } }", {"id": created["id"]}))["verification"]
    assert own.status_code == 303
    assert found == {"version": 2}


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "null",
        "app.example.com",
        "//app.example.com",
        "https://",
        "https://*.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://app.example.com?query",
        "https://user@app.example.com",
        "https://app.example.com:port",
        "https://app.example.com:123456",
        "https://.example.com",
        "https://bücher.example",
        "ftp://app.example.com",
        "https://a.example https://b.example",
        "https://a.example,*",
    ],
)
def test_a_setting_that_is_not_an_origin_is_refused(text: str) -> None:
    with pytest.raises(BadSettings, match="GATEWAY_ALLOWED_ORIGINS: must be origins such as"):
        settings_for_tests("mongodb://unused", 8000, allowed_origins=text)


# Headers that an attacker can forge. In production, the gateway trusts neither the header `Host` nor the headers that proxies add.
FORGED = {
    "host": "evil.example",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https",
    "x-forwarded-for": "203.0.113.7",
    "x-forwarded-port": "1",
    "x-original-url": "/metrics",
    "x-rewrite-url": "/metrics",
    "forwarded": "for=203.0.113.7;host=evil.example;proto=https",
}


async def test_no_header_changes_where_links_lead_or_which_response_is_sent(gateway: Gateway) -> None:
    content = {"query": CREATE, "variables": {"input": PERSON}}
    for name, forged in FORGED.items():
        response = await gateway.client.post("/graphql", json=content, headers={**bearer(gateway), name: forged})

        url = response.json()["data"]["createVerification"]["verificationUrl"]
        assert url.startswith(f"{gateway.url}/sandbox/"), name
        pressed = await gateway.client.post(urlsplit(url).path, data={"progress": "LINK_OPENED"}, headers={name: forged})
        assert pressed.status_code == 303
        assert "/" not in pressed.headers["location"], name


async def test_an_origin_that_matches_a_forged_host_is_still_refused(gateway: Gateway) -> None:
    assert (await send(gateway, origin="http://evil.example", host="evil.example", **bearer(gateway))).status_code == 403
    assert (await send(gateway, origin=gateway.url, host="evil.example", **bearer(gateway))).status_code == 200


@pytest.mark.parametrize("path", ["/graphql/", "//graphql", "/livez/", "/graphql/.."])
async def test_another_spelling_of_a_path_is_not_redirected(gateway: Gateway, path: str) -> None:
    response = await gateway.client.get(f"{gateway.url}{path}", headers={"host": "evil.example"})

    assert response.status_code == 404
    assert "location" not in response.headers
