"""The server of the endpoints for operators, on a socket of its own."""

import asyncio
import socket

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gateway.transports.admin import AdminServer


async def alive(request: Request) -> PlainTextResponse:
    return PlainTextResponse("alive")


async def test_it_answers_until_it_is_stopped() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server, address = AdminServer(Starlette(routes=[Route("/", alive)]), listening), listening.getsockname()
        await server.start()

        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        answer = await reader.readuntil(b"alive")
        server.stop()

        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert await reader.read() == b""
        writer.close()
