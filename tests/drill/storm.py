"""One run of the drill of sockets: thousands of clients with one live subscription each, and their storm of connections after a kill."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from random import Random
from time import monotonic

from pymongo.database import Database

from bench.dataset import Company, database, insert, prepare
from bench.machinery import cpu_seconds_of, percentile, resident_bytes_of
from bench.processors import SERVER
from bench.publishing import advanced, database_publisher
from domain.caller import Caller, Scope
from domain.verification import Verification
from gateway.callers.tokens import Tokens, Trust
from store.documents import encode
from store.driver import Document
from store.indexes import VERIFICATIONS
from store.verifications import utc_now
from tests.drill.crowds import Crowds, crowds
from tests.drill.reconnecting import Assignment, ClientRecord
from tests.ledger.gateways import Gateway
from tests.ledger.process import Process, free_port
from tests.ledger.proxy import HOST
from tests.processes.service import settings_at
from tests.serving import ISSUER, KEYS
from tests.storing import DATA_KEYS

MAX_STORM_SECONDS = 30.0
IDLE_SECONDS = 20.0
# How many verifications change in one transaction. Their changes reach the gateway together.
BATCH = 500
# Every tenth verification changes while no gateway runs, so that its client has missed a change when it is back.
EVERY_TENTH = 10
DAMAGED_GATEWAY = ("tests.ledger.planted", "drops-changes")


@dataclass(frozen=True, slots=True)
class StormPlan:
    """The parameters of a run. `sockets`: how many clients there are, each with one socket. `processes`: how many processes the clients share.

    `at_once`: how many clients connect at the same time in the beginning. `addresses`: from how many IP addresses of this machine they connect.
    `workspaces`: over how many workspaces their verifications are spread. `patience_seconds`: how long clients may take to connect, to come back, and
    to receive a change; everything that takes longer is a finding. `planted`: the name of a fault in FAULTS_OF_STORM.
    """

    sockets: int = 10_000
    processes: int = 4
    addresses: int = 40
    workspaces: int = 10
    at_once: int = 200
    patience_seconds: float = 90.0
    planted: str | None = None


@dataclass(slots=True)
class StormOutcome:
    """The figures of a run, by name, and what was wrong."""

    figures: dict[str, float] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PlantedFault:
    """A fault that the drill must find, in the gateway that is started after the kill.

    `settings`: returns the settings of that gateway that differ; its argument is the number of sockets. `module`: the module and the arguments with
    which that gateway is started. `away_seconds`: how long after the kill it is started.
    """

    settings: Callable[[int], dict[str, str]] = lambda sockets: {}
    module: Sequence[str] = ("gateway", "serve")
    away_seconds: float = 0.0


FAULTS_OF_STORM = {
    "half-the-sockets": PlantedFault(lambda sockets: {"GATEWAY_MAX_SOCKETS": str(sockets // 2)}),
    "other-signing-key": PlantedFault(lambda sockets: {"GATEWAY_SIGNING_KEY": "another-key-0123456789-zyxwvutsrqpo"}),
    "drops-changes": PlantedFault(module=DAMAGED_GATEWAY),
    "away": PlantedFault(away_seconds=MAX_STORM_SECONDS),
}


class Verifications:
    """The verifications that the clients follow, and when each of their versions was written, as times of `time.monotonic`."""

    def __init__(self, target: Database[Document], states: list[Verification]) -> None:
        self._publisher = database_publisher(target, DATA_KEYS)
        self.states = states
        self.written_at: dict[str, float] = {}

    async def change(self, every: int = 1) -> None:
        """Write a new version of every verification, or of each `every`th one, as another gateway would."""
        positions = iter(range(0, len(self.states), every))
        while batch := [*islice(positions, BATCH)]:
            changed = [advanced(self.states[at]) for at in batch]
            publish = self._publisher(changed)
            begun = monotonic()
            await publish()
            for at, state in zip(batch, changed, strict=True):
                self.states[at] = state
                self.written_at[state.id] = begun

    @property
    def versions(self) -> Counter[int]:
        """How many verifications have each version."""
        return Counter(state.version for state in self.states)


class StormRun:
    """The parts of a run, and its steps. `gateway`: the first gateway. `after_kill`: the one that is started after the kill, on the same port."""

    def __init__(
        self, plan: StormPlan, gateway: Gateway, after_kill: Gateway, clients: Crowds, stored: Verifications, report: Callable[[str], None]
    ) -> None:
        self.plan = plan
        self.outcome = StormOutcome()
        self.gateway = gateway
        self.after_kill = after_kill
        self._clients = clients
        self._stored = stored
        self._report = report

    async def connect(self, idle_bytes: int) -> None:
        """Wait until all clients follow. Measures how long that takes, and how much memory a client takes. `idle_bytes`: memory without clients."""
        plan, figures, process = self.plan, self.outcome.figures, self.gateway.process.id
        begun, cpu = monotonic(), cpu_seconds_of(process)
        await self._clients.until_following(plan.sockets, plan.patience_seconds)
        seconds = monotonic() - begun
        figures["connected_per_second"] = plan.sockets / seconds
        figures["connecting_cpu_us"] = (cpu_seconds_of(process) - cpu) / plan.sockets * 1e6
        await asyncio.sleep(2)
        figures["bytes_per_socket"] = (resident_bytes_of(process) - idle_bytes) / plan.sockets
        figures["resident_megabytes"] = resident_bytes_of(process) / 1e6
        self._report(f"all follow after {seconds:.1f} s")

    async def idle(self) -> None:
        """Measure how much of a processor the idle sockets take."""
        cpu = cpu_seconds_of(self.gateway.process.id)
        await asyncio.sleep(IDLE_SECONDS)
        self.outcome.figures["idle_cpu_percent"] = (cpu_seconds_of(self.gateway.process.id) - cpu) / IDLE_SECONDS * 100

    async def change(self, name: str, gateway: Gateway) -> None:
        """Change every verification, and wait until all clients have received it. Measures how late that was."""
        cpu = cpu_seconds_of(gateway.process.id)
        await self._stored.change()
        await self._clients.until_at(self._stored.versions, self.plan.patience_seconds)
        records, _ = await self._clients.records()
        cpu = cpu_seconds_of(gateway.process.id) - cpu
        late = [record.arrived_at - self._stored.written_at[record.id] for record in records]
        self.outcome.figures |= {
            f"{name}_lateness_p50_ms": percentile(late, 0.5) * 1000,
            f"{name}_lateness_p99_ms": percentile(late, 0.99) * 1000,
            f"{name}_lateness_max_ms": max(late) * 1000,
            f"{name}_cpu_us": cpu / len(records) * 1e6,
        }
        self.outcome.findings += [f"{name}: {finding}" for finding in missing(records, self._stored.states)]

    async def kill(self) -> None:
        """Kill the gateway, start it again, and wait until all clients are back. Measures how long that takes."""
        plan, fault = self.plan, FAULTS_OF_STORM.get(self.plan.planted or "", PlantedFault())
        before, endings_before = await self._clients.records()
        killed_at = monotonic()
        await self.gateway.process.kill()
        await self._stored.change(EVERY_TENTH)
        await asyncio.sleep(fault.away_seconds)
        start(self.after_kill)
        await self.after_kill.ready()
        self.outcome.figures["ready_seconds"] = monotonic() - killed_at
        await self._clients.until_back(plan.sockets, killed_at, plan.patience_seconds)
        records, endings = await self._clients.records()
        self.outcome.figures |= storm_figures(before, records, killed_at)
        self.outcome.figures["storm_cpu_seconds"] = cpu_seconds_of(self.after_kill.process.id)
        self.outcome.figures |= {f"storm_ended_{code}": count for code, count in (endings - endings_before).items()}
        self.outcome.findings += storm_findings(records, killed_at) + [f"after the storm: {each}" for each in missing(records, self._stored.states)]
        self._report(f"the last client is back after {self.outcome.figures['storm_seconds']:.1f} s")


def storm_figures(before: Sequence[ClientRecord], records: Sequence[ClientRecord], killed_at: float) -> dict[str, float]:
    """How long clients took to come back, and how often they tried. `before`: their records before the kill."""
    back = [record.back_at - killed_at for record in records if record.back_at > killed_at] or [0.0]
    attempts = sum(record.attempts for record in records) - sum(record.attempts for record in before)
    return {
        "back_p50_seconds": percentile(back, 0.5),
        "back_p99_seconds": percentile(back, 0.99),
        "storm_seconds": max(back),
        "storm_attempts_per_socket": attempts / len(records),
    }


def missing(records: Sequence[ClientRecord], states: Sequence[Verification]) -> list[str]:
    """What is wrong with what the clients have received: not the present version, or not each event once and in order."""
    versions = {state.id: state.version for state in states}
    late = [record for record in records if record.version != versions[record.id]]
    broken = [record for record in records if record.breaches]
    found = [f"{len(late)} clients have not received the present version, such as {late[0].id}"] if late else []
    return [*found, *([f"{len(broken)} clients received wrong events: {broken[0].breaches[0]}"] if broken else [])]


def storm_findings(records: Sequence[ClientRecord], killed_at: float, of_all: bool = True) -> list[str]:
    """What is wrong with a storm: clients that have given up, that are not back, or that came back too late.

    `of_all`: whether all clients lost their connection, so that each must be back.
    """
    given_up = Counter(record.given_up for record in records if record.given_up)
    absent = sum(record.back_at <= killed_at for record in records) if of_all else 0
    last = max((record.back_at - killed_at for record in records), default=0.0)
    found = [f"{count} clients were turned away for good: {why}" for why, count in given_up.items()]
    if absent:
        found.append(f"{absent} clients do not follow again")
    if last > MAX_STORM_SECONDS:
        found.append(f"the last client was back after {last:.1f} s, and not within {MAX_STORM_SECONDS:.0f} s")
    return found


def start(gateway: Gateway) -> None:
    """Start the process of a gateway. It runs on the first processor, alone."""
    gateway.process.start()
    os.sched_setaffinity(gateway.process.id, SERVER)


def gateway_on(port: int, mongo_uri: str, directory: Path, name: str, fault: PlantedFault | None, sockets: int) -> Gateway:
    """A gateway that is not started yet, with the default limits. `fault`: a fault that is planted in it; None: none."""
    environment = {**settings_at(port), "GATEWAY_MONGO_URI": mongo_uri, **(fault.settings(sockets) if fault else {})}
    command = [sys.executable, "-m", *(fault.module if fault else ("gateway", "serve"))]
    return Gateway(name, port, port, Process(command, directory / f"{name}.log", environment))


def followed(plan: StormPlan) -> list[Verification]:
    """The verifications that the clients follow: new ones in several workspaces."""
    companies = [Company(f"company-{number}", Random(number), utc_now()) for number in range(plan.workspaces)]
    return [companies[number % plan.workspaces].created() for number in range(plan.sockets)]


def assignments(plan: StormPlan, states: Sequence[Verification]) -> list[Assignment]:
    """What each client follows, with a follow token of its own, as the browsers of the individuals do."""
    tokens = Tokens(Trust(KEYS["token_key"], issuer=ISSUER), [KEYS["signing_key"]], utc_now)
    return [
        Assignment(
            state.id,
            tokens.follow_token(Caller("drill", state.workspace, frozenset(Scope)), state.chain, timedelta(hours=4)).token,
            f"127.0.1.{1 + number % plan.addresses}",
        )
        for number, state in enumerate(states)
    ]


@asynccontextmanager
async def prepared(plan: StormPlan, mongo_uri: str, directory: Path, report: Callable[[str], None]) -> AsyncIterator[StormRun]:
    """Store the verifications, start a gateway and the clients. Yields when all clients follow. All processes end with the context."""
    port, states = free_port(), followed(plan)
    gateway = gateway_on(port, mongo_uri, directory, "gateway", None, plan.sockets)
    fault = FAULTS_OF_STORM[plan.planted] if plan.planted else None
    after_kill = gateway_on(port, mongo_uri, directory, "gateway-after-kill", fault, plan.sockets)
    with database(mongo_uri) as target:
        prepare(target)
        insert(target[VERIFICATIONS], (encode(state, DATA_KEYS) for state in states))
        try:
            start(gateway)
            await gateway.ready()
            report(f"{plan.sockets:,} clients connect")
            idle_bytes = resident_bytes_of(gateway.process.id)
            async with crowds((HOST, port), assignments(plan, states), plan.processes, plan.at_once) as clients:
                run = StormRun(plan, gateway, after_kill, clients, Verifications(target, states), report)
                await run.connect(idle_bytes)
                yield run
        finally:
            await gateway.process.kill()
            await after_kill.process.kill()


async def storm(plan: StormPlan, mongo_uri: str, directory: Path, report: Callable[[str], None]) -> StormOutcome:
    """Run the drill of sockets. Returns its figures and its findings."""
    async with prepared(plan, mongo_uri, directory, report) as run:
        await run.idle()
        await run.change("change", run.gateway)
        await run.kill()
        await run.change("change_after", run.after_kill)
        return run.outcome
