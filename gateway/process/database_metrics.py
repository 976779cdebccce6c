"""The metrics of MongoDB: commands, connections and the change stream. Code in store/ counts them."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.process.request_metrics import counter_of, cumulated
from store.driver import DriverListener
from store.feed import Feed
from store.monitoring.commands import COMMAND_BUCKETS, OK, CommandCounts
from store.monitoring.connections import ConnectionCounts
from store.monitoring.stream_counts import BATCH_BUCKETS

# The name of the client that executes all commands but those of the change stream.
MAIN_CLIENT = "main"


class DatabaseCollector(Collector):
    """Reports commands and connections. `connections`: the counts of each client, by the client's name in the metrics."""

    def __init__(self, commands: CommandCounts, connections: Mapping[str, ConnectionCounts]) -> None:
        self._commands = commands
        self._connections = connections

    def listeners(self, client: str) -> list[DriverListener]:
        """The listeners that must be registered with a client of MongoDB. `client`: the client's name in the metrics.

        Commands are counted for the main client only: a command of the change stream waits for changes, so its duration does not show MongoDB's
        speed.
        """
        return [self._connections[client], *([self._commands] if client == MAIN_CLIENT else [])]

    def collect(self) -> Iterator[Metric]:
        """The metrics of commands and connections. prometheus_client calls this method when Prometheus reads the metrics."""
        durations = HistogramMetricFamily("gateway_mongodb_command_seconds", "How long MongoDB took to answer commands", labels=["command"])
        outcomes = CounterMetricFamily("gateway_mongodb_commands", "Commands by their outcome", labels=["command", "outcome"])
        failures = self._commands.failures()
        for name, found in self._commands.durations().items():
            durations.add_metric([name], cumulated(COMMAND_BUCKETS, found.buckets), found.seconds)
            failed = {outcome: count for (command, outcome), count in failures.items() if command == name}
            outcomes.add_metric([name, OK], max(0, sum(found.buckets) - sum(failed.values())))
            for outcome, count in failed.items():
                outcomes.add_metric([name, outcome], count)
        yield from (durations, outcomes)
        yield from self._pools()

    def _pools(self) -> Iterator[Metric]:
        connections = GaugeMetricFamily("gateway_mongodb_connections", "Connections to MongoDB", labels=["client", "state"])
        waiting = GaugeMetricFamily("gateway_mongodb_waiting_operations", "Operations that wait for a connection", labels=["client"])
        failures = CounterMetricFamily("gateway_mongodb_connection_failures", "Operations that got no connection", labels=["client"])
        cleared = CounterMetricFamily("gateway_mongodb_cleared_pools", "How often all connections to a member were dropped", labels=["client"])
        for client, counts in self._connections.items():
            totals = counts.totals()
            connections.add_metric([client, "open"], totals.open)
            connections.add_metric([client, "used"], totals.used)
            waiting.add_metric([client], totals.waiting)
            failures.add_metric([client], totals.failed)
            cleared.add_metric([client], totals.cleared)
        yield from (connections, waiting, failures, cleared)


class FeedCollector(Collector):
    """Reports the change stream of the process, and the changed states that its subscribers have not taken yet."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def collect(self) -> Iterator[Metric]:
        """The metrics of the feed. prometheus_client calls this method when Prometheus reads the metrics."""
        feed, stream = self._feed, self._feed.stream
        yield GaugeMetricFamily("gateway_subscribers", "Subscriptions that listen to the feed", value=feed.subscribers)
        yield GaugeMetricFamily("gateway_followed_verifications", "Verifications that subscriptions follow by id or chain", value=feed.slots)
        waiting, most = feed.waiting()
        yield GaugeMetricFamily("gateway_waiting_states", "Changed states that subscribers have not taken yet", value=waiting)
        yield GaugeMetricFamily("gateway_slowest_subscriber_states", "Those of the subscriber who has the most", value=most)
        yield GaugeMetricFamily("gateway_feed_age_seconds", "Age of the newest heartbeat that came back from MongoDB", value=or_nan(feed.age_seconds))
        yield GaugeMetricFamily("gateway_feed_lag_seconds", "How long that heartbeat was on its way", value=or_nan(stream.lag_seconds))
        yield counter_of("gateway_feed_restarts", "How often the change stream had to be opened again", "cause", stream.restarts)
        yield CounterMetricFamily("gateway_feed_changes", "Changes that the change stream delivered", value=stream.changes)
        batches = HistogramMetricFamily("gateway_feed_batch_changes", "Batches of the change stream by their number of changes")
        batches.add_metric([], cumulated(BATCH_BUCKETS, stream.batches), stream.changes)
        yield batches


def or_nan(value: float | None) -> float:
    """The value of a metric; NaN if there is none yet, because 0 would be wrong."""
    return float("nan") if value is None else value
