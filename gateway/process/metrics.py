"""The metrics of the process, which Prometheus reads from `/metrics`."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.types import Scope

from domain.query_budget import QueryBudget
from gateway.callers.keys import IssuerKeys
from gateway.callers.token_refusals import TokenFault, TokenRefusals
from gateway.process.database_metrics import FeedCollector, or_nan
from gateway.process.process_metrics import register_process
from gateway.process.request_metrics import OperationLabel, Requests, counter_of
from gateway.process.upkeep import UpkeepMetrics
from gateway.process.workspaces import BusiestWorkspaces
from lifecycle.sweeper import Backlog, Chore
from store.bad_documents import BadDocuments
from store.feed import Feed
from store.index_repair import IndexRepair

MEDIA_TYPE = CONTENT_TYPE_LATEST
PROVIDER_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


async def uncombined(own: bytes) -> bytes:
    """Returns `own`, the metrics of this process. It is used if there are no other workers, whose metrics would be added."""
    return own


class Unreadable(Collector):
    """Reports how many stored verifications and values could not be read."""

    def __init__(self, bad_documents: BadDocuments) -> None:
        self._bad_documents = bad_documents

    def collect(self) -> Iterator[Metric]:
        """The metric of unreadable data. prometheus_client calls this method when Prometheus reads the metrics."""
        yield CounterMetricFamily(
            "gateway_bad_documents", "Verifications left out and values answered with null, since they can't be read", value=self._bad_documents.count
        )


class Providing:
    """The metrics of providers. All label values are names of providers, workspaces, operations and outcomes: none contains a secret."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter("gateway_provider_requests_total", "Requests to providers", ["provider", "operation", "outcome"], registry=registry)
        self._seconds = Histogram(
            "gateway_provider_seconds", "How long requests to providers took", ["provider", "operation"], registry=registry, buckets=PROVIDER_BUCKETS
        )
        self._creations = Counter(
            "gateway_creations_total", "Attempts to start verifications at providers over the network", ["provider", "outcome"], registry=registry
        )
        self.remaining = Gauge(
            "gateway_provider_remaining_requests", "Requests that the provider announced to accept until its limit", ["workspace"], registry=registry
        )
        self.unfinished = Gauge("gateway_unfinished_creations", "Verifications that are not started at their provider yet", registry=registry)
        self.oldest_seconds = Gauge("gateway_oldest_creation_seconds", "Age of the oldest of these verifications", registry=registry)
        self._queries = Counter(
            "gateway_queries_total", "Pending verifications that were queried at their providers", ["provider", "outcome"], registry=registry
        )
        self._query_budget = Gauge(
            "gateway_query_budget_left",
            "Queries that the workspace may still send within the running minute and hour, all processes together",
            ["workspace", "within"],
            registry=registry,
        )
        self.oldest_query_seconds = Gauge(
            "gateway_oldest_query_seconds",
            "For how long the oldest query of a pending verification has been due; 0 if none is due",
            registry=registry,
        )
        self.oldest_query_seconds.set(float("nan"))
        self._webhooks = Counter("gateway_webhooks_total", "Webhooks of providers by what became of them", ["provider", "outcome"], registry=registry)
        self.unusual_results = Counter("gateway_unusual_results_total", "Results of providers with unusual reason codes", registry=registry)
        self.oldest_webhook_seconds = Gauge(
            "gateway_oldest_webhook_seconds", "Age of the oldest webhook that waits to be applied; 0 if none waits", registry=registry
        )
        self.waiting_webhooks = Gauge("gateway_waiting_webhooks", "Webhooks that wait to be applied", registry=registry)
        self.waiting_webhooks.set(float("nan"))
        # NaN until the first count: 0 would claim that nothing is unfinished, and that no webhook waits.
        self.unfinished.set(float("nan"))
        self.oldest_seconds.set(float("nan"))
        self.oldest_webhook_seconds.set(float("nan"))

    def observe(self, provider: str, operation: str, outcome: str, seconds: float) -> None:
        """Record a request to a provider, with its outcome and its duration."""
        self._requests.labels(provider, operation, outcome).inc()
        self._seconds.labels(provider, operation).observe(seconds)

    def count_creation(self, provider: str, outcome: str) -> None:
        """Count an attempt to start a verification. `outcome`: such as "started" or "away".

        `Creation` in lifecycle/creation.py lists all outcomes.
        """
        self._creations.labels(provider, outcome).inc()

    def count_query(self, provider: str, outcome: str) -> None:
        """Count a query for the result of a verification. `outcome`: such as "pending" or "result".

        `Reconciliation` in lifecycle/reconciliation.py lists all outcomes.
        """
        self._queries.labels(provider, outcome).inc()

    def report_budgets(self, left: Mapping[str, QueryBudget]) -> None:
        """Show how many queries each workspace may still send. Workspaces that are not in `left` are removed from the metric."""
        self._query_budget.clear()
        for workspace, budget in left.items():
            self._query_budget.labels(workspace, "minute").set(budget.per_minute)
            self._query_budget.labels(workspace, "hour").set(budget.per_hour)

    def count_webhook(self, provider: str, outcome: str) -> None:
        """Count a webhook. `outcome`: such as "received" or "applied". `Intake` in lifecycle/intake.py lists all outcomes."""
        self._webhooks.labels(provider, outcome).inc()


class Delivering:
    """The metrics of the webhooks to the integrators' backends."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tries = Counter("gateway_deliveries_total", "Webhooks sent to backends, by outcome and try", ["outcome", "attempt"], registry=registry)
        self.oldest_seconds = Gauge(
            "gateway_oldest_undelivered_seconds",
            "Age of the oldest event that waits for its delivery, in all workspaces with a backend; every process reports it",
            registry=registry,
        )
        self.waiting = Gauge("gateway_undelivered_verifications", "Verifications with events that wait for their delivery", registry=registry)
        self.waiting.set(float("nan"))
        # NaN until the first report: 0 would claim that no event waits to be delivered.
        self.oldest_seconds.set(float("nan"))

    def count(self, outcome: str, attempt: int) -> None:
        """Count a try. `outcome`: "delivered", "failed" or "given up". `attempt`: the number of the try, from 1 to 9."""
        self._tries.labels(outcome, str(attempt)).inc()


class Backlogs(Collector):
    """Reports how many items each chore of the sweeper found and changed, and when its last sweep ended."""

    def __init__(self) -> None:
        self._chores: dict[str, Backlog] = {}

    def of(self, chore: Chore) -> Backlog:
        """The backlog of a chore, which the sweeper keeps up to date."""
        return self._chores.setdefault(chore.done, Backlog())

    def collect(self) -> Iterator[Metric]:
        """The metrics of the sweeper. prometheus_client calls this method when Prometheus reads the metrics."""
        due = GaugeMetricFamily("gateway_sweep_due", "Items that the last sweep found", labels=["chore"])
        changed = CounterMetricFamily("gateway_swept", "Items that this process changed", labels=["chore"])
        swept_at = GaugeMetricFamily("gateway_sweep_timestamp_seconds", "When the last sweep ended without an error", labels=["chore"])
        for name, backlog in self._chores.items():
            due.add_metric([name], backlog.due)
            changed.add_metric([name], backlog.changed)
            swept_at.add_metric([name], float("nan") if backlog.swept_at is None else backlog.swept_at)
        yield from (due, changed, swept_at)


class TokenCollector(Collector):
    """Reports which tokens were refused, and how old the issuer's keys are. `published`: the issuer's keys, if there are any."""

    def __init__(self, refusals: TokenRefusals, published: IssuerKeys | None) -> None:
        self._refusals = refusals
        self._published = published

    def collect(self) -> Iterator[Metric]:
        """The metrics of tokens. prometheus_client calls this method when Prometheus reads the metrics."""
        refusals = {fault.value: self._refusals.counts[fault] for fault in TokenFault}
        yield counter_of("gateway_token_refusals", "Tokens that were refused, by cause", "cause", refusals)
        age = self._published.age_seconds if self._published else None
        yield GaugeMetricFamily("gateway_issuer_keys_age_seconds", "How long ago the issuer's keys were read", value=or_nan(age))
        failures = self._published.failures if self._published else 0
        description = "How often the issuer's keys could not be fetched, or read again from their file"
        yield CounterMetricFamily("gateway_issuer_key_failures", description, value=failures)


class Metrics:
    """All metrics of the process. Other code calls its methods to count requests, refusals and responses."""

    def __init__(self, feed: Feed, bad_documents: BadDocuments, index_repair: IndexRepair, version: str = "") -> None:
        """`version`: the release of the gateway."""
        self._registry = CollectorRegistry()
        # Adds the metrics of the other workers to those of this process, if several workers serve one port.
        self.combine: Callable[[bytes], Awaitable[bytes]] = uncombined
        self._requests = Requests()
        self.workspaces = BusiestWorkspaces()
        self.backlogs = Backlogs()
        for collector in (Unreadable(bad_documents), self._requests, FeedCollector(feed), self.workspaces, self.backlogs):
            self._registry.register(collector)
        self.loop_lag = register_process(self._registry, version)
        self.errors = Counter("gateway_response_errors_total", "Responses that held errors", registry=self._registry)
        self.subscriptions = Counter("gateway_subscriptions_total", "Subscriptions that were begun", registry=self._registry)
        self.ignored_results = Counter("gateway_ignored_results_total", "Results reported against a different final one", registry=self._registry)
        self.providers = Providing(self._registry)
        self.deliveries = Delivering(self._registry)
        self.upkeep = UpkeepMetrics(self._registry)
        self.stuck = Gauge("gateway_stuck_verifications", "Verifications that wait too long for a result", registry=self._registry)
        # NaN until the first count: 0 would claim that no verification is stuck.
        self.stuck.set(float("nan"))
        self.sockets = Gauge("gateway_sockets", "Open WebSockets", registry=self._registry)
        self.event_streams = Gauge("gateway_event_streams", "Open event streams", registry=self._registry)
        self.refused = Counter("gateway_refused_total", "Connections and requests that were refused unread", ["reason"], registry=self._registry)
        self.show(
            "gateway_missing_indexes",
            "Indexes that are missing in MongoDB",
            lambda: count_of(index_repair.missing),
        )

        self._dependencies = Gauge(
            "gateway_dependency_up", "Whether something that the process needs works; /healthz says why not", ["dependency"], registry=self._registry
        )

    def register(self, collector: Collector) -> None:
        """Add the metrics of a collector."""
        self._registry.register(collector)

    def show(self, name: str, documentation: str, value: Callable[[], float | None]) -> None:
        """Add a gauge whose value is read when Prometheus reads the metrics. A value of None is shown as NaN."""
        Gauge(name, documentation, registry=self._registry).set_function(lambda: or_nan(value()))

    def report_dependencies(self, causes: Mapping[str, str | None]) -> None:
        """Show the state of each dependency. `causes`: why each does not work; None if it works."""
        for name, cause in causes.items():
            self._dependencies.labels(name).set(cause is None)

    def executed(self, label: OperationLabel, code: str, seconds: float, workspace: str, cost: int) -> None:
        """Record a query or mutation: its duration, the workspace of its caller, and its cost.

        `code`: NO_ERROR, ABANDONED or the code of its first error.
        """
        self._requests.executed(label, code, seconds)
        self.workspaces.executed(workspace, cost)

    def count_refused(self, reason: str) -> None:
        """Count a refused connection or request, by the reason of the refusal."""
        self.refused.labels(reason).inc()

    def count_errors(self, errors: Collection[dict[str, Any]]) -> None:
        """Count the errors of a response by their codes."""
        self._requests.count_errors(errors)

    def count_refusal(self, code: str) -> None:
        """Count a mutation that the rules refused, by the code of its refusal."""
        self._requests.count_refusal(code)

    def count_close(self, code: int) -> None:
        """Count a WebSocket that the gateway closes, by the close code."""
        self._requests.count_close(code)

    def count_document(self, kind: str) -> None:
        """Count a request. `kind`: how its document was found (a value of `DocumentSource`), or "refused"."""
        self._requests.count_document(kind)

    def count_response(self, scope: Scope, status: int | None) -> None:
        """Count a response by its status. This is a hook that the entrance calls for every response."""
        self._requests.count_response(status)

    def exposition(self) -> bytes:
        """All metrics of this process, in Prometheus's text format."""
        return generate_latest(self._registry)

    async def combined_exposition(self) -> bytes:
        """All metrics of all workers, in Prometheus's text format; those of this process if it has no other workers."""
        return await self.combine(self.exposition())


def count_of(items: Collection[str] | None) -> int | None:
    """The number of items; None if they are not determined yet."""
    return None if items is None else len(items)
