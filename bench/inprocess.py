"""Compares the GraphQL executors of the gateway and of Strawberry, without HTTP and MongoDB. Both return a page of 50 rows from memory.

`python -m bench.inprocess ROUNDS SECONDS` prints the figures as JSON.
"""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from random import Random
from time import perf_counter
from typing import Any

import orjson
import uvloop

from bench.agreement import compare
from bench.dataset import Company
from bench.machinery import SCOPES, WORKSPACE, Secrets, existing_objects_frozen
from bench.peers import stock
from bench.workloads import PAGE, ROWS
from domain.caller import Caller
from domain.deadlines import Windows
from domain.filter import Filter
from domain.verification import Verification
from gateway.application import documents
from gateway.callers.rate import Rate
from gateway.operations.execution import Execution
from gateway.operations.operation_request import OperationRequest
from gateway.process.drain import Drain
from gateway.process.garbage import collected_seldom
from gateway.process.metrics import Metrics
from gateway.settings import read_settings
from lifecycle.changes import Changes
from lifecycle.creation import Creation
from lifecycle.deliveries import OutgoingWebhooks
from lifecycle.observed_links import ObservedLinks
from providers.choice import Providers
from providers.sandbox import Sandbox
from resolvers.context import Services
from schema.build import build, executable
from store.documents import encode
from store.driver import connect, watching
from store.feed import Feed
from store.pages import Page, PageRequest
from store.verifications import Store, Verifications

UNUSED_MONGO_URI = "mongodb://127.0.0.1:1/gateway"
VARIABLES: dict[str, object] = {"first": ROWS}

Execute = Callable[[], Awaitable[bytes]]


class MemoryVerifications(Verifications):
    """The store's interface over verifications in memory. It implements only `page`."""

    def __init__(self, store: Store, rows: tuple[Verification, ...]) -> None:
        super().__init__(store, WORKSPACE, None)
        self._rows = rows

    async def page(self, filter: Filter, request: PageRequest, reading: frozenset[str] | None = None) -> Page:
        """The first rows in memory, as many as the request asks for. The filter is ignored."""
        return Page(self._rows[: request.size], request.order, has_previous=False, has_next=len(self._rows) > request.size)


class MemoryStore(Store):
    """A store without a database. Every workspace contains the same verifications."""

    rows: tuple[Verification, ...] = ()

    def within(self, workspace: str, chain: str | None = None) -> Verifications:
        """The verifications in memory, whichever workspace is requested."""
        return MemoryVerifications(self, self.rows)


@dataclass(frozen=True, slots=True)
class StockState:
    """Stands in for the application state of the Strawberry peer (bench/peers/stock.py), whose context reads it. Has no database and no broker."""

    verifications: None = None
    workspace: str = WORKSPACE
    broker: None = None


class MemoryContext(stock.Context):
    """The context of the resolvers of the Strawberry peer (bench/peers/stock.py). It reads pages from memory instead of the database."""

    def __init__(self, rows: list[stock.Verification]) -> None:
        super().__init__(StockState())
        self._rows = rows

    async def page(self, first: int, after: str | None) -> tuple[list[stock.Verification], bool]:
        """The first rows in memory, and whether there are more."""
        return self._rows[:first], len(self._rows) > first


def the_gateway(rows: list[Verification], keys: Secrets) -> Execute:
    """Returns a function that executes the query with the gateway, and does all the work from the request to the encoded answer."""
    client = connect(UNUSED_MONGO_URI, 1)
    store = MemoryStore(client, keys.sealing)
    store.rows = tuple(rows)
    feed = Feed(store, watching(UNUSED_MONGO_URI))
    metrics = Metrics(feed, store.bad_documents, store.index_repair)
    links = ObservedLinks("https://gateway.example", ["key"])
    providers = Providers(Sandbox("https://gateway.example", [b"key"]))
    changes = Changes(store, providers, Creation(store, providers, links, lambda *_: None), Windows(), lambda: None)
    rate = Rate(1e9, 1e9)
    services = Services(store, feed, changes, links, OutgoingWebhooks(store, feed, dict, lambda *_: None), str, unavailable, rate)
    schema = executable(build())
    chosen = read_settings({}, mongo_uri=UNUSED_MONGO_URI, provider="sandbox", public_url="https://gateway.example", **settings(keys))
    execution = Execution(
        schema,
        documents(chosen, schema),
        services,
        metrics,
        Drain(),
        request_seconds=chosen.request_seconds,
        max_cost=chosen.max_cost,
        rate=rate,
        introspection=False,
    )
    caller = Caller("bench", WORKSPACE, frozenset(SCOPES), datetime.max.replace(tzinfo=UTC))

    async def execute() -> bytes:
        operation = execution.operation(OperationRequest(PAGE, VARIABLES), caller, "bench")
        return orjson.dumps(await execution.execute(operation, caller, "bench"))

    return execute


def strawberry(rows: list[Verification], keys: Secrets) -> Execute:
    """Returns a function that executes the query with Strawberry, and does all the work from the request to the encoded answer."""
    ready = [stock.Verification.of(encode(row, keys.sealing)) for row in rows]

    async def execute() -> bytes:
        result = await stock.schema.execute(PAGE, dict(VARIABLES), MemoryContext(ready))
        return orjson.dumps({"data": result.data, **({"errors": str(result.errors)} if result.errors else {})})

    return execute


def settings(keys: Secrets) -> dict[str, Any]:
    """The keys under the names that they have in the gateway's `Settings`."""
    return {name.removeprefix("GATEWAY_").lower(): value for name, value in keys.environment.items()}


def unavailable(*_: Any) -> Any:
    """Stands in for the functions that the gateway's services need, but that the measured query of a page never calls."""
    raise NotImplementedError


async def per_second(execute: Execute, seconds: float) -> float:
    """Execute the query again and again for this time, one execution after the other. Returns the answers per second."""
    begun, answered = perf_counter(), 0
    while perf_counter() - begun < seconds:
        await execute()
        answered += 1
    return answered / (perf_counter() - begun)


async def compared(rounds: int, seconds: float) -> dict[str, dict[str, list[float]]]:
    """Measure both executors in turn. Returns their figures. Raises: Disagreement if their answers differ."""
    keys = Secrets()
    rows = list(islice(Company(WORKSPACE, Random(7), datetime(2026, 3, 2, 12, tzinfo=UTC)).verifications(ROWS + 10), ROWS + 1))
    cases = {"gateway": the_gateway(rows, keys), "strawberry": strawberry(rows, keys)}
    answers = [await execute() for execute in cases.values()]
    compare("strawberry", answers[1:], answers[:1])
    figures: dict[str, dict[str, list[float]]] = {name: {"per_second": []} for name in cases}
    for _ in range(rounds):
        for name, execute in cases.items():
            # Each executor runs with the garbage collection of its server. For Strawberry, all existing objects are frozen first, because they
            # include those of the gateway, which Strawberry's own server would not have to scan.
            async with collected_seldom() if name == "gateway" else existing_objects_frozen():
                figures[name]["per_second"].append(await per_second(execute, seconds))
    return figures


def main() -> None:
    """Measure, and print the figures as JSON."""
    rounds, seconds = int(sys.argv[1]), float(sys.argv[2])
    print(orjson.dumps(uvloop.run(compared(rounds, seconds))).decode())


if __name__ == "__main__":
    main()
