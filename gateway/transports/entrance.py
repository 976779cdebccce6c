"""The entrance: runs hooks before and after every request, no matter which path answers the request.

Code that must see all requests has to be a hook. `gateway/application.py` lists the hooks. Plain ASGI middleware would miss most requests, because
they take the fast path (`FastPath`), which does not use ASGI.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.process.drain import Drain
from gateway.process.health import Health
from gateway.process.metrics import Metrics
from gateway.transports.connection_places import ConnectionPlaces
from gateway.transports.http import METHODS, GraphQLOverHTTP, GraphQLRequest
from gateway.transports.requests import joined
from gateway.transports.responses import STATUS_LINES, Header, Headers, Response
from gateway.transports.websocket import GraphQLOverWebSocket

# A hook that runs before a request is answered. It lets the request pass by returning None, and refuses it by returning a response.
Before = Callable[[Scope], Response | None]
# A hook that runs when a request is over. It receives the status of the response: 101 for a WebSocket, None if the client or the process ended the
# request before a response was sent.
After = Callable[[Scope, int | None], None]

# The ASGI messages that start a response. The second one starts the response to a WebSocket handshake that is refused.
STARTS = ("http.response.start", "websocket.http.response.start")
GRAPHQL = "/graphql"
SWITCHING_PROTOCOLS = 101
CLOSE = b"connection: close\r\n"


class Entrance:
    """Holds the hooks that run before and after every request, and the headers that every response carries.

    `unread`: hooks that add headers to the response to a request that the connection itself refuses, for example because its head is too long. The
    other hooks don't see such a request.
    """

    def __init__(self, before: Sequence[Before], after: Sequence[After], headers: Headers, unread: Sequence[Callable[[Scope], None]] = ()) -> None:
        self.headers = headers
        self.before = before
        self.after = after
        self.unread = unread

    def enter(self, scope: Scope) -> Response | None:
        """Run the hooks before a request. Returns the response of the first hook that refuses the request, None if no hook refuses it."""
        for hook in self.before:
            if response := hook(scope):
                return response
        return None

    def leave(self, scope: Scope, status: int | None) -> None:
        """Run the hooks after a request. `status`: the status of the response; 101 for a WebSocket, None if no response was sent."""
        for hook in self.after:
            hook(scope, status)


class Entered:
    """The outermost ASGI middleware. It runs the entrance's hooks for the requests that the fast path does not answer."""

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
            refusal = self._entrance.enter(scope)
            # Starlette and the pages read only one line of each header. So all lines of a repeated header are joined into one.
            scope["headers"] = joined(scope["headers"])
            return await (refusal or self._app)(scope, receive, sending)
        finally:
            self._entrance.leave(scope, status)


class FastPath:
    """Answers requests for `/graphql` without ASGI and without Starlette. The responses equal those of the application, and need half of the work.

    The fast path answers only requests that get a single response. The application answers event streams, and all other paths and methods.
    """

    def __init__(self, path: str, entrance: Entrance, endpoint: GraphQLOverHTTP) -> None:
        self._path = path
        self._entrance = entrance
        self._endpoint = endpoint

    def request(self, scope: Scope, receive: Receive) -> GraphQLRequest | None:
        """The parsed head of a request, or None if the fast path does not answer the request."""
        if scope["path"] != self._path or scope["method"] not in METHODS:
            return None
        request = GraphQLRequest(scope, receive)
        return None if request.streams else request

    def enter(self, request: GraphQLRequest) -> Response | None:
        """Run the entrance's hooks before the request. Returns the response of a hook that refuses the request."""
        return self._entrance.enter(request.scope)

    def response(self, request: GraphQLRequest) -> Coroutine[Any, Any, Response]:
        """The response to a request that no hook refused."""
        # The cast is right: the endpoint returns an event stream only if the client accepts one, and the method `request` does not take such
        # requests onto the fast path.
        return cast("Coroutine[Any, Any, Response]", self._endpoint.response(request))

    def written(self, request: GraphQLRequest, response: Response, server_headers: list[Header], keep_alive: bool) -> bytes:
        """The bytes to send for a response: its status line, its headers and its content. `server_headers`: uvicorn's own headers."""
        lines = self._entrance.headers.lines(request.scope, [*server_headers, *response.headers])
        content = b"" if request.method == "HEAD" else response.content
        return b"".join((STATUS_LINES[response.status], lines, b"" if keep_alive else CLOSE, b"\r\n", content))

    def refusal(self, status: HTTPStatus, scope: Scope, own: list[Header]) -> bytes:
        """The bytes of the response to a request that the connection itself refuses. `own`: the headers of this refusal.

        `scope`: the scope of the request, or as much of it as was read.
        """
        if "request_id" not in scope:  # Otherwise the hooks before the request have already added the headers.
            for hook in self._entrance.unread:
                hook(scope)
        return STATUS_LINES[status] + self._entrance.headers.lines(scope, [*own, (b"content-length", b"0")]) + b"\r\n"

    def leave(self, request: GraphQLRequest, status: int | None) -> None:
        """Run the entrance's hooks after the request."""
        self._entrance.leave(request.scope, status)


class SocketPath:
    """Serves the WebSockets at `/graphql` without Starlette's router. The router would hold kilobytes of memory for each open socket."""

    def __init__(self, app: ASGIApp, path: str, endpoint: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_socket = scope["type"] == "websocket" and scope["path"] == self._path
        await (self._endpoint if is_socket else self._app)(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Process:
    """The objects of the process that the server and the commands use: its drain, its health and its metrics.

    `places`: the places of plain connections. `idle_seconds`: how long a connection may be idle.
    `admin`: the application with the endpoints for operators, for a port of their own.
    `reload`: is called on SIGHUP, and reads again the files that the settings name. None on a developer's machine: there, a terminal that is closed
    sends SIGHUP, and the process must end.
    """

    drain: Drain
    health: Health
    metrics: Metrics
    places: ConnectionPlaces
    idle_seconds: float
    admin: ASGIApp
    reload: Callable[[], None] | None = None


class Application(Starlette):
    """The gateway as an ASGI application, with its fast path. All requests pass the entrance. Code that must see every request belongs there."""

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
        """`proxies`: the addresses of the proxies whose X-Forwarded-For header is trusted."""
        super().__init__(
            routes=[Route(GRAPHQL, http), *routes],
            middleware=[
                Middleware(Entered, entrance),
                # Read the client's address from X-Forwarded-For. Requests on the fast path skip this middleware: for them, `Charging.address` reads
                # the header.
                *([Middleware(ProxyHeadersMiddleware, [*proxies])] if proxies else []),
                Middleware(SocketPath, GRAPHQL, sockets),
            ],
            lifespan=lifespan,
        )
        # Starlette would redirect a path with a wrong slash at its end to a URL that contains the request's `Host` header, which anybody can forge.
        self.router.redirect_slashes = False
        self.fast_path = FastPath(GRAPHQL, entrance, http)
        self.process = process

    def add_middleware(self, *arguments: Any, **options: Any) -> NoReturn:
        """Always raises TypeError, because an ASGI middleware would miss the requests that the fast path answers."""
        raise TypeError("an ASGI middleware would miss the requests that the fast path answers; add a hook to the Entrance in gateway/application.py")
