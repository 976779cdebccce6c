"""The integrator's server, at whose address the person's page renews its follow token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.local_server import local_server

SESSION = "session"


@dataclass
class Integrator:
    """The integrator's server. `answer`: the status and the body with which it answers. `requests`: the bodies of the requests for a new token.

    `origins`, `sessions`: the header `Origin` and the session's cookie of each of these requests. `others`: the paths of all other requests.
    """

    url: str = ""
    answer: tuple[int, Any] = (200, {})
    requests: list[Any] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    sessions: list[str | None] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def renewal_url(self) -> str:
        """The address at which tokens are renewed."""
        return f"{self.url}/follow-token"

    def reset(self) -> None:
        """Forget all requests."""
        for entries in (self.requests, self.origins, self.sessions, self.others):
            entries.clear()

    async def renew(self, request: Request) -> Response:
        """Answer a request for a new token, and the preflight request before it."""
        origin = request.headers["origin"]
        headers = {
            "access-control-allow-origin": origin,
            "access-control-allow-credentials": "true",
            "access-control-allow-headers": "content-type",
            "vary": "origin",
        }
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        self.requests.append(await request.json())
        self.origins.append(origin)
        self.sessions.append(request.cookies.get(SESSION))
        status, body = self.answer
        return JSONResponse(body, status, headers)

    async def other(self, request: Request) -> Response:
        """Record any other request, and allow every page to read the response."""
        self.others.append(request.url.path)
        return Response(headers={"access-control-allow-origin": "*"})


@asynccontextmanager
async def an_integrator() -> AsyncIterator[Integrator]:
    """A context in which the integrator's server runs."""
    integrator = Integrator()
    routes = [Route("/follow-token", integrator.renew, methods=["POST", "OPTIONS"]), Route("/{path:path}", integrator.other)]
    async with local_server(routes) as port:
        integrator.url = f"http://127.0.0.1:{port}"
        yield integrator
