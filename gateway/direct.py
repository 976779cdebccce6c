"""The way past ASGI, for what is asked a thousand times as often as all else: GraphQL's requests that are answered at once."""

from starlette.types import Receive, Scope

from gateway.answers import STATUS_LINES, Answer
from gateway.entrance import Entrance
from gateway.http import METHODS, Asked, GraphQLOverHTTP

CLOSE = b"connection: close\r\n"


class Direct:
    """Answers a request as the application would, but in one piece and without all that has a part in serving anything."""

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

    async def answer(self, asked: Asked) -> Answer:
        """The answer to a request."""
        answer = self._entrance.refusal(asked.scope) or await self._endpoint.answer(asked)
        assert isinstance(answer, Answer)
        return answer

    def written(self, asked: Asked, answer: Answer, keep_alive: bool) -> bytes:
        """An answer as it is sent."""
        lines = self._entrance.headers.lines(asked.scope, answer.headers)
        return b"".join((STATUS_LINES[answer.status], lines, b"" if keep_alive else CLOSE, b"\r\n", answer.content))
