"""The metrics of the process, which Prometheus reads from `/metrics`."""

from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import accumulate

from graphql import OperationType
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.types import Scope

from domain.query_budget import QueryBudget
from store.bad_documents import BadDocuments
from store.feed import Feed
from store.index_repair import IndexRepair

MEDIA_TYPE = CONTENT_TYPE_LATEST
MEASURED = (OperationType.QUERY, OperationType.MUTATION)
# The upper limits of the buckets in the histogram of durations, in seconds.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

PROVIDER_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)


async def uncombined(own: bytes) -> bytes:
    """The metrics of this process alone."""
    return own


class Requests(Collector):
    """Counts requests in plain numbers. The library's counters take a lock at each count, which would cost time at every request."""

    def __init__(self) -> None:
        self._documents: Counted[str] = Counted()
        self._responses: Counted[int | None] = Counted()
        # For each type of operation: the number of operations in each bucket. The last bucket is for all longer durations.
        self._durations = {type: [0] * (len(BUCKETS) + 1) for type in MEASURED}
        # For each type of operation: the sum of the durations of all operations, in seconds. Prometheus requires it in every histogram.
        self._seconds = dict.fromkeys(MEASURED, 0.0)

    def count_document(self, kind: str) -> None:
        """Count a request. `kind`: how its document was found (a value of `DocumentSource`), or "refused"."""
        self._documents[kind] += 1

    def count_response(self, status: int | None) -> None:
        """Count a response by its HTTP status; None if the request ended without a response."""
        self._responses[status] += 1

    def took(self, type: OperationType, seconds: float) -> None:
        """Record the duration of a query or mutation in the histogram."""
        self._durations[type][bisect_left(BUCKETS, seconds)] += 1
        self._seconds[type] += seconds

    def collect(self) -> Iterator[Metric]:
        """The metrics of requests. The library calls this method when Prometheus reads the metrics."""
        durations = HistogramMetricFamily("gateway_operation_seconds", "How long queries and mutations took", labels=["type"])
        for type, counts in self._durations.items():
            buckets = list(zip([*map(str, map(float, BUCKETS)), "+Inf"], accumulate(counts), strict=True))
            durations.add_metric([type.value], buckets, self._seconds[type])
        yield durations
        documents = CounterMetricFamily("gateway_documents", "Requests by how their document was found", labels=["kind"])
        for kind, count in self._documents.items():
            documents.add_metric([kind], count)
        yield documents
        responses = CounterMetricFamily(
            "gateway_responses", "Requests by the status of their response; 101: sockets; none: ended before", labels=["status"]
        )
        for status, count in self._responses.items():
            responses.add_metric(["none" if status is None else str(status)], count)
        yield responses


class Unreadable(Collector):
    """Reports how many stored verifications and values could not be read."""

    def __init__(self, bad_documents: BadDocuments) -> None:
        self._bad_documents = bad_documents

    def collect(self) -> Iterator[Metric]:
        """The metric of unreadable data. The library calls this method when Prometheus reads the metrics."""
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
        # NaN until the first count: 0 would claim that nothing is unfinished, and that no webhook waits.
        self.unfinished.set(float("nan"))
        self.oldest_seconds.set(float("nan"))
        self.oldest_webhook_seconds.set(float("nan"))

    def observe(self, provider: str, operation: str, outcome: str, seconds: float) -> None:
        """Record a request to a provider."""
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
        # NaN until the first report: 0 would claim that no event waits to be delivered.
        self.oldest_seconds.set(float("nan"))

    def count(self, outcome: str, attempt: int) -> None:
        """Count a try. `outcome`: "delivered", "failed" or "given up". `attempt`: the number of the try, from 1 to 9."""
        self._tries.labels(outcome, str(attempt)).inc()


class Metrics:
    """All metrics of the process. Other code calls its methods to count requests, refusals and responses."""

    def __init__(self, feed: Feed, bad_documents: BadDocuments, index_repair: IndexRepair) -> None:
        self._registry = CollectorRegistry()
        # Adds the metrics of the other workers to those of this process, if several workers serve one port.
        self.combine: Callable[[bytes], Awaitable[bytes]] = uncombined
        self._registry.register(Unreadable(bad_documents))
        self._requests = Requests()
        self._registry.register(self._requests)
        self.errors = Counter("gateway_response_errors_total", "Responses that held errors", registry=self._registry)
        self.subscriptions = Counter("gateway_subscriptions_total", "Subscriptions that were begun", registry=self._registry)
        self.ignored_results = Counter("gateway_ignored_results_total", "Results reported against a different final one", registry=self._registry)
        self.providers = Providing(self._registry)
        self.deliveries = Delivering(self._registry)
        self.stuck = Gauge(
            "gateway_stuck_verifications",
            "Verifications in PROCESSING for longer than GATEWAY_PROCESSING_SECONDS, in all workspaces; every process counts all of them",
            registry=self._registry,
        )
        # NaN until the first count: 0 would claim that no verification is stuck.
        self.stuck.set(float("nan"))
        self.sockets = Gauge("gateway_sockets", "Open WebSockets", registry=self._registry)
        self.refused = Counter("gateway_refused_total", "Connections and requests that were refused unread", ["reason"], registry=self._registry)
        Gauge("gateway_subscribers", "Subscriptions that listen to the feed", registry=self._registry).set_function(lambda: feed.subscribers)
        Gauge("gateway_feed_age_seconds", "Age of the youngest heartbeat that came back from MongoDB", registry=self._registry).set_function(
            lambda: feed.age_seconds if feed.age_seconds is not None else float("nan")
        )

        self._dependencies = Gauge(
            "gateway_dependency_up", "Whether something that the process needs works; /healthz says why not", ["dependency"], registry=self._registry
        )
        Gauge("gateway_missing_indexes", "Indexes that are missing in MongoDB", registry=self._registry).set_function(
            lambda: len(index_repair.missing) if index_repair.missing is not None else float("nan")
        )

    def report_dependencies(self, causes: Mapping[str, str | None]) -> None:
        """Show the state of each dependency. `causes`: why each does not work; None if it works."""
        for name, cause in causes.items():
            self._dependencies.labels(name).set(cause is None)

    def took(self, type: OperationType, seconds: float) -> None:
        """Record the duration of a query or mutation."""
        self._requests.took(type, seconds)

    def count_refused(self, reason: str) -> None:
        """Count a connection or request that was refused for this reason."""
        self.refused.labels(reason).inc()

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
