"""Serves the endpoints for operators on a port of their own, so that the port of the API can be public."""

import asyncio
import socket

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


class AdminServer:
    """An HTTP server on one listening socket.

    It needs no limits like those of the public port, because only machines of the operator can reach it.
    """

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        self._config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, server_header=False)
        self._listening = listening
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to accept connections."""
        self._config.load()
        self._server = await asyncio.get_running_loop().create_server(self._connection, sock=self._listening)

    def stop(self) -> None:
        """Close the listening socket, and every connection as soon as it has no response under way."""
        if self._server:
            self._server.close()
        for connection in [*self._state.connections]:
            connection.shutdown()

    def _connection(self) -> HttpToolsProtocol:
        return HttpToolsProtocol(self._config, self._state, {})
