"""The ways past what has a part in serving anything, for the one address that nearly all ask for."""

from collections.abc import Coroutine
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.transports.entrance import Entrance
from gateway.transports.http import METHODS, Asked, GraphQLOverHTTP
from gateway.transports.responses import STATUS_LINES, Answer, Header

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
