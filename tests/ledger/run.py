"""One run of the ledger: starts gateways, writers and subscribers, injects faults, heals them, and checks the records."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic, time
from typing import Any

import httpx2
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from tests.ledger import cluster, gateways, nemesis
from tests.ledger.checker import Finding, check
from tests.ledger.cluster import Cluster
from tests.ledger.gateways import Gateway
from tests.ledger.nemesis import Nemesis
from tests.ledger.process import free_port
from tests.ledger.proxy import Proxies
from tests.ledger.records import Document, Fault, Filter, Journal, Kind, Log, Quiet, Written, stored
from tests.ledger.records import Outcome as Answer
from tests.ledger.subscribers import FeedFollower, Follower, Subscriber, Trait
from tests.ledger.writers import Book, Writer

STILL_SECONDS = 1.0
PATIENCE_SECONDS = 90.0
# The longest time for which a gateway may go on executing a request whose client has disconnected. Later, such a request changes nothing any more.
FORGOTTEN_SECONDS = 10.0

# The subscribers of a run: what they follow, their trait, and how many there are of each. They are sixty in all, and `Plan.subscribers` multiplies
# the numbers. Those that follow the workspace use FILTERS in turn.
# Every third subscriber of those that are not slow uses event streams, the others use sockets.
MIX = (
    (Kind.SINGLE, Trait.STEADY, 12),
    (Kind.SINGLE, Trait.DROPPING, 9),
    (Kind.SINGLE, Trait.SLOW, 3),
    (Kind.CHAIN, Trait.STEADY, 12),
    (Kind.CHAIN, Trait.DROPPING, 12),
    (Kind.CHAIN, Trait.SLOW, 2),
    (Kind.FEED, Trait.STEADY, 3),
    (Kind.FEED, Trait.DROPPING, 5),
    (Kind.FEED, Trait.SLOW, 2),
)
EVERY_THIRD = 3
FILTERS = (Filter(), Filter(status=("FAILED", "INCONCLUSIVE")), Filter(status=("PENDING",)), Filter(first_attempts_only=True))


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a run. `minutes`, `faults`: after this time, or after this number of faults, no further fault is injected.

    `quick`, `only`: which kinds of faults may occur; see the function `table`. `subscribers`: the number of subscribers, as a multiple of sixty.
    `pause_seconds`: the mean pause before each write of a writer. `link_window_seconds`: the time after which an opened link expires.

    No fault begins in the first `quiet_seconds`, or in the last `quiet_seconds` before everything is healed.

    After the last change, subscribers have `patience_seconds` to receive the last events.
    `planted` names a bug that the gateways have on purpose (see planted.py).
    """

    seed: int = 1
    minutes: float = 2.0
    faults: int = 20
    quick: bool = False
    only: tuple[str, ...] = ()
    subscribers: float = 1.0
    writers: int = 10
    pause_seconds: float = 1.0
    quiet_seconds: float = 4.0
    link_window_seconds: float = 20.0
    patience_seconds: float = 90.0
    planted: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The records of a run, and the breaches that the checker found in them. `elections`: the time and the new primary of each election.
    `drains`: how many seconds each gateway took to end after SIGTERM. `written_until`: the time at which the nemesis ended. The report ignores all
    pauses between messages after it, because the writers end soon.
    """

    plan: Plan
    seconds: float
    documents: Mapping[str, Document]
    written: list[Written]
    logs: list[Log]
    faults: list[Fault]
    elections: list[tuple[float, str]]
    drains: list[float]
    written_until: float
    findings: list[Finding] = field(default_factory=list)


def table(plan: Plan) -> list[nemesis.FaultKind]:
    """The kinds of faults that the nemesis may inject in a run with this plan."""
    return [kind for kind in nemesis.TABLE if kind.quick or not plan.quick if kind.name in plan.only or not plan.only]


@contextmanager
def proxies() -> Iterator[Proxies]:
    """A context with a running proxy for each member and each gateway.

    Each proxy forwards to a free port, on which its member or gateway is started later.
    """
    with Proxies({name: free_port() for name in (*cluster.NAMES, *gateways.NAMES)}) as opened:
        yield opened


async def ledger(plan: Plan, running: Cluster, directory: Path, database: str, report: Callable[[str], None]) -> Outcome:
    """Run the ledger with this replica set and its proxies, and check the records. Journals and logs are written to the directory."""
    began_at = monotonic()
    await running.authorize(database)
    uri = running.uri(database)
    with ExitStack() as stack:
        book = Book(stack.enter_context(Journal(directory / "writes.jsonl", forced=True)))
        breaking = stack.enter_context(Journal(directory / "faults.jsonl"))
        async with (
            gateways.running(directory, running.proxies, uri, plan.link_window_seconds, plan.planted) as served,
            client() as http,
            collection(uri) as verifications,
        ):
            subscribers = list(followers(plan, served, http, book, lambda name: stack.enter_context(Journal(directory / f"{name}.jsonl"))))
            writers = [
                Writer(
                    f"writer-{number}", plan.seed, served, http, book, plan.pause_seconds, plan.link_window_seconds, partial(delete, verifications)
                )
                for number in range(1, plan.writers + 1)
            ]
            breaker = Nemesis(plan.seed, running, served, subscribers, breaking, report)
            async with following(subscribers):
                writing = [asyncio.create_task(writer.run()) for writer in writers]
                try:
                    await asyncio.sleep(plan.quiet_seconds)
                    await breaker.run(plan.faults, time() + plan.minutes * 60, table(plan))
                    await asyncio.sleep(plan.quiet_seconds)
                    written_until = time()
                    report("healing everything")
                    await breaker.heal()
                finally:
                    await finish(writers, writing)
                report("waiting until nothing changes any more")
                documents = await settled(uri, plan.link_window_seconds, book)
                report("waiting for the subscribers")
                await calm(subscribers, documents, plan.patience_seconds)
            report("reading unfinished verifications to their end")
            await asyncio.gather(*(each.visit(documents) for each in subscribers if isinstance(each, Follower)))
            documents = {**book.deleted, **await read(uri)}
    logs = [subscriber.log for subscriber in subscribers]
    findings = check(documents, book.written, logs)
    return Outcome(
        plan, monotonic() - began_at, documents, book.written, logs, breaker.faults, running.elections, breaker.drains, written_until, findings
    )


def followers(plan: Plan, served: list[Gateway], http: httpx2.AsyncClient, book: Book, journal: Callable[[str], Journal]) -> Iterator[Subscriber]:
    """Create the subscribers: for each gateway a witness, which connects to it without a proxy, and as many others as the plan says."""
    for number, gateway in enumerate(served, 1):
        name = f"witness-{number}"
        yield FeedFollower(Log(name, Kind.FEED, Filter(), []), Trait.WITNESS, plan.seed, [gateway], journal(name), http)
    for kind, trait, of_sixty in MIX:
        for number in range(max(1, round(of_sixty * plan.subscribers))):
            event_streams = trait is not Trait.SLOW and number % EVERY_THIRD == 1
            name = f"{kind.value}-{trait.value}-{number + 1}" + ("-stream" if event_streams else "")
            filter = FILTERS[number % len(FILTERS)] if kind is Kind.FEED else Filter()
            log = Log(name, kind, filter, [], event_streams)
            if kind is Kind.FEED:
                yield FeedFollower(log, trait, plan.seed, served, journal(name), http)
            else:
                yield Follower(log, trait, plan.seed, served, journal(name), book.followable)


@asynccontextmanager
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client, with which writers send mutations and subscribers read lists."""
    async with httpx2.AsyncClient(trust_env=False, timeout=10, limits=httpx2.Limits(max_connections=200)) as opened:
        yield opened


@asynccontextmanager
async def following(subscribers: list[Subscriber]) -> AsyncIterator[None]:
    """Let all subscribers run until the end of the context. If a subscriber failed, its error is raised then."""
    tasks = [asyncio.create_task(subscriber.run()) for subscriber in subscribers]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def finish(writers: list[Writer], writing: list[asyncio.Task[None]]) -> None:
    """Let the writers stop, and wait until each has finished its attempt, or PATIENCE_SECONDS are over. Raises: the error of a writer that failed."""
    for writer in writers:
        writer.over = True
    _, late = await asyncio.wait(writing, timeout=PATIENCE_SECONDS)
    for task in late:
        task.cancel()
    for outcome in await asyncio.gather(*writing, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


async def settled(uri: str, link_window_seconds: float, book: Book) -> dict[str, Document]:
    """Wait until nothing changes in the database any more. Returns its content.

    Nothing changes any more if no request of a writer can still be running, no verification has an opened link whose deadline would pass soon, and
    two reads in a row are equal.
    """
    before: dict[str, Document] = {}
    unknown = max((write.sent_at for write in book.written if write.outcome is Answer.UNKNOWN and write.code != "ConnectError"), default=0.0)
    await asyncio.sleep(unknown + FORGOTTEN_SECONDS - time())
    async with asyncio.timeout(PATIENCE_SECONDS + 2 * link_window_seconds):
        while True:
            await asyncio.sleep(STILL_SECONDS)
            documents = await read(uri)
            pending = [each for each in documents.values() if each.status == "PENDING" and each.events[-1].type == "LINK_OPENED"]
            if documents == before and not pending:
                return documents
            before = documents


async def calm(subscribers: list[Subscriber], documents: Mapping[str, Document], patience_seconds: float) -> None:
    """Wait until all open subscriptions have delivered everything, or `patience_seconds` are over. Then record `Quiet` for each subscriber.

    The checker reports subscriptions that have not delivered everything before this record.
    """
    for subscriber in subscribers:
        subscriber.calm = True
    deadline = monotonic() + patience_seconds
    while monotonic() < deadline and not all(subscriber.caught_up(documents) for subscriber in subscribers):
        await asyncio.sleep(0.05)
    for subscriber in subscribers:
        subscriber.keep(Quiet(time()))


@asynccontextmanager
async def collection(uri: str) -> AsyncIterator[AsyncCollection[dict[str, Any]]]:
    """The collection of verifications, for direct access. It reads and writes with the concern `majority`."""
    mongo: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(uri, tz_aware=True, serverSelectionTimeoutMS=30_000, w="majority") as mongo:
        yield mongo.get_default_database().get_collection("verifications", read_concern=ReadConcern("majority"))


async def delete(verifications: AsyncCollection[dict[str, Any]], id: str) -> Document | None:
    """Delete a verification, and try again until that succeeds. Returns its last state, or None if it was not there."""
    last: Document | None = None
    while True:
        try:
            last = last or await found(verifications, id)
            deleted = await verifications.find_one_and_delete({"_id": id})
            return stored(deleted, removed=True) if deleted else last
        except PyMongoError:
            await asyncio.sleep(STILL_SECONDS)


async def found(verifications: AsyncCollection[dict[str, Any]], id: str) -> Document | None:
    """The last state of a verification that is about to be deleted; None if it is not there."""
    document = await verifications.find_one({"_id": id})
    return stored(document, removed=True) if document else None


async def read(uri: str) -> dict[str, Document]:
    """Read all verifications. Returns them by id. Raises: PyMongoError if two attempts fail."""
    async with collection(uri) as verifications:
        for patience in (True, False):
            try:
                return {each["_id"]: stored(each) async for each in verifications.find()}
            except PyMongoError:
                if not patience:
                    raise
    return {}
