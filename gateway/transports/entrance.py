"""What every request passes on its way in, and what every response takes along on its way out."""

from collections.abc import Callable, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.transports.requests import identify
from gateway.transports.responses import Answer, Headers

# Looks at a request before anybody else does: what it is refused with, if it is.
Check = Callable[[Scope], Answer | None]

# The second is the answer to a WebSocket's handshake that is refused.
STARTS = ("http.response.start", "websocket.http.response.start")


class Entrance:
    """Gives each request an id, and lets those pass that no check refuses."""

    def __init__(self, checks: Sequence[Check], headers: Headers) -> None:
        self.headers = headers
        self._checks = checks

    def refusal(self, scope: Scope) -> Answer | None:
        """What a request is refused with; None where it may pass."""
        identify(scope)
        for check in self._checks:
            if answer := check(scope):
                return answer
        return None


class Entered:
    """Has all requests pass the entrance."""

    def __init__(self, app: ASGIApp, entrance: Entrance) -> None:
        self._app = app
        self._entrance = entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] in STARTS:
                message["headers"] = self._entrance.headers.of(scope, message.get("headers", ()))
            await send(message)

        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        return await (self._entrance.refusal(scope) or self._app)(scope, receive, sending)
