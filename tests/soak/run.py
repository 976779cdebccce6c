"""One run of the soak: individuals go through verifications while faults are injected; then everything is healed, and the records are checked."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import httpx2

from tests.fakes import yousign
from tests.fakes.receiver import Receiver, receiving
from tests.soak import database, gateways
from tests.soak.backend import Refusals
from tests.soak.checker import check
from tests.soak.database import Database
from tests.soak.gateways import Fleet, token
from tests.soak.individuals import Individuals
from tests.soak.plan import WORKSPACES, Fate, Kill, fates
from tests.soak.provider import SoakYousign
from tests.soak.records import Delivered, Records
from tests.soak.report import Result
from tests.soak.webhooks import Courier

SHORTEN_SECONDS = 1.0
POLL_SECONDS = 0.5
PAGE = """
query($after: String) {
  verifications(first: 100, after: $after) {
    edges { node { id status version reasons { code } provider { id } events { version type } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """The parameters of a run.

    `per_second`: how many verifications are created each second. `at_once`: how many may be under way. `grace_seconds`: how long after the last
    creation all gateways are killed. `patience_seconds`: how long everything may take to settle after that. `planted` names a bug that the gateways
    have on purpose (see planted.py).
    """

    seed: int = 7
    verifications: int = 10_000
    gateways: int = 3
    per_second: float = 6.0
    at_once: int = 2000
    grace_seconds: float = 25.0
    patience_seconds: float = 300.0
    planted: str | None = None


class Soak:
    """One run: creates the verifications, injects the faults, heals everything, and waits for the gateways."""

    def __init__(
        self,
        plan: Plan,
        records: Records,
        fake: SoakYousign,
        fleet: Fleet,
        stored: Database,
        client: httpx2.AsyncClient,
        report: Report,
    ) -> None:
        self._plan = plan
        self._records = records
        self._fake = fake
        self._fleet = fleet
        self._stored = stored
        self._client = client
        self._report = report
        self._chance = Random(f"{plan.seed}:run")
        self._courier = Courier(fake, fleet, client, Random(f"{plan.seed}:courier"), records)
        self._individuals = Individuals(fake, fleet, client, Random(f"{plan.seed}:individuals"), records)
        fake.is_up = lambda name: name not in fleet.down
        fake.freeze = lambda name: fleet.named(name).process.freeze()
        fake.kill_during_start = self._kill_during_start
        fake.kill_before_application = self._kill_before_application
        fake.send_early = self._courier.send_early
        self._done = 0

    async def run(self) -> None:
        """Create all verifications, inject the faults, heal everything, and wait until nothing is left to do."""
        await self._until(self._stored.deliveries_begun)
        shortening = asyncio.create_task(self._shorten())
        try:
            tasks = await self._create_all()
            self._fake.heal()
            await self._courier.release()
            self._report("killing all gateways; then time passes, and no further fault is injected, except by the backend")
            await self._kill_all()
            await asyncio.gather(*tasks)
            await self._courier.release()
            await self._courier.conclude_orphans()
            self._report("waiting until nothing is left to do")
            await self._settled()
        finally:
            shortening.cancel()
        await self._stored.read_into(self._records)
        self._records.shown = {row["id"]: row for workspace in WORKSPACES for row in [row async for row in self._shown(workspace)]}

    async def _create_all(self) -> "list[asyncio.Task[None]]":
        """Begin all verifications. Returns their tasks after the grace time.

        Most tasks are done by then. The others wait until the lease of a killed gateway ends, so that another gateway continues its work.
        """
        slots, tasks = asyncio.Semaphore(self._plan.at_once), []
        for fate in self._records.fates:
            await slots.acquire()
            task = asyncio.create_task(self._life(fate))
            task.add_done_callback(lambda _: slots.release())
            tasks.append(task)
            if fate.number % 500 == 0:
                self._report(f"{fate.number} verifications begun, {self._done} done, {sum(self._records.injected.values())} faults")
            await asyncio.sleep(1 / self._plan.per_second)
        await asyncio.wait(tasks, timeout=self._plan.grace_seconds)
        return tasks

    async def _life(self, fate: Fate) -> None:
        """Let one verification go from its creation to its outcome, with the faults that begin with it."""
        if fate.period:
            self._fake.begin(fate.period)
        if fate.kill is Kill.ANY:
            await self._kill_any()
        elif fate.kill is Kill.ALL:
            await self._kill_all()
        elif fate.kill:
            self._fake.armed[fate.kill] += 1
        video = await self._individuals.started(fate)
        if video:
            await asyncio.sleep(fate.delay_seconds)
            if video not in self._records.decisions:
                await self._courier.conclude(fate, video)
        self._done += 1

    async def _kill_any(self) -> None:
        up = [gateway for gateway in self._fleet.gateways if gateway.name not in self._fleet.down]
        if up:
            await asyncio.sleep(self._chance.uniform(0, 1))
            if await self._fleet.kill(self._chance.choice(up)):
                self._records.injected[f"gateway killed: {Kill.ANY.value}"] += 1

    async def _kill_all(self) -> None:
        self._records.injected[f"gateway killed: {Kill.ALL.value}"] += 1
        await self._fleet.kill_all()
        await self._stored.pass_time()
        await self._fleet.start_all()

    async def _kill_during_start(self, name: str, fate: Fate) -> None:
        if fate.number % 2 == 0:
            # The gateway is not frozen. After this pause, it may be reading the answer, writing the provider's id, or done.
            await asyncio.sleep(self._chance.uniform(0, 0.01))
        killed = await self._fleet.kill(self._fleet.named(name))
        missed = await self._stored.started(fate)
        self._count_kill(Kill.AFTER_ANSWER, killed, "just after its write" if missed else None)

    async def _kill_before_application(self, name: str, fate: Fate, video: str) -> None:
        killed = await self._fleet.kill(self._fleet.named(name))
        hit = await self._stored.awaits_application(video)
        self._count_kill(Kill.BEFORE_APPLICATION, killed, None if hit else "just after the application")

    def _count_kill(self, aim: Kill, killed: bool, missed: str | None) -> None:
        """Count a kill by the instant at which it happened. If it was not the instant `aim` but `missed`, plan another kill."""
        if killed:
            self._records.injected[f"gateway killed: {missed or aim.value}"] += 1
        if (missed or not killed) and not self._fake.healed:
            self._fake.armed[aim] += 1

    async def _shorten(self) -> None:
        """Shorten the pauses between the tries of webhooks to the backend from minutes and hours to seconds."""
        while True:
            await asyncio.sleep(SHORTEN_SECONDS)
            self._records.injected["time: pause before a next try at the backend shortened"] += await self._stored.shorten_pauses()

    async def _settled(self) -> None:
        """Wait until the gateways have nothing left to do. If that takes too long, the checker reports what is missing."""
        deadline = monotonic() + self._plan.patience_seconds
        while left := await self._stored.unfinished():
            if monotonic() > deadline:
                self._report(f"gave up waiting: {left}")
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _shown(self, workspace: str) -> AsyncIterator[dict[str, Any]]:
        """All verifications of a workspace, as the gateways show them."""
        headers, after = {"authorization": f"Bearer {token(workspace)}"}, None
        while True:
            body = {"query": PAGE, "variables": {"after": after}}
            answer = (await self._client.post(f"{self._fleet.any().url}/graphql", json=body, headers=headers)).json()
            assert "errors" not in answer, answer
            page = answer["data"]["verifications"]
            for edge in page["edges"]:
                yield edge["node"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    async def _until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(self._plan.patience_seconds):
            while not await condition():
                await asyncio.sleep(POLL_SECONDS)


async def soak(plan: Plan, mongo_uri: str, name: str, directory: Path, report: Report) -> Result:
    """Run the soak with the database `name` at the address `mongo_uri`. The gateways write their logs to `directory`."""
    began_at = monotonic()
    records = Records(fates(plan.seed, plan.verifications))
    async with parts(plan, mongo_uri, name, directory, records, report) as (running, receiver):
        await running.run()
    for request in receiver.requests:
        id, version = request.event
        records.delivered.append(Delivered(id, version, request.body["data"]["status"], request.accepted))
    records.forged = len(receiver.forged)
    errors = logged_errors(directory)
    return Result(plan.seed, plan.gateways, plan.planted, monotonic() - began_at, records, check(records), errors)


@asynccontextmanager
async def parts(plan: Plan, mongo_uri: str, name: str, directory: Path, records: Records, report: Report) -> "AsyncIterator[tuple[Soak, Receiver]]":
    """A context with the fakes, the gateways and everything that works with them."""
    refusals, fake = Refusals(Random(f"{plan.seed}:backend"), records), SoakYousign(records)
    chance = Random(f"{plan.seed}:fleet")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(yousign.served(fake))
        receiver = await stack.enter_async_context(receiving(refusals.answer))
        stored = await stack.enter_async_context(database.opened(mongo_uri, name))
        limits = httpx2.Limits(max_connections=500)
        client = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False, timeout=30, limits=limits))
        fleet = await stack.enter_async_context(
            gateways.running(directory, mongo_uri, plan.gateways, fake, receiver.url, chance, records, plan.planted)
        )
        yield Soak(plan, records, fake, fleet, stored, client, report), receiver


def logged_errors(directory: Path) -> Counter[str]:
    """The errors in the logs of the gateways: the first words of each, and how often it occurred. A line that is not JSON counts too."""
    found: Counter[str] = Counter()
    for log in directory.glob("gateway-*.log"):
        for line in log.read_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                found[line[:60]] += 1
                continue
            if entry.get("level") == "error":
                message = " ".join(word for word in str(entry.get("message", entry.get("event", line))).split() if not word.startswith("ver_"))
                found[message[:68]] += 1
    return found
