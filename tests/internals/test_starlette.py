"""Tests how Starlette routes requests, orders middleware, and tracks the state of a WebSocket. See `docs/libraries.md`."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from uvicorn.protocols.utils import ClientDisconnected


async def receiving() -> Message:
    """An ASGI `receive` for a client that has sent the handshake of a WebSocket."""
    return {"type": "websocket.connect"}


async def test_starlettes_router_does_not_redirect_when_it_is_switched_off() -> None:
    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    statuses: list[int] = []
    scope = {"type": "http", "method": "GET", "path": "/page/", "headers": [(b"host", b"evil")], "query_string": b"", "scheme": "http"}
    for redirecting in (True, False):
        app = Starlette(routes=[Route("/page", empty_endpoint)])
        app.router.redirect_slashes = redirecting
        await app({**scope, "root_path": ""}, receiving, send)

    assert statuses == [307, 404]


async def empty_endpoint(request: object) -> None:
    """The endpoint of a route. It does nothing, because the tests request only other paths."""


def test_starlettes_route_accepts_an_object_as_an_application_for_all_methods() -> None:
    class Endpoint:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            """An ASGI application that does nothing, because the test never calls it."""

    endpoint = Endpoint()
    route = Route("/graphql", endpoint)

    assert route.app is endpoint
    assert route.methods is None


async def test_starlettes_middleware_runs_in_the_order_of_the_list_with_the_application_first() -> None:
    class Passing:
        def __init__(self, app: ASGIApp, name: str) -> None:
            self.app = app
            self.name = name

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            order.append(self.name)
            await self.app(scope, receive, send)

    async def send(message: Message) -> None:
        """An ASGI `send` that discards the message."""

    order: list[str] = []
    app = Starlette(middleware=[Middleware(Passing, "outer"), Middleware(Passing, "inner")])
    await app({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "root_path": ""}, receiving, send)

    assert order == ["outer", "inner"]


async def test_starlettes_socket_is_connected_between_accept_and_close() -> None:
    async def send(message: Message) -> None:
        states.append(message["type"])

    states: list[object] = []
    socket_ = WebSocket({"type": "websocket", "headers": [], "path": "/", "subprotocols": []}, receiving, send)

    states.append(socket_.application_state)
    await socket_.accept("graphql-transport-ws")
    states.append(socket_.application_state)
    await socket_.close(1012, "restart")
    states.append(socket_.application_state)

    assert states == [
        WebSocketState.CONNECTING,
        "websocket.accept",
        WebSocketState.CONNECTED,
        "websocket.close",
        WebSocketState.DISCONNECTED,
    ]
    with pytest.raises(RuntimeError):
        await socket_.close(1012, "again")


async def test_starlette_turns_an_os_error_of_the_server_into_a_disconnect() -> None:
    async def send(message: Message) -> None:
        if message["type"] != "websocket.accept":
            raise ClientDisconnected

    socket_ = WebSocket({"type": "websocket", "headers": [], "path": "/", "subprotocols": []}, receiving, send)
    await socket_.accept()

    with pytest.raises(WebSocketDisconnect):
        await socket_.close(1012, "restart")
