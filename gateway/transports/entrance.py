"""What every request passes, whichever path answers it: hooks before the request and after it.

Code that must see all requests is a hook here, and `gateway/application.py` lists the hooks. Plain ASGI middleware would miss most requests, since
the connection answers them without ASGI: see `FastPath`.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.process.drain import Drain
from gateway.process.health import Health
from gateway.process.metrics import Metrics
from gateway.transports.http import METHODS, GraphQLOverHTTP, GraphQLRequest
from gateway.transports.responses import STATUS_LINES, Header, Headers, Response
from gateway.transports.websocket import GraphQLOverWebSocket

# Runs before a request is answered, and may refuse it by returning the response.
Before = Callable[[Scope], Response | None]
# Runs when a request is over, with the status of its response: 101 for a socket, None if the client or the process ended it first.
After = Callable[[Scope, int | None], None]

# The second starts the response to a WebSocket handshake that is refused.
STARTS = ("http.response.start", "websocket.http.response.start")
GRAPHQL = "/graphql"
SWITCHING_PROTOCOLS = 101
CLOSE = b"connection: close\r\n"


class Entrance:
    """The hooks, and the headers that every response carries."""

    def __init__(self, before: Sequence[Before], after: Sequence[After], headers: Headers) -> None:
        self.headers = headers
        self.before = before
        self.after = after

    def enter(self, scope: Scope) -> Response | None:
        """Run the hooks before a request. The first response that one of them returns refuses the request."""
        for hook in self.before:
            if response := hook(scope):
                return response
        return None

    def leave(self, scope: Scope, status: int | None) -> None:
        """Run the hooks after a request."""
        for hook in self.after:
            hook(scope, status)


class Entered:
    """The outermost ASGI middleware: takes the requests that the fast path does not answer through the entrance."""

    def __init__(self, app: ASGIApp, entrance: Entrance) -> None:
        self._app = app
        self._entrance = entrance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status: int | None = None

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] in STARTS:
                status = message["status"]
                message["headers"] = self._entrance.headers.of(scope, message.get("headers", ()))
            elif message["type"] == "websocket.accept":
                status = SWITCHING_PROTOCOLS
            await send(message)

        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        try:
            return await (self._entrance.enter(scope) or self._app)(scope, receive, sending)
        finally:
            self._entrance.leave(scope, status)


class FastPath:
    """Answers requests for `/graphql` without ASGI and without Starlette, as the application would, with half of the work.

    It answers what has a single response. The application answers event streams and all other addresses and methods.
    """

    def __init__(self, path: str, entrance: Entrance, endpoint: GraphQLOverHTTP) -> None:
        self._path = path
        self._entrance = entrance
        self._endpoint = endpoint

    def request(self, scope: Scope, receive: Receive) -> GraphQLRequest | None:
        """The request, if the fast path answers it."""
        if scope["path"] != self._path or scope["method"] not in METHODS:
            return None
        request = GraphQLRequest(scope, receive)
        return None if request.streams else request

    def enter(self, request: GraphQLRequest) -> Response | None:
        """Run the entrance's hooks before the request."""
        return self._entrance.enter(request.scope)

    def response(self, request: GraphQLRequest) -> Coroutine[Any, Any, Response]:
        """The response to a request that no hook refused."""
        # An event stream is only sent to a client that accepts one.
        return cast("Coroutine[Any, Any, Response]", self._endpoint.response(request))

    def written(self, request: GraphQLRequest, response: Response, server_headers: list[Header], keep_alive: bool) -> bytes:
        """The bytes of a response, with the headers that the server adds to each one."""
        lines = self._entrance.headers.lines(request.scope, [*server_headers, *response.headers])
        return b"".join((STATUS_LINES[response.status], lines, b"" if keep_alive else CLOSE, b"\r\n", response.content))

    def leave(self, request: GraphQLRequest, status: int | None) -> None:
        """Run the entrance's hooks after the request."""
        self._entrance.leave(request.scope, status)


class SocketPath:
    """Serves the sockets at `/graphql` without the router, which would keep kilobytes for each socket while it is open."""

    def __init__(self, app: ASGIApp, path: str, endpoint: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_socket = scope["type"] == "websocket" and scope["path"] == self._path
        await (self._endpoint if is_socket else self._app)(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Process:
    """What the server needs of the process: its way out, its health, its metrics."""

    drain: Drain
    health: Health
    metrics: Metrics


class Application(Starlette):
    """The gateway as an ASGI application, with its fast path. All requests pass the entrance; there is no other place for code that must see them."""

    def __init__(
        self,
        entrance: Entrance,
        http: GraphQLOverHTTP,
        sockets: GraphQLOverWebSocket,
        routes: Sequence[BaseRoute],
        proxies: Sequence[str],
        lifespan: Lifespan[Starlette],
        process: Process,
    ) -> None:
        """`proxies`: the addresses whose X-Forwarded-For is trusted."""
        super().__init__(
            routes=[Route(GRAPHQL, http), *routes],
            middleware=[
                Middleware(Entered, entrance),
                # Only sockets and event streams need the client's address, and the fast path answers neither.
                *([Middleware(ProxyHeadersMiddleware, [*proxies])] if proxies else []),
                Middleware(SocketPath, GRAPHQL, sockets),
            ],
            lifespan=lifespan,
        )
        # To redirect from one spelling of a path to another, Starlette would trust the `Host` header.
        self.router.redirect_slashes = False
        self.fast_path = FastPath(GRAPHQL, entrance, http)
        self.process = process

    def add_middleware(self, *arguments: Any, **options: Any) -> NoReturn:
        """Raises: TypeError. A middleware would miss the requests that the fast path answers."""
        raise TypeError("an ASGI middleware would miss the requests that the fast path answers; add a hook to the Entrance in gateway/application.py")
