"""The endpoints for operators, `/livez`, `/readyz`, `/healthz` and `/metrics`; and `/schema.graphql`, for developers of clients."""

import hashlib

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.process.health import Health
from gateway.process.metrics import MEDIA_TYPE, Metrics


class Probes:
    """The endpoints for operators. They need no token."""

    def __init__(self, health: Health, metrics: Metrics) -> None:
        self._health = health
        self._metrics = metrics

    @property
    def routes(self) -> list[Route]:
        """The endpoints as Starlette's routes, for the application."""
        return [
            Route("/livez", self.livez),
            Route("/readyz", self.readyz),
            Route("/healthz", self.healthz),
            Route("/metrics", self.metrics),
        ]

    async def livez(self, request: Request) -> Response:
        """Status 200 with a short text, for liveness probes. Nothing is checked: a response proves that the process is alive."""
        return PlainTextResponse("alive\n")

    async def readyz(self, request: Request) -> Response:
        """Status 200 if the process has started and will not end soon, otherwise 503. The body lists why it is not ready, and missing indexes."""
        troubles = await self._health.troubles()
        body = {"ready": not troubles, "troubles": troubles, "warnings": self._health.warnings}
        return JSONResponse(body, 503 if troubles else 200)

    async def healthz(self, request: Request) -> Response:
        """The state of the process and of its dependencies, for people.

        Shape: {"started", "draining", "dependencies": {"<name>": {"ok", "cause"}}, "warnings"}. `cause` is null if the dependency works.

        The status is always 200. Otherwise a proxy that checks this endpoint would send requests to no process while MongoDB fails. It is better that
        a process receives them and waits for MongoDB.
        """
        health = self._health
        causes = await health.dependencies()
        body = {
            "started": health.started,
            "draining": health.drain.announced,
            "dependencies": {name: {"ok": cause is None, "cause": cause} for name, cause in causes.items()},
            "warnings": health.warnings,
        }
        return JSONResponse(body)

    async def metrics(self, request: Request) -> Response:
        """All metrics, in Prometheus's text format."""
        return Response(await self._metrics.combined_exposition(), headers={"content-type": MEDIA_TYPE})


class PublicSchema:
    """The endpoint `/schema.graphql`. `sdl`: the schema's text."""

    def __init__(self, sdl: str) -> None:
        self._sdl = sdl
        self._tag = f'"{hashlib.sha256(sdl.encode()).hexdigest()[:32]}"'

    @property
    def routes(self) -> list[Route]:
        """The endpoint as Starlette's route, for the application."""
        return [Route("/schema.graphql", self.schema)]

    async def schema(self, request: Request) -> Response:
        """The schema as SDL; status 304 without a body if the client already has this version."""
        headers = {"etag": self._tag, "cache-control": "no-cache"}
        cached = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if cached & {self._tag, "*"}:
            return Response(status_code=304, headers=headers)
        return PlainTextResponse(self._sdl + "\n", headers=headers, media_type="application/graphql")
