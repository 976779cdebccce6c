"""Bare sockets on Starlette: a finished text is sent to each socket, one after the other. This is the minimum of work."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

sockets: set[WebSocket] = set()


async def follow(socket: WebSocket) -> None:
    """Keep a socket until the client disconnects."""
    await socket.accept()
    sockets.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        sockets.discard(socket)


async def publish(request: Request) -> Response:
    """Send the request's body to all sockets."""
    text = (await request.body()).decode()
    for socket in tuple(sockets):
        await socket.send_text(text)
    return PlainTextResponse("")


async def ready(request: Request) -> Response:
    """An empty response, which shows that the server is ready."""
    return PlainTextResponse("")


def application() -> Starlette:
    """The application."""
    return Starlette(routes=[WebSocketRoute("/graphql", follow), Route("/publish", publish, methods=["POST"]), Route("/ready", ready)])
