"""The executors alone: a page of 50 inside the process, without HTTP and MongoDB, over the same rows in memory.

python -m bench.inprocess ROUNDS SECONDS, which prints the figures as JSON.
"""

import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from random import Random
from time import perf_counter
from typing import Any

import orjson
import uvloop

from bench.agreement import agreed
from bench.dataset import Company
from bench.machinery import SCOPES, WORKSPACE, Secrets
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
from gateway.settings import read
from lifecycle.changes import Changes
from providers.sandbox import Sandbox
from resolvers.context import Services
from schema.build import build, executable
from store.documents import encode
from store.driver import connect, watching
from store.feed import Feed
from store.pages import Page, PageRequest
from store.verifications import Store, Verifications

NOWHERE = "mongodb://127.0.0.1:1/gateway"
VARIABLES: dict[str, object] = {"first": ROWS}

Ask = Callable[[], Awaitable[bytes]]


class Shelf(Verifications):
    """Verifications that lie ready in memory."""

    def __init__(self, store: Store, rows: tuple[Verification, ...]) -> None:
        super().__init__(store, WORKSPACE, None)
        self._rows = rows

    async def page(self, filter: Filter, request: PageRequest, reading: frozenset[str] | None = None) -> Page:
        """The first of them."""
        return Page(self._rows[: request.size], request.order, has_previous=False, has_next=len(self._rows) > request.size)


class Shelves(Store):
    """A store of these alone, whatever the workspace."""

    rows: tuple[Verification, ...] = ()

    def within(self, workspace: str, chain: str | None = None) -> Verifications:
        """The verifications that lie ready."""
        return Shelf(self, self.rows)


@dataclass(frozen=True, slots=True)
class Memory:
    """The state of Strawberry's application, which reads nothing."""

    verifications: None = None
    workspace: str = WORKSPACE
    broker: None = None


class Ready(stock.Context):
    """Strawberry's context, with the same verifications ready in memory."""

    def __init__(self, rows: list[stock.Verification]) -> None:
        super().__init__(Memory())
        self._rows = rows

    async def page(self, first: int, after: str | None) -> tuple[list[stock.Verification], bool]:
        """The first of them."""
        return self._rows[:first], len(self._rows) > first


def the_gateway(rows: list[Verification], keys: Secrets) -> Ask:
    """The gateway's way from a request to the bytes of its answer."""
    client = connect(NOWHERE, 1)
    store = Shelves(client, keys.sealing)
    store.rows = tuple(rows)
    feed = Feed(store, watching(NOWHERE))
    metrics = Metrics(feed, store.bad_documents)
    changes = Changes(store, Sandbox("https://gateway.example", [b"key"]), Windows(), lambda: None)
    services = Services(store, feed, changes, str, unavailable)
    schema = executable(build())
    chosen = read({}, mongo_uri=NOWHERE, provider="sandbox", public_url="https://gateway.example", **settings(keys))
    execution = Execution(
        schema,
        documents(chosen, schema),
        services,
        metrics,
        Drain(),
        request_seconds=chosen.request_seconds,
        max_cost=chosen.max_cost,
        rate=Rate(1e9, 1e9),
        introspection=False,
    )
    caller = Caller("bench", WORKSPACE, frozenset(SCOPES), datetime.max.replace(tzinfo=UTC))

    async def ask() -> bytes:
        operation = execution.operation(OperationRequest(PAGE, VARIABLES), caller, "bench")
        return orjson.dumps(await execution.execute(operation, caller, "bench"))

    return ask


def strawberry(rows: list[Verification], keys: Secrets) -> Ask:
    """Strawberry's way from a request to the bytes of its answer."""
    ready = [stock.Verification.of(encode(row, keys.sealing)) for row in rows]

    async def ask() -> bytes:
        result = await stock.schema.execute(PAGE, dict(VARIABLES), Ready(ready))
        return orjson.dumps({"data": result.data, **({"errors": str(result.errors)} if result.errors else {})})

    return ask


def settings(keys: Secrets) -> dict[str, Any]:
    """The secrets as the gateway's settings."""
    return {name.removeprefix("GATEWAY_").lower(): value for name, value in keys.environment.items()}


def unavailable(*_: Any) -> Any:
    """What a page never asks for."""
    raise NotImplementedError


async def per_second(ask: Ask, seconds: float) -> float:
    """How many answers it gives in a second, one after the other."""
    begun, answered = perf_counter(), 0
    while perf_counter() - begun < seconds:
        await ask()
        answered += 1
    return answered / (perf_counter() - begun)


async def compared(rounds: int, seconds: float) -> dict[str, dict[str, list[float]]]:
    """The figures of both, in turn. Raises: Disagreement."""
    keys = Secrets()
    rows = list(islice(Company(WORKSPACE, Random(7), datetime(2026, 3, 2, 12, tzinfo=UTC)).verifications(ROWS + 10), ROWS + 1))
    cases = {"gateway": the_gateway(rows, keys), "strawberry": strawberry(rows, keys)}
    answers = [await ask() for ask in cases.values()]
    agreed("strawberry", answers[1:], answers[:1])
    figures: dict[str, dict[str, list[float]]] = {name: {"per_second": []} for name in cases}
    for _ in range(rounds):
        for name, ask in cases.items():
            # Each as it serves: the gateway has its own way with garbage. The other's is spared what both hold.
            async with collected_seldom() if name == "gateway" else spared():
                figures[name]["per_second"].append(await per_second(ask, seconds))
    return figures


@asynccontextmanager
async def spared() -> AsyncIterator[None]:
    """Garbage is collected as Python does it, but for what is there already."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def main() -> None:
    """Measure and print."""
    rounds, seconds = int(sys.argv[1]), float(sys.argv[2])
    print(orjson.dumps(uvloop.run(compared(rounds, seconds))).decode())


if __name__ == "__main__":
    main()
