"""What every response tells browsers."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing here may run, be framed, guessed at, kept, or be shown by other sites. Pages say themselves what else they need.
STRICT = {
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    # This is about images and scripts. What other origins may fetch is decided by CORS alone, which this doesn't touch.
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
# Two years, as preload lists ask for. Other names of the same domain are not ours to decide on.
OVER_HTTPS = {b"strict-transport-security": b"max-age=63072000"}


# The second is the answer to a WebSocket's handshake that is refused.
STARTS = ("http.response.start", "websocket.http.response.start")


# What a request's response is to carry, whoever makes it.
TOLD = "gateway.told"


def tell(scope: Scope, name: bytes, value: bytes) -> None:
    """Have the response to a request carry a header."""
    scope.setdefault(TOLD, []).append((name, value))


class Headers:
    """Gives each response the headers that it is to carry, and those of the strict ones that it doesn't set otherwise."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self._app = app
        self._strict = tuple((STRICT | (OVER_HTTPS if https else {})).items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] in STARTS:
                own = message.get("headers", ())
                named = {name for name, _ in own}
                message["headers"] = [*own, *scope.get(TOLD, ()), *[header for header in self._strict if header[0] not in named]]
            await send(message)

        await self._app(scope, receive, sending)
