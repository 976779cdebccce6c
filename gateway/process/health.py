"""Checks whether the process is alive and ready, and serves the endpoints at which operators see the result."""

import asyncio
import hashlib
import logging
from dataclasses import dataclass, field
from itertools import repeat

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from domain.errors import Unavailable
from gateway.callers.keys import IssuerKeys
from gateway.process.drain import Drain
from gateway.process.metrics import MEDIA_TYPE, Metrics
from store.driver import ping, why
from store.feed import Feed
from store.outage import Outage
from store.verifications import Store

logger = logging.getLogger(__name__)

# How long a readiness check waits for MongoDB. Probes give up sooner than the store does, so this is shorter than the store's timeout.
PROBE_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 0.05
MAX_FEED_AGE_SECONDS = 5.0
MAX_CLOCK_DIFFERENCE_SECONDS = 5.0


@dataclass
class Health:
    """Checks whether the process is ready: the database, the indexes, the clock, the issuer's keys and the feed. Also repairs the indexes."""

    store: Store
    feed: Feed
    drain: Drain
    published: IssuerKeys | None = None
    prepared: bool = field(default=False)
    outage: Outage = field(default_factory=lambda: Outage(logger, "MongoDB answers"))

    async def prepare(self) -> None:
        """Build the missing indexes. An index that can't be built does not prevent the process from being ready. Raises: Unavailable."""
        await self.store.index_repair.round()
        self.prepared = True
        self.outage.over()

    def wait_for_mongo(self, error: Unavailable) -> None:
        """Log why the process waits for MongoDB, unless the log says so already."""
        self.outage.failed(f"waiting for MongoDB: {why(error)}")

    async def ready(self) -> None:
        """Wait until `troubles` finds no reason why the process is not ready."""
        for _ in repeat(None):
            if not await self.troubles():
                return
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def troubles(self) -> list[str]:
        """The reasons why the process is not ready, without secrets; empty if it is ready."""
        if self.drain.begun:
            return ["the process is about to end"]
        try:
            sent_at = self.store.now()
            async with asyncio.timeout(PROBE_SECONDS):
                database_time = await ping(self.store.database)
            difference = max((sent_at - database_time).total_seconds(), (database_time - self.store.now()).total_seconds())
        except (Unavailable, TimeoutError):
            return ["MongoDB does not answer"]
        troubles = [] if self.prepared else ["the indexes are not created yet"]
        if difference > MAX_CLOCK_DIFFERENCE_SECONDS:
            troubles.append(f"the clock differs from MongoDB's by {difference:.0f} s; synchronize it")
        if self.published and not self.published.loaded:
            troubles.append("the issuer's keys are not fetched yet from GATEWAY_TOKEN_JWKS_URL")
        age = self.feed.age_seconds
        if age is None or age > MAX_FEED_AGE_SECONDS:
            troubles.append("the feed has not received its heartbeat" + ("" if age is None else f" for {age:.0f} s"))
        return troubles

    @property
    def warnings(self) -> list[str]:
        """What an operator should repair although the process is ready: indexes that are missing. The log says why they can't be built."""
        missing = sorted(self.store.index_repair.missing or ())
        return [f"the index {name} is missing" for name in missing] if self.prepared else []


class Probes:
    """The endpoints for operators: `/livez`, `/readyz`, `/metrics`, and `/schema.graphql` unless `sdl` (the schema's text) is None."""

    def __init__(self, health: Health, metrics: Metrics, sdl: str | None) -> None:
        self._health = health
        self._metrics = metrics
        self._sdl = sdl or ""
        self._tag = f'"{hashlib.sha256(self._sdl.encode()).hexdigest()[:32]}"'

    @property
    def routes(self) -> list[Route]:
        """The endpoints as Starlette's routes, for the application."""
        return [
            Route("/livez", self.livez),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
            *([Route("/schema.graphql", self.schema)] if self._sdl else []),
        ]

    async def livez(self, request: Request) -> Response:
        """Status 200 with a short text, for liveness probes. Nothing is checked: a response proves that the process is alive."""
        return PlainTextResponse("alive\n")

    async def readyz(self, request: Request) -> Response:
        """Status 200 if the process is ready, otherwise 503. The body lists why it is not ready, and faults that don't keep it from serving."""
        troubles = await self._health.troubles()
        body = {"ready": not troubles, "troubles": troubles, "warnings": self._health.warnings}
        return JSONResponse(body, 503 if troubles else 200)

    async def metrics(self, request: Request) -> Response:
        """All metrics, in Prometheus's text format."""
        return Response(await self._metrics.combined_exposition(), headers={"content-type": MEDIA_TYPE})

    async def schema(self, request: Request) -> Response:
        """The schema as SDL; status 304 without a body if the client already has this version."""
        headers = {"etag": self._tag, "cache-control": "no-cache"}
        cached = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
        if cached & {self._tag, "*"}:
            return Response(status_code=304, headers=headers)
        return PlainTextResponse(self._sdl + "\n", headers=headers, media_type="application/graphql")
