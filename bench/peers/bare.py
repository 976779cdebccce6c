"""A peer that does the minimum of work for subscribers: a Starlette application that receives a text, and sends the text to all its WebSockets."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

sockets: set[WebSocket] = set()


async def follow(socket: WebSocket) -> None:
    """Accept a socket, and add it to `sockets` until the client disconnects."""
    await socket.accept()
    sockets.add(socket)
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        sockets.discard(socket)


async def publish(request: Request) -> Response:
    """Send the body of the request to all sockets, one after the other."""
    text = (await request.body()).decode()
    for socket in tuple(sockets):
        await socket.send_text(text)
    return PlainTextResponse("")


async def ready(request: Request) -> Response:
    """The endpoint that the benchmark requests until the server is ready. Its response is empty."""
    return PlainTextResponse("")


def application() -> Starlette:
    """Make the application. uvicorn calls this function when it starts the server (option `--factory`)."""
    return Starlette(routes=[WebSocketRoute("/graphql", follow), Route("/publish", publish, methods=["POST"]), Route("/ready", ready)])
