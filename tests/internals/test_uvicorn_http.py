"""Tests the attributes and methods of uvicorn's HTTP connections and server that the gateway's subclasses use. See `docs/libraries.md`."""

import asyncio
import inspect
import logging
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest
import uvicorn
from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from gateway.transports.http_connection import HttpProtocol
from gateway.transports.socket_connection import WebSocketProtocol
from tests.internals.connections import (
    CHUNKED,
    GET,
    HANDSHAKE,
    UPLOAD,
    Connections,
    RecordingTransport,
    config,
    parser,
    run_ready_tasks,
    silent,
)


async def empty(scope: Any, receive: Any, send: Any) -> None:
    """An application that responds with 204."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("kind", [HttpToolsProtocol, WebSocketsSansIOProtocol])
def test_uvicorn_makes_a_connection_from_configuration_and_state(kind: Callable[..., Any]) -> None:
    assert list(inspect.signature(kind).parameters) == ["config", "server_state", "app_state", "_loop"]


def test_uvicorns_configuration_accepts_any_callable_as_a_protocol_class() -> None:
    http, ws = partial(HttpToolsProtocol), partial(WebSocketsSansIOProtocol)

    loaded = config(silent, http=http, ws=ws)
    loaded.load()

    assert cast("object", loaded.http_protocol_class) is http
    assert cast("object", loaded.ws_protocol_class) is ws


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("parser", HttpRequestParser),
        ("transport", RecordingTransport),
        ("flow", FlowControl),
        ("loop", asyncio.AbstractEventLoop),
        ("tasks", set),
        ("pipeline", deque),
        ("server_state", ServerState),
        ("scope", dict),
        ("headers", list),
        ("url", bytes),
        ("cycle", RequestResponseCycle),
    ],
)
async def test_uvicorns_connection_has_the_attribute(connections: Connections, name: str, kind: type) -> None:
    connection, _ = connections.http()

    connection.data_received(UPLOAD)

    assert isinstance(getattr(connection, name), kind)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("body", bytearray(b"a")),
        ("more_body", True),
        ("disconnected", False),
        ("keep_alive", True),
        ("response_started", False),
        ("response_complete", False),
        ("chunked_encoding", None),
        ("expected_content_length", 0),
    ],
)
async def test_uvicorns_cycle_has_the_attribute_that_the_connection_reads_or_sets(connections: Connections, name: str, value: object) -> None:
    connection, _ = connections.http()

    connection.data_received(UPLOAD + b"a")

    assert getattr(connection.cycle, name) == value


@pytest.mark.parametrize(("name", "initial"), [("total_requests", 0), ("connections", set()), ("tasks", set()), ("default_headers", [])])
def test_uvicorns_server_state_has_the_attribute(name: str, initial: object) -> None:
    assert getattr(ServerState(), name) == initial


@pytest.mark.parametrize(("ours", "theirs"), [(HttpProtocol, HttpToolsProtocol), (WebSocketProtocol, WebSocketsSansIOProtocol)])
async def test_uvicorns_connections_have_no_private_names_that_ours_override_by_accident(ours: type, theirs: Any) -> None:
    overridden = {"_should_upgrade", "_start_asgi_task"}
    made = theirs(config=config(silent), server_state=ServerState(), app_state={})
    private = {name for name in (*dir(theirs), *vars(made)) if name.startswith("_") and not name.startswith("__")}

    assert private & vars(ours).keys() <= overridden
    assert not [name for name in vars(made) if name.startswith("_")]


async def test_uvicorns_parser_can_be_replaced(connections: Connections) -> None:
    connection, _ = connections.http()
    connection.parser = parser(connection)

    connection.parser.feed_data(GET)

    assert connection.cycle.scope["path"] == "/graphql"


async def test_uvicorn_starts_with_an_empty_url_and_no_headers_for_each_request(connections: Connections) -> None:
    connection, _ = connections.http()
    connection.data_received(GET)

    connection.on_message_begin()

    assert (connection.url, connection.headers) == (b"", [])
    assert connection.scope["headers"] is connection.headers


async def test_uvicorn_adds_trailers_to_the_headers_of_the_request(connections: Connections) -> None:
    connection, _ = connections.http()

    connection.data_received(CHUNKED)

    assert connection.headers[-1] == (b"trailer", b"late")


async def test_uvicorn_lowers_the_names_of_headers(connections: Connections) -> None:
    connection, _ = connections.http()

    connection.data_received(GET.replace(b"host", b"HOST"))

    assert connection.headers == [(b"host", b"gateway")]


@pytest.mark.parametrize(
    ("name", "value"), [("type", "http"), ("method", "POST"), ("http_version", "1.1"), ("path", "/graphql"), ("query_string", b"a=%20")]
)
async def test_uvicorns_scope_holds(connections: Connections, name: str, value: object) -> None:
    connection, _ = connections.http()

    connection.data_received(UPLOAD.replace(b"/graphql", b"/graphq%6C?a=%20"))

    assert cast("dict[str, object]", connection.scope)[name] == value


async def test_uvicorn_starts_a_request_through_start_asgi_task(connections: Connections) -> None:
    class Starting(HttpToolsProtocol):
        def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
            started.append((cycle, app))

    started: list[tuple[RequestResponseCycle, Any]] = []
    connection, _ = connections.http(kind=Starting)

    connection.data_received(GET)

    assert started == [(connection.cycle, connection.app)]


async def test_uvicorn_queues_pipelined_requests_so_that_pop_returns_the_oldest(connections: Connections) -> None:
    connection, transport = connections.http()

    connection.data_received(b"".join(b"GET /%d HTTP/1.1\r\nhost: gateway\r\n\r\n" % number for number in range(3)))

    cycle, app = connection.pipeline.pop()
    assert (cycle.scope["path"], app, len(connection.pipeline), transport.paused) == ("/1", connection.app, 1, True)


@pytest.mark.parametrize("accepted", [True, False])
async def test_uvicorn_makes_no_cycle_for_an_upgrade_that_should_upgrade_accepts(connections: Connections, accepted: bool) -> None:
    class Deciding(HttpToolsProtocol):
        def _should_upgrade(self) -> bool:
            return accepted

    connection, _ = connections.http(kind=Deciding)

    with pytest.raises(HttpParserUpgrade):
        connection.parser.feed_data(HANDSHAKE)

    assert (connection.cycle is None) is accepted


async def test_uvicorn_repeats_the_head_to_the_socket_of_an_upgrade(connections: Connections) -> None:
    class Socket(asyncio.Protocol):
        def __init__(self, **arguments: object) -> None:
            calls.append(("made", set(arguments)))

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            calls.append(("connected", transport))

        def data_received(self, data: bytes) -> None:
            calls.append(("received", data))

    calls: list[tuple[str, object]] = []
    connection, transport = connections.http(ws=Socket)

    connection.data_received(HANDSHAKE)

    assert calls == [("made", {"config", "server_state", "app_state"}), ("connected", transport), ("received", HANDSHAKE)]
    assert isinstance(transport.protocol, Socket)
    assert connection not in connection.connections


async def test_uvicorn_ignores_the_body_of_an_answered_request(connections: Connections) -> None:
    connection, _ = connections.http()
    connection.data_received(UPLOAD)
    connection.cycle.response_complete = True

    connection.data_received(b"ab")

    assert (bytes(connection.cycle.body), connection.cycle.more_body) == (b"", True)


async def test_uvicorn_collects_a_body_in_the_cycle_until_the_message_is_complete(connections: Connections) -> None:
    connection, _ = connections.http()

    connection.data_received(UPLOAD + b"ab")

    assert (bytes(connection.cycle.body), connection.cycle.more_body) == (b"ab", False)


async def test_uvicorns_flow_stops_reading_above_64_kib_until_it_is_resumed(connections: Connections) -> None:
    connection, transport = connections.http()
    connection.data_received(UPLOAD.replace(b": 2", b": 99999") + b"a" * 65_537)
    paused = transport.paused

    connection.flow.resume_reading()

    assert (paused, transport.paused) == (True, False)


async def test_uvicorns_flow_drains_when_the_transport_takes_more(connections: Connections) -> None:
    connection, _ = connections.http()
    connection.pause_writing()
    waiting = asyncio.ensure_future(connection.flow.drain())
    await run_ready_tasks()
    waited = not waiting.done() and connection.flow.write_paused

    connection.resume_writing()
    await waiting

    assert (waited, connection.flow.write_paused) == (True, False)


async def test_uvicorns_cycle_reports_its_end_to_on_response_complete(connections: Connections) -> None:
    class Ending(HttpToolsProtocol):
        def on_response_complete(self) -> None:
            ended.append(self.cycle.response_complete)

    ended: list[bool] = []
    connection, transport = connections.http(empty, Ending)

    connection.data_received(GET)
    await run_ready_tasks()

    assert ended == [True]
    assert transport.sent.startswith(b"HTTP/1.1 204 No Content\r\n")
    # uvicorn has set no timer for the idle connection: only its own `on_response_complete` sets one, and the gateway's class overrides this method.
    assert connection.timeout_keep_alive_task is None


async def test_uvicorns_cycle_sends_no_chunks_if_chunked_encoding_is_false_and_each_part_is_expected(connections: Connections) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection.cycle.chunked_encoding = False
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part, more in ((b"first", True), (b"second", True), (b"", False)):
            connection.cycle.expected_content_length = len(part)
            await send({"type": "http.response.body", "body": part, "more_body": more})

    connection, transport = connections.http(app)

    connection.data_received(GET.replace(b"1.1", b"1.0"))
    await run_ready_tasks()

    assert transport.sent == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nfirstsecond"
    assert transport.closed


async def test_uvicorn_reads_expect_100_continue_when_the_head_is_complete(connections: Connections) -> None:
    class Ignoring(HttpToolsProtocol):
        def on_headers_complete(self) -> None:
            self.expect_100_continue = False
            super().on_headers_complete()

    connection, _ = connections.http(kind=Ignoring)

    connection.data_received(UPLOAD.replace(b"\r\n\r\n", b"\r\nexpect: 100-continue\r\n\r\n"))

    assert not connection.cycle.waiting_for_100_continue


async def test_uvicorns_receive_returns_an_empty_part_when_its_event_is_set(connections: Connections) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        received.append(await receive())
        received.append(await receive())

    received: list[dict[str, Any]] = []
    connection, _ = connections.http(app)
    connection.data_received(GET)
    await run_ready_tasks()

    connection.cycle.message_event.set()
    await run_ready_tasks()

    assert received == [{"type": "http.request", "body": b"", "more_body": False}] * 2


@pytest.mark.parametrize("head", [GET.replace(b"1.1", b"1.0"), GET.replace(b"host", b"connection: close\r\nhost")], ids=["HTTP/1.0", "close"])
async def test_uvicorns_cycle_does_not_keep_the_connection_alive_after(connections: Connections, head: bytes) -> None:
    connection, _ = connections.http()

    connection.data_received(head)

    assert not connection.cycle.keep_alive


async def test_uvicorn_logs_under_its_own_name(connections: Connections, caplog: pytest.LogCaptureFixture) -> None:
    connection, _ = connections.http()

    with caplog.at_level(logging.DEBUG):
        connection.data_received(b"no request\r\n\r\n")

    assert {record.name.partition(".")[0] for record in caplog.records} == {"uvicorn"}


async def test_uvicorn_replaces_the_client_of_a_request_from_a_trusted_proxy() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])

    seen: list[str] = []
    middleware: Any = ProxyHeadersMiddleware(cast("Any", app), ["10.0.0.0/8"])
    for proxy in ("10.1.2.3", "192.0.2.1"):
        await middleware({"type": "http", "client": (proxy, 1), "headers": [(b"x-forwarded-for", b"198.51.100.7")]}, None, None)

    assert seen == ["198.51.100.7", "192.0.2.1"]


async def test_uvicorns_cycle_sends_nothing_once_it_is_disconnected(connections: Connections) -> None:
    connection, transport = connections.http()
    connection.data_received(GET)
    connection.cycle.disconnected = True

    await connection.cycle.send({"type": "http.response.start", "status": 200, "headers": []})

    assert transport.sent == b""


async def test_uvicorns_receive_ends_once_its_cycle_is_disconnected(connections: Connections) -> None:
    connection, _ = connections.http()
    connection.data_received(UPLOAD)
    receiving = asyncio.ensure_future(connection.cycle.receive())
    await run_ready_tasks()

    connection.cycle.disconnected = True
    connection.cycle.message_event.set()

    assert await receiving == {"type": "http.disconnect"}


async def test_uvicorn_wakes_the_request_of_a_connection_that_is_lost(connections: Connections) -> None:
    connection, _ = connections.http()
    connection.data_received(UPLOAD)

    connection.connection_lost(None)

    assert connection.cycle.disconnected
    assert connection.cycle.message_event.is_set()
    assert cast("object", connection.parser) is None


async def test_uvicorns_shutdown_closes_an_idle_connection(connections: Connections) -> None:
    connection, transport = connections.http()

    connection.shutdown()

    assert transport.closed


async def test_uvicorns_shutdown_lets_a_request_end(connections: Connections) -> None:
    connection, transport = connections.http()
    connection.data_received(GET)

    connection.shutdown()

    assert (transport.closed, connection.cycle.keep_alive) == (False, False)


async def test_uvicorns_server_calls_startup_and_shutdown_and_waits_for_tasks() -> None:
    class Serving(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            steps.append(f"started: {self.started}")
            self.should_exit = True

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            steps.append("shutdown")
            self.server_state.tasks.add(task := asyncio.create_task(working()))
            task.add_done_callback(self.server_state.tasks.discard)
            await super().shutdown(sockets)

    async def working() -> None:
        await asyncio.sleep(0.15)
        steps.append("task")

    steps: list[str] = []
    server = Serving(config(silent, timeout_graceful_shutdown=3))
    with socket.create_server(("127.0.0.1", 0)) as bound:
        await server.serve([bound])

    assert steps == ["started: True", "shutdown", "task"]


async def test_uvicorn_replaces_the_headers_of_all_responses_at_a_tick() -> None:
    server = uvicorn.Server(config(silent, server_header=False))
    server.config.load()

    await server.on_tick(0)

    assert [name for name, _ in server.server_state.default_headers] == [b"date"]
