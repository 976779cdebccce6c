"""The metrics of requests and operations. They are counted in plain numbers, because the counters of prometheus_client take a lock at each count."""

from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Collection, Iterator
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

# The upper limits of the buckets in the histogram of durations, in seconds.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# The code of an operation without errors, and that of an operation whose client has left before its end.
NO_ERROR, ABANDONED = "OK", "ABANDONED"
# The codes of errors whose counters the metrics show as 0 before the first such error. Otherwise a counter would appear with the value 1, and
# Prometheus would see no increase.
SHOWN_FROM_THE_START = ("INTERNAL_SERVER_ERROR", "TIMEOUT", "UNAVAILABLE", "LAGGED")

# How an operation is labelled in the metrics: its name if it is a trusted document (see `OTHERS` in preparation.py), and its type.
OperationLabel = tuple[str, str]


class Executions:
    """The executions of the operations with one label: how many took how long, the sum of their durations, and how many ended with which code."""

    __slots__ = ("codes", "durations", "seconds")

    def __init__(self) -> None:
        # The number of executions in each bucket. The last bucket is for all longer durations.
        self.durations = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.codes: Counted[str] = Counted()


class Requests(Collector):
    """Counts requests, operations, errors and refusals. Only the event loop changes the counts."""

    def __init__(self) -> None:
        self._documents: Counted[str] = Counted()
        self._responses: Counted[int | None] = Counted()
        self._executions: dict[OperationLabel, Executions] = {}
        self._errors: Counted[str] = Counted(dict.fromkeys(SHOWN_FROM_THE_START, 0))
        self._refusals: Counted[str] = Counted()
        self._closes: Counted[int] = Counted()

    def count_document(self, kind: str) -> None:
        """Count a request. `kind`: how its document was found (a value of `DocumentSource`), or "refused"."""
        self._documents[kind] += 1

    def count_response(self, status: int | None) -> None:
        """Count a response by its HTTP status; None if the request ended without a response."""
        self._responses[status] += 1

    def count_errors(self, errors: Collection[dict[str, Any]]) -> None:
        """Count the errors of a response by their codes."""
        for error in errors:
            self._errors[error["extensions"]["code"]] += 1

    def count_refusal(self, code: str) -> None:
        """Count a mutation that was refused, by the code of its refusal."""
        self._refusals[code] += 1

    def count_close(self, code: int) -> None:
        """Count a WebSocket that the gateway closes, by the close code."""
        self._closes[code] += 1

    def executed(self, label: OperationLabel, code: str, seconds: float) -> None:
        """Record a query or mutation: its duration, and NO_ERROR, ABANDONED or the code of its first error."""
        executions = self._executions.get(label)
        if executions is None:
            executions = self._executions[label] = Executions()
        executions.durations[bisect_left(BUCKETS, seconds)] += 1
        executions.seconds += seconds
        executions.codes[code] += 1

    def collect(self) -> Iterator[Metric]:
        """The metrics of requests. prometheus_client calls this method when Prometheus reads the metrics."""
        durations = HistogramMetricFamily("gateway_operation_seconds", "How long queries and mutations took", labels=["operation", "type"])
        outcomes = CounterMetricFamily("gateway_operations", "Queries and mutations by their first error", labels=["operation", "type", "code"])
        for (name, type), executions in self._executions.items():
            durations.add_metric([name, type], cumulated(BUCKETS, executions.durations), executions.seconds)
            for code, count in executions.codes.items():
                outcomes.add_metric([name, type, code], count)
        yield from (durations, outcomes)
        yield counter_of("gateway_documents", "Requests by how their document was found", "kind", self._documents)
        statuses = {"none" if status is None else str(status): count for status, count in self._responses.items()}
        yield counter_of("gateway_responses", "Requests by the status of their response", "status", statuses)
        yield counter_of("gateway_errors", "Errors in responses and messages by code", "code", self._errors)
        yield counter_of("gateway_mutation_refusals", "Mutations that the rules refused, by code", "code", self._refusals)
        closes = {str(code): count for code, count in self._closes.items()}
        yield counter_of("gateway_socket_closes", "WebSockets that the gateway closed, by close code", "code", closes)


def cumulated(limits: Collection[float], counts: Collection[int]) -> list[tuple[str, float]]:
    """The buckets of a histogram as Prometheus reads them: each with its upper limit, and with the number of all values up to this limit."""
    return list(zip([*map(str, map(float, limits)), "+Inf"], accumulate(map(float, counts)), strict=True))


def counter_of(name: str, documentation: str, label: str, counts: dict[str, int]) -> CounterMetricFamily:
    """A counter with one label. `counts`: its values, by the value of the label."""
    family = CounterMetricFamily(name, documentation, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
