"""The way past the router, for the one address that nearly all requests ask for."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Shortcut:
    """Leads what is asked of a path to where it is answered, by HTTP or by a socket, and all else on."""

    def __init__(self, app: ASGIApp, path: str, http: ASGIApp, websocket: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._endpoints = {"http": http, "websocket": websocket}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._endpoints.get(scope["type"]) if scope.get("path") == self._path else None
        await (endpoint or self._app)(scope, receive, send)
