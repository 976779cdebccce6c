"""The application: everything that the process is made of, put together in one place."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from gateway.callbacks import sandbox as callbacks
from gateway.callers.admission import Admission, Capacity
from gateway.callers.keys import IssuerKeys, KeyFile, PublishedKeys
from gateway.callers.rate import Rate
from gateway.callers.tokens import Tokens, Trust
from gateway.operations.documents import Documents
from gateway.operations.execution import Execution
from gateway.operations.live import Live
from gateway.operations.trusted import BadManifest
from gateway.operations.trusted import read as manifest
from gateway.process.background import kept, preparation
from gateway.process.drain import Drain
from gateway.process.health import Health, Probes
from gateway.process.metrics import Metrics
from gateway.settings import BadSettings, Settings
from gateway.transports.entrance import Check, Direct, DirectSockets, Entered, Entrance
from gateway.transports.http import GraphQLOverHTTP
from gateway.transports.origins import Hosts, Origins, origin_of
from gateway.transports.responses import Headers
from gateway.transports.websocket import GraphQLOverWebSocket
from lifecycle.changes import Changes
from lifecycle.sweeper import chores, sweeping
from providers.sandbox import Sandbox
from resolvers.context import Services
from schema.build import build, executable
from store.driver import close, connect, watching
from store.feed import Feed
from store.sealing import Keys
from store.verifications import Clock, Store, utc_now

PATH = "/graphql"


def application(settings: Settings, pages: Sequence[BaseRoute] = (), now: Clock = utc_now, local: bool = False) -> Starlette:
    """The gateway as an ASGI application, on a developer's machine (`local`) or where it faces users. To be made where an event loop runs."""
    uri = settings.mongo_uri.get_secret_value()
    client, watcher = connect(uri, settings.database_seconds), watching(uri)
    keys = Keys(settings.data_keys.get_secret_value())
    store = Store(client, keys, now, patience_seconds=settings.request_seconds / 2)
    feed = Feed(store, watcher)
    drain = Drain()
    published = published_keys(settings)
    tokens = token_reader(settings, now, published)
    health = Health(store, feed, drain, published)
    metrics = Metrics(feed, store.bad_documents)
    capacity = Capacity(settings.max_sockets, settings.max_sockets_per_address, settings.max_sockets_per_subject)
    admission = Admission(capacity, metrics.count_refused)
    sandbox = Sandbox(str(settings.public_url), [key.encode() for key in settings.signing_keys])
    changes = Changes(store, sandbox, settings.windows, metrics.ignored_results.inc)
    services = Services(
        store=store,
        feed=feed,
        changes=changes,
        fingerprint=fingerprint(settings.fingerprint_key.get_secret_value().encode()),
        follow_token=tokens.follow_token,
    )
    schema = build()
    rate = Rate(settings.rate_cost_per_second, settings.rate_burst_cost)
    execution = Execution(
        executable(schema),
        documents(settings, executable(schema)),
        services,
        metrics,
        drain,
        request_seconds=settings.request_seconds,
        max_cost=settings.max_cost,
        rate=rate,
        introspection=settings.introspection,
    )
    live = Live(execution, rate)
    probes = Probes(health, metrics, schema.as_str() if settings.introspection else None)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(kept("preparation", lambda: preparation(health))),
            asyncio.create_task(kept("feed", feed.run)),
            *(
                asyncio.create_task(kept(f"sweeper of what is to be {chore.done}", partial(sweeping, chore, settings.sweep_seconds)))
                for chore in chores(store, changes, settings.retention)
            ),
        ]
        if published:
            tasks.append(asyncio.create_task(kept("keeping of the issuer's keys", lambda: published.run(tokens.forget))))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            close(client)
            close(watcher)

    entrance = front(settings, metrics, local)
    http = GraphQLOverHTTP(execution, live, tokens, drain, admission)
    sockets = GraphQLOverWebSocket(execution, live, tokens, metrics, drain, admission)
    app = Starlette(
        routes=[
            Route(PATH, http),
            *probes.routes,
            *callbacks.routes(sandbox, changes, store, settings.windows),
            *pages,
        ],
        middleware=[Middleware(Entered, entrance), *trusted_proxies(settings), Middleware(DirectSockets, PATH, sockets)],
        lifespan=lifespan,
    )
    # To lead from one spelling of a path to another, Starlette would trust the `Host` header.
    app.router.redirect_slashes = False
    app.state.drain, app.state.health, app.state.metrics = drain, health, metrics
    app.state.direct = Direct(PATH, entrance, http)
    return app


def front(settings: Settings, metrics: Metrics, local: bool) -> Entrance:
    """What every request passes first."""
    allowed = [origin_of(settings.public_url), *settings.allowed_origins]
    checks: list[Check] = [Origins(allowed, metrics.count_refused, local)]
    if local:
        checks.insert(0, Hosts([settings.host, settings.public_url.host or ""], metrics.count_refused))
    return Entrance(checks, Headers(settings.public_url.scheme == "https"))


def trusted_proxies(settings: Settings) -> list[Middleware]:
    """What takes their word for where a client is, where there are any."""
    trusted = settings.trusted_proxies
    return [Middleware(ProxyHeadersMiddleware, [*trusted])] if trusted else []


def token_reader(settings: Settings, now: Clock, published: IssuerKeys | None = None) -> Tokens:
    """What reads and issues tokens."""
    trust = Trust(
        settings.token_key.get_secret_value() if settings.token_key else None,
        published,
        settings.token_issuer,
        settings.token_audience,
        timedelta(seconds=settings.token_max_seconds),
    )
    return Tokens(trust, settings.signing_keys, now)


def published_keys(settings: Settings) -> IssuerKeys | None:
    """Where the issuer's public keys are. Raises: BadSettings where a file holds none, or there is an address too."""
    if settings.token_jwks_url and settings.token_jwks_file:
        raise BadSettings({"token_jwks_file": "is one too many, since GATEWAY_TOKEN_JWKS_URL is set"})
    if settings.token_jwks_url:
        return PublishedKeys(str(settings.token_jwks_url))
    if not settings.token_jwks_file:
        return None
    try:
        return KeyFile(settings.token_jwks_file)
    except (OSError, ValueError, KeyError, TypeError):
        raise BadSettings({"token_jwks_file": "can't be read, or holds no public key that can be used"}) from None


def documents(settings: Settings, schema: GraphQLSchema) -> Documents:
    """The operation documents. Raises: BadSettings where the trusted ones can't be used, or none are named and there are to be no others."""
    path, mode = settings.trusted_documents, settings.documents
    if mode != "open" and not path:
        raise BadSettings({"trusted_documents": f"is missing: with GATEWAY_DOCUMENTS={mode}, no document would be a trusted one"})
    try:
        trusted = manifest(path) if path else None
        return Documents(schema, settings.introspection, persisted_queries=settings.persisted_queries, trusted=trusted, mode=mode)
    except BadManifest as bad:
        raise BadSettings({"trusted_documents": str(bad)}) from None


def fingerprint(key: bytes) -> Callable[[str], str]:
    """What tells two inputs apart and nothing of what they hold: HMAC-SHA256 in hex."""
    return lambda text: hmac.digest(key, text.encode(), "sha256").hex()
