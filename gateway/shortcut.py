"""The way past the router, for the one address that nearly all requests ask for."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Shortcut:
    """Leads what is asked of a path by HTTP to where it is answered, and all else on."""

    def __init__(self, app: ASGIApp, path: str, endpoint: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        straight = scope["type"] == "http" and scope["path"] == self._path
        await (self._endpoint if straight else self._app)(scope, receive, send)
