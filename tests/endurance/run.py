"""One endurance run: a gateway with two workers and everything turned on serves modest load for half an hour, while samples are taken."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2

from gateway.callers.tokens import Tokens, Trust
from store.verifications import utc_now
from tests.endurance.clients import ANSWER_SECONDS, Clients
from tests.endurance.flatness import Sample, Verdict, verdicts
from tests.endurance.samples import Samples
from tests.fakes.receiver import RECEIVER_SECRET, Receiver, receiving
from tests.fakes.yousign import UNOBSERVED, FakeYousign, fake_yousign, providers_file
from tests.ledger.gateways import Gateway
from tests.ledger.process import Process, free_port
from tests.serving import ACME, INTEGRATOR, ISSUER, KEYS

HOST = "127.0.0.1"
WORKERS = 2
START_SECONDS = 120.0
RETENTION_SECONDS, DELETE_SECONDS = 60, 180
UPKEEP_SECONDS = 90.0
UPKEEP = (("migrate",), ("keys", "rotate"), ("export", "--workspace", ACME))
READERS, FEEDS = 4, 6


@dataclass(frozen=True, slots=True)
class Endurance:
    """The parameters of a run. `per_second`: how many verifications are created per second. `sample_seconds`: the time between two samples.
    `planted`: the name of a leak that the gateway has (see planted.py); None: no leak.
    """

    minutes: float = 30.0
    per_second: float = 2.0
    sample_seconds: float = 15.0
    planted: str | None = None


@dataclass(frozen=True, slots=True)
class Endured:
    """The result of a run: its samples, what was done, what failed, and the verdicts."""

    minutes: float
    figures: dict[str, dict[str, list[Sample]]]
    counted: Counter[str]
    failed: Counter[str]
    verdicts: list[Verdict]

    @property
    def kept(self) -> bool:
        """Whether nothing failed, everything was at work, and all figures stayed flat."""
        return not self.failed and all(self.counted[each] for each in EVERYTHING) and all(each.kept for each in self.verdicts)


async def endured(plan: Endurance, mongo_uri: str, directory: Path, report: Callable[[str], None]) -> Endured:
    """Run a gateway at this MongoDB, with its files in the directory."""
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(fake_yousign())
        receiver = await stack.enter_async_context(receiving())
        collector = await stack.enter_async_context(collecting())
        settings = environment(mongo_uri, directory, fake, receiver, collector)
        gateway = await stack.enter_async_context(running_gateway(plan, settings, directory))
        http = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS))
        admin = f"http://{HOST}:{settings['GATEWAY_ADMIN_PORT']}"
        samples = Samples()
        clients = Clients(gateway.url, admin, token(), fake, http, samples, seed=7)
        await at_work(plan, clients, samples, gateway, settings, directory, report)
        await delivered(receiver, clients)
    counted = clients.counted + Counter(work_done(directory, receiver, collector))
    figures = {figure: dict(series) for figure, series in samples.figures.items()}
    return Endured(plan.minutes, figures, counted, clients.failed + logged_errors(directory), verdicts(figures))


async def at_work(
    plan: Endurance, clients: Clients, samples: Samples, gateway: Gateway, settings: dict[str, str], directory: Path, report: Callable[[str], None]
) -> None:
    """Let all clients work for `plan.minutes`."""
    begun = [
        clients.create_regularly(plan.per_second),
        clients.scrape_regularly(),
        *(clients.read_regularly(2.5) for _ in range(READERS)),
        *(clients.follow_feed(number) for number in range(FEEDS)),
        upkeep_regularly(clients, settings, directory),
        samples.keep_taking(gateway.process.id, plan.sample_seconds),
    ]
    tasks = [asyncio.create_task(each) for each in begun]
    try:
        until = monotonic() + plan.minutes * 60
        while monotonic() < until:
            await asyncio.wait(tasks, timeout=min(60.0, until - monotonic()), return_when=asyncio.FIRST_EXCEPTION)
            for task in tasks:
                if task.done():
                    task.result()
            report(f"{samples.seconds / 60:.1f} minutes, {dict(clients.counted)}, failed: {dict(clients.failed)}")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def upkeep_regularly(clients: Clients, settings: dict[str, str], directory: Path) -> None:
    """Run the commands of UPKEEP in turn, until cancelled. Each reads all verifications while the gateway serves."""
    while True:
        for command in UPKEEP:
            await asyncio.sleep(UPKEEP_SECONDS)
            process = Process([sys.executable, "-m", "gateway", *command], directory / f"{command[0]}.log", settings)
            process.start()
            await process.ended()
            if process.status:
                clients.failed[f"gateway {' '.join(command)}: status {process.status}"] += 1
            else:
                clients.counted[f"gateway {command[0]}"] += 1


async def delivered(receiver: Receiver, clients: Clients) -> None:
    """Wait until the backend has received the outcome of each verification that has one, or until ANSWER_SECONDS are over."""
    deadline = monotonic() + ANSWER_SECONDS
    while missing := clients.counted["verification"] - outcomes(receiver):
        if missing < 0 or monotonic() > deadline:
            break
        await asyncio.sleep(0.2)
    if missing > 0:
        clients.failed["outcomes that the backend did not receive"] = missing


def outcomes(receiver: Receiver) -> int:
    """The number of verifications about whose outcome the backend has received a webhook."""
    return len({request.event[0] for request in receiver.requests if request.accepted and request.body["data"]["status"] != "PENDING"})


# What must have happened in a run. Otherwise something was not turned on.
EVERYTHING = (
    *("verification", "query", "scrape", "messages of feeds", "feeds resumed", "webhooks of the provider", "webhooks to the backend"),
    *("lines of the audit log", "lines of the archive", "batches of spans", "gateway migrate", "gateway keys", "gateway export"),
)


def work_done(directory: Path, receiver: Receiver, collector: "SpanCollector") -> dict[str, int]:
    """What the run has written, besides what the clients have counted."""
    archive = directory / "archive"
    return {
        "webhooks to the backend": sum(request.accepted for request in receiver.requests),
        "lines of the audit log": lines_of(directory / "audit.log"),
        "lines of the archive": sum(map(lines_of, archive.iterdir())),
        "batches of spans": collector.batches,
    }


def lines_of(path: Path) -> int:
    """The number of lines of a file."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def logged_errors(directory: Path) -> Counter[str]:
    """How often each error is in the gateway's log, by its first words. A line that is not JSON counts as an error."""
    found: Counter[str] = Counter()
    for line in (directory / "gateway.log").read_text().splitlines():
        entry = json.loads(line) if line.startswith("{") else {"level": "error", "event": line}
        if entry.get("level") in ("error", "critical"):
            found[f"log: {entry.get('event', line)}"[:100]] += 1
    return found


@asynccontextmanager
async def running_gateway(plan: Endurance, settings: dict[str, str], directory: Path) -> AsyncIterator[Gateway]:
    """A context with a gateway that is ready. It is stopped with SIGTERM at the end."""
    module = ["gateway", "serve"] if plan.planted is None else ["tests.endurance.planted", plan.planted, "serve"]
    port = int(settings["GATEWAY_PORT"])
    gateway = Gateway("gateway", port, port, Process([sys.executable, "-m", *module], directory / "gateway.log", settings))
    gateway.process.start()
    try:
        await ready(f"http://{HOST}:{settings['GATEWAY_ADMIN_PORT']}", gateway)
        yield gateway
    finally:
        await gateway.process.terminate()


async def ready(admin_url: str, gateway: Gateway) -> None:
    """Wait until all workers answer. Raises: TimeoutError; RuntimeError if the gateway has ended.

    `/readyz` would not suffice: one worker answers it, while the connections to another one wait until that has started.
    """
    expected = {f'gateway_worker_up{{worker="{number}"}} 1' for number in range(1, WORKERS + 1)}
    async with asyncio.timeout(START_SECONDS), httpx2.AsyncClient(trust_env=False, timeout=5) as client:
        while gateway.process.id:
            with suppress(httpx2.HTTPError):
                if expected <= {*(await client.get(f"{admin_url}/metrics")).text.splitlines()}:
                    return
            await asyncio.sleep(0.1)
    raise RuntimeError("the gateway has ended; its log says why")


def environment(mongo_uri: str, directory: Path, fake: FakeYousign, receiver: Receiver, collector: "SpanCollector") -> dict[str, str]:
    """The settings of the gateway: everything is turned on."""
    (directory / "hook-secret").write_text(RECEIVER_SECRET)
    (directory / "archive").mkdir()
    deliveries = f'{UNOBSERVED}[{ACME}.deliveries]\nurl = "{receiver.url}"\nsecret_file = "hook-secret"\n'
    port = free_port()
    return {
        "GATEWAY_MONGO_URI": mongo_uri,
        **{f"GATEWAY_{name.upper()}": key for name, key in KEYS.items()},
        "GATEWAY_TOKEN_ISSUER": ISSUER,
        "GATEWAY_PUBLIC_URL": f"http://{HOST}:{port}",
        "GATEWAY_PORT": str(port),
        "GATEWAY_ADMIN_PORT": str(free_port()),
        "GATEWAY_WORKERS": str(WORKERS),
        "GATEWAY_PROVIDERS_FILE": str(providers_file(directory, fake, more=deliveries)),
        "GATEWAY_AUDIT_LOG": str(directory / "audit.log"),
        "GATEWAY_RETENTION_SECONDS": str(RETENTION_SECONDS),
        "GATEWAY_DELETE_SECONDS": str(DELETE_SECONDS),
        "GATEWAY_ARCHIVE": str(directory / "archive"),
        "GATEWAY_PERSISTED_QUERIES": "true",
        "GATEWAY_TRACING": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        # All clients share one subject. No limit of rates may delay them.
        **dict.fromkeys(("GATEWAY_RATE_COST_PER_SECOND", "GATEWAY_RATE_BURST_COST"), "1000000000"),
    }


def token() -> str:
    """A token of an integrator that is valid for the whole run."""
    issuer = Tokens(Trust(KEYS["token_key"], issuer=ISSUER), [KEYS["signing_key"]], utc_now)
    return issuer.token("endurance", ACME, [*INTEGRATOR], timedelta(hours=24))


@dataclass(slots=True)
class SpanCollector:
    """A server that accepts spans by OTLP over HTTP. `batches`: how many requests it has received."""

    url: str = ""
    batches: int = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection with 200."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
                sizes: list[Any] = [line.partition(":")[2] for line in head if line.startswith("content-length:")]
                await reader.readexactly(int(sizes[0]))
                self.batches += 1
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def collecting() -> AsyncIterator[SpanCollector]:
    """A context in which spans are accepted."""
    collector = SpanCollector()
    async with await asyncio.start_server(collector.accept, HOST, 0) as server:
        collector.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
        yield collector
