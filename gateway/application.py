"""The application: everything that the process is made of, put together in one place."""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route, WebSocketRoute

from domain.deadlines import Windows
from domain.errors import Unavailable
from gateway import sandbox
from gateway.drain import Drain
from gateway.execution import Execution
from gateway.health import Health
from gateway.http import GraphQLOverHTTP
from gateway.metrics import Metrics
from gateway.probes import Probes
from gateway.requests import RequestIds
from gateway.settings import Settings, secret
from gateway.sweeper import sweeping
from gateway.tokens import Tokens
from gateway.websocket import GraphQLOverWebSocket
from providers.sandbox import Sandbox
from resolvers.context import Services
from schema.build import build
from store.driver import close, connect, watching
from store.feed import Feed
from store.verifications import Clock, Store, utc_now

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0


def application(settings: Settings, pages: Sequence[BaseRoute] = (), now: Clock = utc_now) -> Starlette:
    """The gateway as an ASGI application. To be made where an event loop runs."""
    uri = secret(settings, "mongo_uri")
    client, watcher = connect(uri, settings.database_seconds), watching(uri)
    store = Store(client, now, patience_seconds=settings.request_seconds / 2)
    feed = Feed(store, watcher)
    drain = Drain()
    health = Health(store, feed, drain)
    tokens = token_reader(settings, now)
    metrics = Metrics(feed)
    services = Services(
        store=store,
        feed=feed,
        provider=Sandbox(str(settings.public_url), secret(settings, "signing_key").encode()),
        windows=windows(settings),
        fingerprint=fingerprint(secret(settings, "fingerprint_key").encode()),
        follow_token=tokens.follow_token,
        count_ignored_result=metrics.ignored_results.inc,
    )
    schema = build()
    execution = Execution(schema, services, metrics, drain, settings.request_seconds)
    probes = Probes(health, metrics, schema.as_str())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(kept("preparation", lambda: preparation(health))),
            asyncio.create_task(kept("feed", feed.run)),
            asyncio.create_task(kept("sweeper", lambda: sweeping(store, settings.sweep_seconds))),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            close(client)
            close(watcher)

    app = Starlette(
        routes=[
            Route("/graphql", GraphQLOverHTTP(execution, tokens, drain).answer, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", GraphQLOverWebSocket(execution, tokens, metrics, drain).serve),
            *probes.routes,
            *sandbox.routes(services),
            *pages,
        ],
        middleware=[Middleware(RequestIds)],
        lifespan=lifespan,
    )
    app.state.drain, app.state.health = drain, health
    return app


def token_reader(settings: Settings, now: Clock) -> Tokens:
    """What reads and issues tokens."""
    return Tokens(secret(settings, "token_key"), secret(settings, "signing_key"), now, issuer=settings.token_issuer, audience=settings.token_audience)


def windows(settings: Settings) -> Windows:
    """The windows of time."""
    return Windows(timedelta(seconds=settings.link_window_seconds), timedelta(seconds=settings.verification_window_seconds))


def fingerprint(key: bytes) -> Callable[[str], str]:
    """What tells two inputs apart and nothing of what they hold: HMAC-SHA256 in hex."""
    return lambda text: hmac.digest(key, text.encode(), "sha256").hex()


async def preparation(health: Health) -> None:
    """Prepare the database as soon as it is there."""
    while not health.prepared:
        try:
            await health.prepare()
        except Unavailable:
            logger.warning("waiting for MongoDB")
            await asyncio.sleep(PAUSE_SECONDS)


async def kept(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do the work, and again should it fail: nothing that lives as long as the process may end before it."""
    while True:
        try:
            return await work()
        except Exception as error:
            logger.error("the %s failed (%s) and begins anew", name, type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
