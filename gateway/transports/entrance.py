"""What every request passes on its way in, and what every response takes along on its way out."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.transports.http import METHODS, Asked, GraphQLOverHTTP
from gateway.transports.requests import identify
from gateway.transports.responses import STATUS_LINES, Answer, Header, Headers

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


CLOSE = b"connection: close\r\n"


class Direct:
    """The way past ASGI: answers what is answered at once as the application would, but in one piece and in half of the time."""

    def __init__(self, path: str, entrance: Entrance, endpoint: GraphQLOverHTTP) -> None:
        self._path = path
        self._entrance = entrance
        self._endpoint = endpoint

    def asked(self, scope: Scope, receive: Receive) -> Asked | None:
        """The request, where it is one of these: an event stream, or anything of another path or method, is not."""
        if scope["path"] != self._path or scope["method"] not in METHODS:
            return None
        asked = Asked(scope, receive)
        return None if asked.streams else asked

    def refusal(self, asked: Asked) -> Answer | None:
        """What a request is refused with before it is looked at any closer; None where it may pass."""
        return self._entrance.refusal(asked.scope)

    def answer(self, asked: Asked) -> Coroutine[Any, Any, Answer]:
        """The answer to a request that may pass."""
        # Who takes no event stream gets none.
        return cast("Coroutine[Any, Any, Answer]", self._endpoint.answer(asked))

    def written(self, asked: Asked, answer: Answer, beside: list[Header], keep_alive: bool) -> bytes:
        """An answer as it is sent, with the headers that the server itself gives each response."""
        lines = self._entrance.headers.lines(asked.scope, [*beside, *answer.headers])
        return b"".join((STATUS_LINES[answer.status], lines, b"" if keep_alive else CLOSE, b"\r\n", answer.content))


class DirectSockets:
    """The way past the router, which would keep kilobytes for each socket as long as it lasts."""

    def __init__(self, app: ASGIApp, path: str, endpoint: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        direct = scope["type"] == "websocket" and scope["path"] == self._path
        await (self._endpoint if direct else self._app)(scope, receive, send)
