"""What can be measured of the process, for Prometheus."""

from graphql import OperationType
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from store.feed import Feed

MEDIA_TYPE = CONTENT_TYPE_LATEST
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The process's own registry."""

    def __init__(self, feed: Feed) -> None:
        self._registry = CollectorRegistry()
        self.seconds = Histogram(
            "gateway_operation_seconds", "How long queries and mutations took", ["type"], buckets=BUCKETS, registry=self._registry
        )
        self._seconds = {type: self.seconds.labels(type.value) for type in (OperationType.QUERY, OperationType.MUTATION)}
        self.errors = Counter("gateway_response_errors_total", "Responses that held errors", registry=self._registry)
        self.subscriptions = Counter("gateway_subscriptions_total", "Subscriptions that were begun", registry=self._registry)
        self.ignored_results = Counter("gateway_ignored_results_total", "Results reported against a different final one", registry=self._registry)
        self.documents = Counter("gateway_documents_total", "Requests by how their document was found", ["kind"], registry=self._registry)
        self._counted: dict[str, Counter] = {}
        self.sockets = Gauge("gateway_sockets", "Open WebSockets", registry=self._registry)
        self.refused = Counter("gateway_refused_total", "Connections and requests that were refused unread", ["reason"], registry=self._registry)
        Gauge("gateway_subscribers", "Subscriptions that listen to the feed", registry=self._registry).set_function(lambda: feed.subscribers)
        Gauge("gateway_feed_age_seconds", "Age of the youngest heartbeat that came back from MongoDB", registry=self._registry).set_function(
            lambda: feed.age_seconds if feed.age_seconds is not None else float("nan")
        )

    def took(self, type: OperationType, seconds: float) -> None:
        """A query or mutation took this long."""
        self._seconds[type].observe(seconds)

    def count_refused(self, reason: str) -> None:
        """One more was refused."""
        self.refused.labels(reason).inc()

    def count_document(self, kind: str) -> None:
        """One more request's document was found: known, parsed, persisted, trusted; or it was refused."""
        counted = self._counted.get(kind) or self._counted.setdefault(kind, self.documents.labels(kind))
        counted.inc()

    def exposition(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return generate_latest(self._registry)
