"""Starts a small server on a free port of this machine. It plays another party for a test: a provider, a company or an integrator."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route


@asynccontextmanager
async def local_server(routes: Sequence[Route]) -> AsyncIterator[int]:
    """A context in which a server with these routes runs. Yields its port. At the end, open connections are closed without waiting."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off"))
        running = asyncio.create_task(server.serve([bound]))
        try:
            while not server.started:
                await asyncio.sleep(0.005)
            port: int = bound.getsockname()[1]
            yield port
        finally:
            server.should_exit = server.force_exit = True
            await running
