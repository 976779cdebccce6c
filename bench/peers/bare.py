"""Bare sockets on Starlette: a text that comes ready is sent to each, one after the other. Nothing can do less."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

sockets: set[WebSocket] = set()


async def follow(socket: WebSocket) -> None:
    """Hold a socket until its other side lets go."""
    await socket.accept()
    sockets.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        sockets.discard(socket)


async def publish(request: Request) -> Response:
    """Send the text to all."""
    text = (await request.body()).decode()
    for socket in tuple(sockets):
        await socket.send_text(text)
    return PlainTextResponse("")


async def ready(request: Request) -> Response:
    """That it answers."""
    return PlainTextResponse("")


def application() -> Starlette:
    """The server."""
    return Starlette(routes=[WebSocketRoute("/graphql", follow), Route("/publish", publish, methods=["POST"]), Route("/ready", ready)])
