"""Creates and connects the objects of the process. The adapters of the providers are created by `provision.py`."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib import import_module
from importlib.metadata import version

import httpx2
from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route
from starlette.types import Lifespan
from strawberry import Schema

from domain.caller import Caller, FollowToken
from gateway.callbacks import links as link_callbacks
from gateway.callbacks import sandbox as callbacks
from gateway.callbacks.webhooks import webhook_routes
from gateway.callers.admission import Admission, Capacity
from gateway.callers.buckets import Buckets
from gateway.callers.charging import Charging
from gateway.callers.keys import IssuerKeys, KeyFile, PublishedKeys
from gateway.callers.rate import Rate
from gateway.callers.tokens import Tokens, Trust
from gateway.operations.documents import Documents
from gateway.operations.execution import Execution
from gateway.operations.live import Live
from gateway.operations.traced import TracedExecution, TracedLive
from gateway.operations.trusted import BadManifest, read_manifest
from gateway.pages.follow import Renewals, follow_routes
from gateway.pages.page import PublicFile
from gateway.process.audit import AuditFailures, AuditLog, BadAuditLog
from gateway.process.background import checking, counting, measuring, preparation, reporting, restarted, showing_budgets
from gateway.process.database_metrics import DatabaseCollector
from gateway.process.drain import Drain, Leave
from gateway.process.health import Health
from gateway.process.metrics import Metrics, TokenCollector
from gateway.process.probes import Probes, PublicSchema
from gateway.process.traces import Traces
from gateway.process.upkeep import showing_upkeep
from gateway.provision import Provision, provider_client
from gateway.settings import BadSettings, Settings
from gateway.transports.connection_places import ConnectionPlaces
from gateway.transports.credentials import AUTHORIZATION, Unrepeated
from gateway.transports.entrance import Application, Entrance, Process
from gateway.transports.http import GraphQLOverHTTP
from gateway.transports.origins import Hosts, Origins, origin_of
from gateway.transports.requests import identify
from gateway.transports.responses import Headers
from gateway.transports.socket_connection import same_frame
from gateway.transports.websocket import GraphQLOverWebSocket
from lifecycle.archive import Archive
from lifecycle.changes import Changes
from lifecycle.creation import Creation
from lifecycle.deliveries import OutgoingWebhooks
from lifecycle.intake import Intake
from lifecycle.reconciliation import Reconciliation
from lifecycle.sweeper import chores, sweeping
from providers.backend import opened_backend
from providers.choice import Providers
from providers.sandbox import SANDBOX_SIGNATURE, Sandbox
from providers.yousign import SIGNATURE_HEADER
from resolvers.context import Services, nothing_recorded
from schema.build import build, executable
from store.driver import Client, close_client, connect, watching
from store.feed import Feed
from store.monitoring.commands import CommandCounts
from store.monitoring.connections import ConnectionCounts
from store.queues.provider_queries import ProviderQueries
from store.sealing import SealingKeys
from store.upkeep.rounds import all_states
from store.verifications import Clock, Store, utc_now

# The name of the installed package, whose version the metrics show.
DISTRIBUTION = "verification-gateway"
COUNT_STARTS_SECONDS = 10.0
MEASURE_DELIVERIES_SECONDS = 10.0
MEASURE_INBOX_SECONDS = 10.0
MEASURE_QUERIES_SECONDS = 10.0
MEASURE_UPKEEP_SECONDS = 10.0
# How long recording a webhook may take. A provider may stop waiting before that (Yousign after a second). It then sends the webhook again, which is
# harmless: the inbox records each webhook once.
RECORD_WEBHOOK_SECONDS = 5.0

# The functions of tasks that run in the background, by the names of the tasks in the log.
Tasks = dict[str, Callable[[], Awaitable[None]]]


def application(
    settings: Settings, pages: Sequence[BaseRoute] = (), now: Clock = utc_now, local: bool = False, traces: Traces | None = None
) -> Application:
    """Create the gateway's application. `pages`: routes of HTML pages. `local`: whether the gateway runs on a developer's machine.

    `traces`: None if the settings decide whether operations are traced. This function needs a running event loop.
    Raises: BadAddress if the MongoDB URI is not valid; BadProvidersFile; OSError if the archive can't be written; BadSettings if settings contradict
            each other, or name another file that can't be used.
    """
    traces = traces or traces_of(settings)
    client, watcher, database = clients_of(settings, traces)
    store = store_of(settings, client, now, traces)
    feed = Feed(store, watcher)

    drain, issuer_keys = Drain(settings.drain_delay_seconds), keys_of_issuer(settings)
    tokens = token_reader(settings, now, issuer_keys)
    health = Health(store, feed, drain, issuer_keys)
    metrics = metrics_of(store, feed, database, TokenCollector(tokens.refusals, issuer_keys))
    audit = audit_log_of(settings, metrics, now)
    rate, admission = rate_of(settings), admission_of(settings, metrics)
    charging = charging_of(settings, rate, metrics, feed)

    http_client = provider_client(traces.client if traces else httpx2.AsyncClient)
    provision = Provision(settings, http_client, metrics.providers, local)
    providers, links = provision.providers, provision.links
    creation = creation_of(settings, store, provision, metrics)
    changes = changes_of(settings, store, providers, creation, metrics)
    intake = intake_of(settings, store, provision, changes, metrics)
    reconciliation = reconciliation_of(store, provision, changes, intake, creation, metrics)
    outgoing = OutgoingWebhooks(store, feed, provision.deliveries, metrics.deliveries.count)
    record, issue = audit.record if audit else nothing_recorded, issuing(tokens, provision.renewals)
    services = Services(store, feed, changes, links, outgoing, fingerprint(settings), issue, rate, record, metrics.count_refusal)

    schema, probes = build(), Probes(health, metrics)
    execution = execution_of(settings, executable(schema), services, metrics, drain, rate, audit, traces)
    live = live_of(execution, settings, feed, traces)

    routes: list[BaseRoute] = [
        *open_routes(settings, probes, schema),
        *callbacks.routes(providers, changes, intake, store, settings.windows),
        *webhook_routes(intake),
        *link_callbacks.routes(links, changes, store),
        *(*pages, *follow_routes(provision.renewals)),
    ]
    return Application(
        entrance(settings, metrics, local, traces, routes),
        GraphQLOverHTTP(execution, live, tokens, metrics, drain, admission, charging),
        GraphQLOverWebSocket(execution, live, tokens, metrics, drain, admission, charging),
        routes,
        settings.trusted_proxies,
        lifespan(
            background_tasks(settings, store, feed, health, metrics, tokens, issuer_keys)
            | sweeper_tasks(settings, store, providers, changes, creation, intake, metrics)
            | reconciliation_tasks(settings, reconciliation, metrics)
            | delivery_tasks(outgoing, metrics, traces),
            partial(starting, creation, intake, provision.sandbox, drain, http_client, [reconciliation.leave, outgoing.leave]),
            [partial(close_client, client), partial(close_client, watcher), *(each.close for each in (traces, audit) if each)],
        ),
        process_of(settings, drain, health, metrics, probes, None if local else partial(read_files_again, provision, issuer_keys)),
    )


def clients_of(settings: Settings, traces: Traces | None) -> tuple[Client, Client, DatabaseCollector]:
    """Create the client of MongoDB for requests, that of the change stream, and the metrics of both. Raises: BadAddress."""
    uri = settings.mongo_uri.get_secret_value()
    database = DatabaseCollector(CommandCounts(), {"main": ConnectionCounts(), "feed": ConnectionCounts()})
    listeners = [*database.listeners("main"), *([traces.listener] if traces else [])]
    return connect(uri, settings.database_seconds, listeners), watching(uri, database.listeners("feed")), database


def metrics_of(store: Store, feed: Feed, database: DatabaseCollector, tokens: TokenCollector) -> Metrics:
    """Create the metrics of the process."""
    metrics = Metrics(feed, store.bad_documents, store.index_repair, version(DISTRIBUTION))
    metrics.register(database)
    metrics.register(tokens)
    metrics.show("gateway_waiting_writers", "Changes that wait because another one changes the same verification", lambda: store.turns.waiting)
    return metrics


def open_routes(settings: Settings, probes: Probes, schema: Schema) -> list[Route]:
    """The routes that need no token: the endpoints for operators, unless they have a port of their own, and the schema, if clients may read it."""
    return [*([] if settings.admin_port else probes.routes), *(PublicSchema(schema.as_str()).routes if settings.introspection else [])]


def creation_of(settings: Settings, store: Store, provision: Provision, metrics: Metrics) -> Creation:
    """Create the object that starts verifications.

    Starts that a provider denied, for example because of a wrong API key, are repeated as soon as the providers file was read again.
    """
    queries = ProviderQueries(store, settings.query_schedule)
    creation = Creation(store, provision.providers, provision.links, metrics.providers.count_creation, queries=queries)
    provision.on_reload += [creation.resume]
    return creation


def changes_of(settings: Settings, store: Store, providers: Providers, creation: Creation, metrics: Metrics) -> Changes:
    """Create the object that creates and changes verifications. Raises: OSError if the archive of the settings can't be written."""
    archive = Archive(settings.archive) if settings.archive else None
    return Changes(store, providers, creation, settings.windows, metrics.ignored_results.inc, settings.anonymize_references, archive)


def process_of(settings: Settings, drain: Drain, health: Health, metrics: Metrics, probes: Probes, reload: Callable[[], None] | None) -> Process:
    """Collect the objects of the process that the server and the commands use."""
    places = ConnectionPlaces(settings.max_connections_per_address, settings.trusted_proxies)
    return Process(drain, health, metrics, places, settings.idle_seconds, Starlette(routes=probes.routes), reload)


def read_files_again(provision: Provision, issuer_keys: IssuerKeys | None) -> None:
    """At SIGHUP, read again the files that the settings name: the providers file, and the file with the issuer's keys."""
    provision.reload()
    if isinstance(issuer_keys, KeyFile):
        issuer_keys.reread()


def store_of(settings: Settings, client: Client, now: Clock, traces: Traces | None = None) -> Store:
    """Create the store, with the keys and the time limits of the settings."""
    keys = SealingKeys(settings.data_keys.get_secret_value())
    comment_of = traces.comment if traces else None
    return Store(client, keys, now, settings.database_seconds, settings.feed_resumption, settings.count_seconds, comment_of)


def traces_of(settings: Settings) -> Traces | None:
    """Create the object that traces operations; None if traces are off. Raises: BadSettings if OpenTelemetry is not installed."""
    if not settings.tracing:
        return None
    try:
        # The module is imported here and not at the top, so that nothing of OpenTelemetry is loaded while traces are off.
        traces: Traces = import_module("gateway.process.tracing").OpenTelemetryTraces(version(DISTRIBUTION))
    except ImportError:
        raise BadSettings({"tracing": "needs OpenTelemetry: install the package with its extra `otel`"}) from None
    return traces


def rate_of(settings: Settings) -> Rate:
    """Create the object that limits how much the operations of each caller, and of each workspace, may cost in a period."""
    per_second, burst = settings.workspace_rate
    return Rate(settings.rate_cost_per_second, settings.rate_burst_cost, workspace_per_second=per_second, workspace_burst=burst)


def admission_of(settings: Settings, metrics: Metrics) -> Admission:
    """Create the object that limits how many sockets and event streams are open."""
    capacity = Capacity(settings.max_sockets, settings.max_sockets_per_address, settings.max_sockets_per_subject)
    admission = Admission(capacity, metrics.count_refused)
    metrics.show("gateway_long_lived_connections", "Open WebSockets and event streams whose token was verified", lambda: admission.open)
    metrics.show("gateway_long_lived_connections_limit", "The maximum number of them (GATEWAY_MAX_SOCKETS)", lambda: admission.max_open)
    return admission


def audit_log_of(settings: Settings, metrics: Metrics, now: Clock) -> AuditLog | None:
    """Open the audit log; None if there is none. Raises: BadSettings if its file can't be written."""
    if not settings.audit_log:
        return None
    try:
        audit = AuditLog(settings.audit_log, now)
    except BadAuditLog:
        raise BadSettings({"audit_log": "names a file that can't be written"}) from None
    metrics.register(AuditFailures(audit))
    return audit


def live_of(execution: Execution, settings: Settings, feed: Feed, traces: Traces | None) -> Live:
    """Create the object that executes subscriptions. When a verification is anonymized, this object drops its messages about that verification."""
    kind = partial(TracedLive, traces) if traces else Live
    # Messages are paid for from separate buckets. Otherwise many messages would use up the rate of the same caller's queries.
    live = kind(execution, rate_of(settings), same_frame.cache_clear)
    feed.on_anonymized = live.forget
    return live


def charging_of(settings: Settings, rate: Rate, metrics: Metrics, feed: Feed) -> Charging:
    """Create the object that charges for requests and messages before their operation is determined. It holds the buckets of addresses.

    The feed regularly writes a heartbeat into MongoDB. The heartbeat also says whether this process sees only private addresses, for `gateway check`.
    """
    addresses = Buckets(settings.address_refusals_per_second, settings.address_burst_refusals)
    charging = Charging(rate, addresses, settings.trusted_proxies, metrics.count_refused)
    feed.sees_only_private_addresses = charging.sees_only_private_addresses
    return charging


def intake_of(settings: Settings, store: Store, provision: Provision, changes: Changes, metrics: Metrics) -> Intake:
    """Create the object that receives webhooks: those of providers, and those of the sandbox inside this process."""
    count, count_unusual = metrics.providers.count_webhook, metrics.providers.unusual_results.inc
    intake = Intake(store, provision.providers, changes, count, count_unusual, min(RECORD_WEBHOOK_SECONDS, settings.database_seconds))
    provision.sandbox.send = intake.receive
    return intake


def reconciliation_of(store: Store, provision: Provision, changes: Changes, intake: Intake, creation: Creation, metrics: Metrics) -> Reconciliation:
    """Create the object that queries providers for results.

    Queries that a provider denied, for example because of a wrong API key, are repeated as soon as the providers file was read again.
    """
    reconciliation = Reconciliation(store, provision.providers, changes, intake, creation.queries, metrics.providers.count_query)
    provision.on_reload += [reconciliation.resume]
    return reconciliation


def execution_of(
    settings: Settings,
    graphql: GraphQLSchema,
    services: Services,
    metrics: Metrics,
    drain: Drain,
    rate: Rate,
    audit: AuditLog | None,
    traces: Traces | None,
) -> Execution:
    """Create the object that executes operations, with the limits of the settings. Raises: BadSettings."""
    kind = partial(TracedExecution, traces) if traces else Execution
    return kind(
        graphql,
        documents(settings, graphql),
        services,
        metrics,
        drain,
        request_seconds=settings.request_seconds,
        max_cost=settings.max_cost,
        rate=rate,
        introspection=settings.introspection,
        audit=audit.record_read if audit else None,
    )


def background_tasks(
    settings: Settings, store: Store, feed: Feed, health: Health, metrics: Metrics, tokens: Tokens, issuer_keys: IssuerKeys | None
) -> Tasks:
    """The tasks that need no provider, by their names in the log: the indexes, the feed, the issuer's keys, and measurements for the metrics."""
    tasks: Tasks = {
        "preparation": partial(preparation, health),
        "check of the dependencies": partial(checking, health, metrics.report_dependencies),
        "feed": feed.run,
        "count of stuck verifications": partial(counting, store, settings.processing, metrics.stuck.set),
        "measurement of the event loop": metrics.loop_lag.measure,
        "count of the busiest workspaces": metrics.workspaces.run,
        "measurement of the upkeep": partial(showing_upkeep, partial(all_states, store.database), metrics.upkeep, MEASURE_UPKEEP_SECONDS),
    }
    if issuer_keys:
        tasks["refresh of the issuer's keys"] = partial(issuer_keys.run, tokens.forget)
    return tasks


def sweeper_tasks(
    settings: Settings, store: Store, providers: Providers, changes: Changes, creation: Creation, intake: Intake, metrics: Metrics
) -> Tasks:
    """The tasks of the sweeper, and those that measure how much work waits, by their names in the log."""
    age, report_age = store.inbox.oldest_waiting_seconds, metrics.providers.oldest_webhook_seconds.set
    return {
        "measurement of the inbox": partial(measuring, age, report_age, MEASURE_INBOX_SECONDS),
        "count of the inbox": partial(measuring, store.inbox.count_waiting, metrics.providers.waiting_webhooks.set, MEASURE_INBOX_SECONDS),
        "count of unfinished creations": partial(reporting, creation.unfinished, metrics.providers, COUNT_STARTS_SECONDS),
        **{
            f"sweeper ({chore.done})": partial(sweeping, chore, settings.sweep_seconds, metrics.backlogs.of(chore))
            for chore in [*chores(store, providers, changes, creation, settings.periods), intake.chore]
        },
    }


def reconciliation_tasks(settings: Settings, reconciliation: Reconciliation, metrics: Metrics) -> Tasks:
    """The tasks that query providers for results, by their names in the log."""
    report_age = metrics.providers.oldest_query_seconds.set
    return {
        "measurement of the queries": partial(measuring, reconciliation.oldest_due_seconds, report_age, MEASURE_QUERIES_SECONDS),
        "measurement of the budgets": partial(showing_budgets, reconciliation.left, metrics.providers, MEASURE_QUERIES_SECONDS),
        **{
            f"sweeper ({chore.done})": partial(sweeping, chore, settings.sweep_seconds, metrics.backlogs.of(chore)) for chore in reconciliation.chores
        },
    }


def delivery_tasks(outgoing: OutgoingWebhooks, metrics: Metrics, traces: Traces | None) -> Tasks:
    """The tasks that send webhooks to the integrators' backends, by their names in the log."""
    report = metrics.deliveries.oldest_seconds.set
    return {
        "deliveries": partial(delivering, outgoing, traces.client if traces else httpx2.AsyncClient),
        "count of the deliveries": partial(measuring, outgoing.count_waiting, metrics.deliveries.waiting.set, MEASURE_DELIVERIES_SECONDS),
        "age of the oldest delivery": partial(measuring, outgoing.oldest_waiting_seconds, report, MEASURE_DELIVERIES_SECONDS),
    }


async def delivering(outgoing: OutgoingWebhooks, make: Callable[..., httpx2.AsyncClient]) -> None:
    """Send webhooks until cancelled. `make`: creates the HTTP client."""
    async with opened_backend(make) as backend:
        await outgoing.run(backend.send)


@asynccontextmanager
async def starting(
    creation: Creation, intake: Intake, sandbox: Sandbox, drain: Drain, client: httpx2.AsyncClient, others: Sequence[Leave] = ()
) -> AsyncIterator[None]:
    """A context in which verifications are started at providers, and webhooks applied.

    When the process drains, the starts and the webhooks that are under way are finished or left to other processes. `others`: functions that do the
    same for other work.
    """

    async def leave() -> None:
        await asyncio.gather(creation.leave(), intake.leave(), *(each() for each in others))

    async with client:
        try:
            with drain.holding(leave):
                yield
        finally:
            await creation.end()
            await sandbox.end()
            await intake.end()


def entrance(settings: Settings, metrics: Metrics, local: bool, traces: Traces | None = None, routes: Sequence[BaseRoute] = ()) -> Entrance:
    """Create the entrance, with the hooks that see every request, in the order in which they run. `routes`: all routes of the application."""
    public = [route for route in routes if isinstance(route, PublicFile)]
    names = [settings.host, settings.public_url.host or ""]
    allowed = [origin_of(settings.public_url), *settings.allowed_origins]
    origins = Origins(allowed, metrics.count_refused, local, settings.allowed_headers, public)
    return Entrance(
        before=[
            identify,
            *([traces.accept] if traces else []),
            *([Hosts(names, metrics.count_refused)] if local else []),
            origins,
            Unrepeated((AUTHORIZATION, SIGNATURE_HEADER, SANDBOX_SIGNATURE), metrics.count_refused),
        ],
        after=[metrics.count_response],
        headers=Headers(https=settings.public_url.scheme == "https"),
        unread=[identify, origins.share_refusal],
    )


def token_reader(settings: Settings, now: Clock, published: IssuerKeys | None = None) -> Tokens:
    """Create the object that verifies callers' tokens and issues follow tokens. `published`: the issuer's public keys, if there are any."""
    trust = Trust(
        settings.token_key.get_secret_value() if settings.token_key else None,
        published,
        settings.token_issuer,
        settings.token_audience,
        timedelta(seconds=settings.token_max_seconds),
    )
    return Tokens(trust, settings.signing_keys, now)


def issuing(tokens: Tokens, renewals: Renewals) -> Callable[[Caller, str, timedelta], FollowToken]:
    """The function that issues follow tokens, each with the reference to the address that renews it, if its workspace has one."""
    return lambda caller, chain, ttl: tokens.follow_token(caller, chain, ttl, renewals.reference(caller.workspace))


def keys_of_issuer(settings: Settings) -> IssuerKeys | None:
    """The public keys of the token issuer, from the URL or the file in the settings. Returns None if neither is set.

    Raises: BadSettings if both are set, or the file has no usable key.
    """
    if settings.token_jwks_url and settings.token_jwks_file:
        raise BadSettings({"token_jwks_file": "can't be set together with GATEWAY_TOKEN_JWKS_URL; unset one of them"})
    if settings.token_jwks_url:
        return PublishedKeys(str(settings.token_jwks_url))
    if not settings.token_jwks_file:
        return None
    try:
        return KeyFile(settings.token_jwks_file)
    except (OSError, ValueError, KeyError, TypeError):
        raise BadSettings({"token_jwks_file": "can't be read, or holds no public key that can be used"}) from None


def documents(settings: Settings, schema: GraphQLSchema) -> Documents:
    """Create the object that keeps operation documents. It contains the trusted documents, which the file GATEWAY_TRUSTED_DOCUMENTS lists.

    Raises: BadSettings if this file can't be used, or is not set although the mode in GATEWAY_DOCUMENTS needs it.
    """
    path, mode = settings.trusted_documents, settings.documents
    if mode != "open" and not path:
        raise BadSettings({"trusted_documents": f"is missing; GATEWAY_DOCUMENTS={mode} needs a manifest"})
    try:
        trusted = read_manifest(path) if path else None
        return Documents(schema, settings.introspection, persisted_queries=settings.persisted_queries, trusted=trusted, mode=mode)
    except BadManifest as bad:
        raise BadSettings({"trusted_documents": str(bad)}) from None


def fingerprint(settings: Settings) -> Callable[[str], str]:
    """The function that computes the fingerprint of a mutation's input: its HMAC-SHA256, in hex. A fingerprint does not reveal the input.

    It is stored with an idempotency key, to refuse a second request that has the same key but another input.
    """
    key = settings.fingerprint_key.get_secret_value().encode()
    return lambda text: hmac.digest(key, text.encode(), "sha256").hex()


def lifespan(
    tasks: Mapping[str, Callable[[], Awaitable[None]]],
    starting: Callable[[], AbstractAsyncContextManager[None]],
    closing: Sequence[Callable[[], None]],
) -> Lifespan[Starlette]:
    """The lifespan of the application: runs background tasks while the process serves, and calls the functions in `closing` when the process ends.

    `tasks`: the functions that run in the background, by their names in the log. A task that fails is restarted. `starting`: returns the context in
    which verifications are started and webhooks applied.
    """

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        background = [asyncio.create_task(restarted(name, work)) for name, work in tasks.items()]
        try:
            async with starting():
                yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            for close in closing:
                close()

    return running
