"""What operators and tools ask the process: is it alive, is it ready, what does it measure, what is its schema where that may be looked at."""

import hashlib

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.process.health import Health
from gateway.process.metrics import MEDIA_TYPE, Metrics


class Probes:
    """`/livez`, `/readyz`, `/metrics` and, with an SDL, `/schema.graphql`."""

    def __init__(self, health: Health, metrics: Metrics, sdl: str | None) -> None:
        self._health = health
        self._metrics = metrics
        self._sdl = sdl or ""
        self._tag = f'"{hashlib.sha256(self._sdl.encode()).hexdigest()[:32]}"'

    @property
    def routes(self) -> list[Route]:
        """Where each is."""
        return [
            Route("/livez", self.livez),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
            *([Route("/schema.graphql", self.schema)] if self._sdl else []),
        ]

    async def livez(self, request: Request) -> Response:
        """The process answers."""
        return PlainTextResponse("alive\n")

    async def readyz(self, request: Request) -> Response:
        """The process can do its work; if not, why."""
        troubles = await self._health.troubles()
        return JSONResponse({"ready": not troubles, "troubles": troubles}, 503 if troubles else 200)

    async def metrics(self, request: Request) -> Response:
        """What the process measures."""
        return Response(self._metrics.exposition(), headers={"content-type": MEDIA_TYPE})

    async def schema(self, request: Request) -> Response:
        """The schema, in GraphQL's own language."""
        headers = {"etag": self._tag, "cache-control": "no-cache"}
        if request.headers.get("if-none-match") == self._tag:
            return Response(status_code=304, headers=headers)
        return PlainTextResponse(self._sdl + "\n", headers=headers, media_type="application/graphql")
