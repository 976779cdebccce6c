"""One run of the drill: two gateways behind a proxy from docs/deploying.md serve writers, readers and subscribers, while faults are injected."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import time

import httpx2

from tests.deploying.recipes import proxy
from tests.drill.balancer import balancing
from tests.drill.faults import FAULTS, Fault
from tests.drill.readers import Reader
from tests.ledger.checker import Finding, check
from tests.ledger.cluster import Cluster
from tests.ledger.gateways import NAMES, Gateway, environment
from tests.ledger.process import Process, free_port
from tests.ledger.proxy import HOST
from tests.ledger.records import Journal, Outcome, Written
from tests.ledger.run import Plan, calm, collection, delete, finish, followers, following, read, settled
from tests.ledger.subscribers import Follower
from tests.ledger.writers import Book, Writer

# The deadline of each request: the default of GATEWAY_REQUEST_SECONDS. The client waits a little longer, to receive a refusal.
REQUEST_SECONDS = 20.0
ANSWER_SECONDS = REQUEST_SECONDS + 2
PLAN = Plan(seed=7, subscribers=0.3, writers=8, pause_seconds=0.4, link_window_seconds=6, patience_seconds=60)
# For the short drill: fewer clients, and shorter times.
SHORT_PLAN = replace(PLAN, subscribers=0.1, writers=4, quiet_seconds=1.5, link_window_seconds=2)
READERS = 4
# The default of the container image.
DRAIN_DELAY_SECONDS = 5.0
BALANCER = "balancer"
# The proxies speak HTTP without TLS here. Everything else is as in the recipes.
WITHOUT_TLS = {"nginx": {" ssl http2;": ";"}, "haproxy": {" alpn h2,http/1.1": ""}}


@dataclass(frozen=True, slots=True)
class Row:
    """The requests that were answered, or failed, from the beginning of a fault until the beginning of the next one.

    `failed`: how many of them failed when they were sent for the first time, by the code of the error or the name of the exception.
    `longest_seconds`: how long the slowest of them took.
    """

    proxy: str
    fault: Fault
    requests: int
    failed: Counter[str]
    longest_seconds: float

    @property
    def kept(self) -> bool:
        """Whether no first attempt of a request failed. If the fault kills a gateway, first attempts may fail, but not with an internal error."""
        return (self.fault.loses_requests or not self.failed) and "INTERNAL_SERVER_ERROR" not in self.failed


@dataclass(frozen=True, slots=True)
class Request:
    """A query, or the first time that a mutation was sent. `code`: why it failed; None if it was answered or refused for good."""

    sent_at: float
    answered_at: float
    code: str | None


async def drill(
    name: str, faults: Sequence[Fault], cluster: Cluster, directory: Path, report: Callable[[str], None], plan: Plan = PLAN
) -> tuple[list[Row], list[Finding]]:
    """Inject the faults one after the other, while load runs through a proxy. `name`: nginx or haproxy.

    Returns a row for each fault, and the breaches of the promise that no write and no event is lost (see tests/ledger/README.md).
    """
    database = f"drill-{name}"
    await cluster.authorize(database)
    uri = cluster.uri(database)
    with ExitStack() as stack:
        book = Book(stack.enter_context(Journal(directory / "writes.jsonl", forced=True)))
        async with deployed(name, uri, directory, plan) as (front, gateways), client() as http, collection(uri) as verifications:
            subscribers = [*followers(plan, [front], http, book, lambda log: stack.enter_context(Journal(directory / f"{log}.jsonl")))]
            removing = partial(delete, verifications)
            writers = [
                Writer(f"writer-{number}", plan.seed, [front], http, book, plan.pause_seconds, plan.link_window_seconds, removing, ANSWER_SECONDS)
                for number in range(plan.writers)
            ]
            readers = [Reader(front.url, http, book.followable, number, ANSWER_SECONDS) for number in range(READERS)]
            async with following(subscribers):
                writing = [asyncio.create_task(writer.run()) for writer in writers]
                reading = [asyncio.create_task(reader.run()) for reader in readers]
                try:
                    begun = await injected(faults, cluster, gateways, plan.quiet_seconds, lambda fault: report(f"{name}: {fault}"))
                finally:
                    for task in reading:
                        task.cancel()
                    await asyncio.gather(*reading, return_exceptions=True)
                    await finish(writers, writing)
                documents = await settled(uri, plan.link_window_seconds, book)
                await calm(subscribers, documents, plan.patience_seconds)
            await asyncio.gather(*(each.visit(documents) for each in subscribers if isinstance(each, Follower)))
            documents = {**book.deleted, **await read(uri)}
    requests = [Request(each.sent_at, each.answered_at, each.code) for reader in readers for each in reader.answers]
    requests += first_attempts(book.written)
    rows = [row(name, fault, [each for each in requests if begin <= each.answered_at < end]) for fault, begin, end in begun]
    return rows, check(documents, book.written, [subscriber.log for subscriber in subscribers])


async def injected(
    faults: Sequence[Fault], cluster: Cluster, gateways: Sequence[Gateway], quiet_seconds: float, report: Callable[[str], None]
) -> list[tuple[Fault, float, float]]:
    """Inject the faults, with a quiet time around each. Returns each fault with the times between which requests are counted for it."""
    begun = []
    await asyncio.sleep(quiet_seconds)
    for fault in faults:
        report(fault.name)
        begin = time()
        await fault.inject(cluster, gateways)
        await asyncio.sleep(quiet_seconds)
        begun.append((fault, begin, time()))
    return begun


def first_attempts(written: Sequence[Written]) -> list[Request]:
    """The mutations, without the repetitions of those that had failed before."""
    requests: list[Request] = []
    failed: set[tuple[str, str]] = set()
    for each in sorted(written, key=lambda write: write.sent_at):
        again = each.outcome is Outcome.UNKNOWN or each.code == "CONFLICT"
        identity = each.operation.value, each.name
        if identity not in failed:
            requests.append(Request(each.sent_at, each.answered_at, each.code if again else None))
        if again:
            failed.add(identity)
    return requests


def row(proxy_name: str, fault: Fault, requests: Sequence[Request]) -> Row:
    """What became of the requests during a fault."""
    failed = Counter(each.code for each in requests if each.code is not None)
    longest = max((each.answered_at - each.sent_at for each in requests), default=0.0)
    return Row(proxy_name, fault, len(requests), failed, longest)


async def drill_without_retries(cluster: Cluster, directory: Path, drain_delay_seconds: float, report: Callable[[str], None]) -> Row:
    """Restart the gateways one after the other behind a balancer that never tries another gateway (see balancer.py), while readers are at work.

    No WebSocket and no event stream is open. So a gateway ends at once if `drain_delay_seconds` is 0, before the balancer has noticed.
    """
    database = "drill-balancer"
    await cluster.authorize(database)
    async with (
        serving_gateways(cluster.uri(database), directory, drain_delay_seconds, PLAN) as gateways,
        balancing(gateways) as url,
        client() as http,
    ):
        readers = [Reader(url, http, [], number, ANSWER_SECONDS) for number in range(2 * READERS)]
        reading = [asyncio.create_task(reader.run()) for reader in readers]
        try:
            [(fault, begin, end)] = await injected(FAULTS[:1], cluster, gateways, PLAN.quiet_seconds, lambda name: report(f"{BALANCER}: {name}"))
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)
    requests = [Request(each.sent_at, each.answered_at, each.code) for reader in readers for each in reader.answers]
    return row(BALANCER, fault, [each for each in requests if begin <= each.answered_at < end])


@asynccontextmanager
async def deployed(name: str, mongo_uri: str, directory: Path, plan: Plan) -> AsyncIterator[tuple[Gateway, list[Gateway]]]:
    """Two gateways behind a proxy. Yields the proxy, as if it were a gateway, and the two gateways. All end with the context."""
    changed = WITHOUT_TLS[name] | certificate(name, directory)
    async with serving_gateways(mongo_uri, directory, DRAIN_DELAY_SECONDS, plan) as gateways:
        ports = gateways[0].port, gateways[1].port
        async with proxy(name, directory, ports, changed) as running:
            yield Gateway(name, running.port, running.port, gateways[0].process), gateways


@asynccontextmanager
async def serving_gateways(mongo_uri: str, directory: Path, drain_delay_seconds: float, plan: Plan) -> AsyncIterator[list[Gateway]]:
    """A context with two gateways that are ready."""
    gateways = []
    for name in NAMES:
        port = free_port()
        chosen = settings(mongo_uri, port, drain_delay_seconds, plan)
        gateways.append(Gateway(name, port, port, Process([sys.executable, "-m", "gateway", "serve"], directory / f"{name}.log", chosen)))
    try:
        for gateway in gateways:
            gateway.process.start()
        for gateway in gateways:
            await gateway.ready()
        yield gateways
    finally:
        for gateway in gateways:
            await gateway.process.kill()


def certificate(name: str, directory: Path) -> dict[str, str]:
    """The changes of a recipe that remove the certificate: each text that names it is replaced by an empty one."""
    if name == "haproxy":
        return {f" ssl crt {directory}/both": ""}
    return {f"    ssl_certificate     {directory}/certificate;\n": "", f"    ssl_certificate_key {directory}/key;\n": ""}


def settings(mongo_uri: str, port: int, drain_delay_seconds: float, plan: Plan) -> dict[str, str]:
    """The settings of a gateway: those of tests/ledger, with short intervals, so that more happens in a run. The time limits are the defaults."""
    changed = {
        "GATEWAY_REQUEST_SECONDS": str(REQUEST_SECONDS),
        "GATEWAY_DATABASE_SECONDS": "",
        "GATEWAY_DRAIN_DELAY_SECONDS": str(drain_delay_seconds),
        "GATEWAY_TRUSTED_PROXIES": HOST,
    }
    return environment(mongo_uri, port, plan.link_window_seconds) | changed


@asynccontextmanager
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client that waits as long as a request may take."""
    limits = httpx2.Limits(max_connections=200)
    async with httpx2.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS, limits=limits) as opened:
        yield opened
