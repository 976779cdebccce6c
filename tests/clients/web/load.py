"""Lists that web/client follows under write load and faults. At quiet points, when nothing is written, they are compared with the database."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from tests.clients.outages import BAD_GATEWAY, Outages, outages
from tests.clients.web.program import SECONDS, Line, Program, program
from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company

WRITERS = 3
STEPS = (LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED)
OUTCOMES = (("VERIFIED",), ("FAILED", "IDVV_2101"), ("FAILED", "IDVV_2301"), ("INCONCLUSIVE", "IDVV_1314"))
# A tuple for each list under load: its order, its statuses (all if empty), whether its proxy refuses WebSockets, and how many rows a page has.
LISTS: tuple[tuple[str, tuple[str, ...], bool, str], ...] = (
    ("CREATED_NEWEST", (), False, "100"),
    ("CREATED_NEWEST", ("FAILED", "INCONCLUSIVE"), False, "5"),
    ("CREATED_OLDEST", ("PENDING",), True, "10"),
    ("UPDATED_NEWEST", (), False, "20"),
    ("UPDATED_OLDEST", ("PENDING", "FAILED"), False, "10"),
)


@dataclass
class Lister:
    """A list that a program follows through its own proxy. `order`: the order of the list. `status`: the statuses that it shows; all if empty."""

    program: Program
    proxy: Outages
    order: str
    status: tuple[str, ...]

    async def shown(self) -> Line | None:
        """The list as the program shows it now; None if it has not been read yet.

        The program prints the list only on request: after minutes of load, a list has thousands of rows, and it changes many times in a second.
        """
        printed = len(self.program.all("list"))
        self.program.send("show")
        await self.program.until(lambda program: len(program.all("list")) > printed)
        shown: Line | None = self.program.all("list")[printed]
        return shown

    async def difference(self, company: Company) -> str | None:
        """How the list that the program shows differs from the list in the database; None if both are equal.

        If the program has not read all pages, the rows that it shows must be the first rows of the list.
        """
        documents = company.kept()
        if not (shown := await self.shown()):
            return "nothing is shown"
        instant, latest_first = ("createdAt" if self.order.startswith("CREATED") else "updatedAt"), self.order.endswith("NEWEST")
        matching = [document for document in documents if not self.status or document["status"].upper() in self.status]
        matching.sort(key=lambda document: (document[instant], document["_id"]), reverse=latest_first)
        expected = [[document["_id"], document["version"]] for document in matching]
        if shown["count"] != len(expected):
            return f"the count is {shown['count']}, there are {len(expected)}"
        rows = shown["rows"]
        if not shown["hasMore"] and len(rows) != len(expected):
            return f"{len(rows)} rows are shown as all, there are {len(expected)}"
        return None if rows == expected[: len(rows)] else f"{self.order} {self.status}: {rows} instead of {expected[: len(rows)]}"


@asynccontextmanager
async def lister(
    node: str, order: str = "CREATED_NEWEST", status: tuple[str, ...] = (), blocked: bool = False, **environment: str
) -> AsyncIterator[Lister]:
    """A context in which a program follows a list through a proxy. The proxy refuses connections until its `end` is called."""
    filter = json.dumps({"status": status}) if status else "null"
    async with outages(blocked) as proxy, program(node, "lister.js", proxy.url, FILTER=filter, ORDER=order, **environment) as running:
        yield Lister(running, proxy, order, status)


@dataclass
class Load:
    """Writes to a company's verifications until it is stopped."""

    company: Company
    random: random.Random
    ids: list[str] = field(default_factory=list)
    writes: int = 0

    async def write(self) -> None:
        """Create or change a verification."""
        id = self.random.choice(self.ids) if self.ids else ""
        match self.random.randrange(10):
            case 0 | 1 | 2:
                self.ids.append(await self.company.created())
            case 3 | 4 | 5 if id:
                await self.company.progress(id, self.random.choice(STEPS))
            case 6 | 7 if id:
                await self.company.result(id, *self.random.choice(OUTCOMES))
            case 8 if id:
                retry = await self.company.retry(id)
                self.ids += [retry["id"]] if "id" in retry else []
            case 9 if id:
                # The gateway deletes verifications soon after they are anonymized.
                await self.company.anonymize(id, whole_chain=True)
        self.writes += 1

    async def until_stopped(self, stopped: asyncio.Event) -> None:
        """Write until the event is set."""
        while not stopped.is_set():
            await self.write()
            await asyncio.sleep(self.random.uniform(0, 0.05))


async def interrupt(lister: Lister, choices: random.Random, port: int, stopped: asyncio.Event) -> None:
    """Interrupt the connections of a list again and again, until the event is set.

    Each third time, the proxy swallows the data of the open connections. The event `pageshow` then makes web/client look for dead connections.
    """
    for number in count():
        await asyncio.sleep(choices.uniform(0.5, 3))
        if stopped.is_set():
            return
        if number % 3 == 2:
            lister.proxy.swallow()
            lister.program.send("pageshow")
            continue
        lister.proxy.begin(choices.choice([b"", BAD_GATEWAY]))
        await asyncio.sleep(choices.uniform(0, 1.5))
        lister.proxy.end(port)


async def equal(lister: Lister, company: Company) -> None:
    """Wait until a list equals the database. Fails if that takes too long. The event `online` makes web/client look for dead connections at once."""
    lister.program.send("online")
    try:
        async with asyncio.timeout(SECONDS):
            while await lister.difference(company):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(await lister.difference(company)) from None
    assert not lister.program.all("fault"), lister.program.all("fault")
    assert not lister.program.all("exit"), lister.program.lines[-5:]


async def nothing() -> None:
    """Do nothing. `run` calls this function if its caller wants no restart of the gateway."""


async def run(
    node: str, company: Company, port: int, token: str, seconds: float, seed: int, rounds: int, restart: Callable[[], Awaitable[None]] = nothing
) -> Load:
    """Follow lists in each order and with several filters, for some rounds of load and faults. After each round, each list must equal the database.

    `port`: the port of the gateway that the lists use. `restart`: kills that gateway and starts it again. Returns the load.
    """
    choices = random.Random(seed)
    load = Load(company, choices)
    for _ in range(30):
        await load.write()
    async with AsyncExitStack() as stack:
        listers = [
            await stack.enter_async_context(lister(node, order, status, blocked, PAGE_SIZE=size, TOKEN=token))
            for order, status, blocked, size in LISTS
        ]
        for _ in range(rounds):
            await loaded(listers, load, port, seconds / rounds, restart)
            for each in listers:
                await equal(each, company)
    return load


async def loaded(listers: list[Lister], load: Load, port: int, seconds: float, restart: Callable[[], Awaitable[None]]) -> None:
    """One round: for `seconds`, write and interrupt the lists. After half of this time, load further pages, and restart the gateway."""
    for each in listers:
        each.proxy.end(port)
    stopped = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(WRITERS):
            tasks.create_task(load.until_stopped(stopped))
        for each in listers:
            tasks.create_task(interrupt(each, load.random, port, stopped))
        await asyncio.sleep(seconds / 2)
        for each in listers:
            each.program.send("more")
        await restart()
        await asyncio.sleep(seconds / 2)
        stopped.set()
