"""Injects faults into MongoDB and the gateways during a run: a seeded generator draws each kind from a weighted table.

Each fault is healed before the next. At the end, everything is healed again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from time import time

from pymongo.errors import PyMongoError

from tests.ledger.cluster import Cluster, Member
from tests.ledger.gateways import Gateway
from tests.ledger.proxy import Mode
from tests.ledger.records import Fault, Journal
from tests.ledger.subscribers import Subscriber, Trait

Report = Callable[[str], None]

# How long the messages of a gateway to MongoDB are held. A feed that resumes reads again what was changed in the last 60 seconds by the clocks of the
# gateways (`OVERLAP` in store/feeds/stored_changes.py). A write that is held for longer is found only by the stamp that MongoDB gives it, `storedAt`.
# So the messages are held for longer than 60 seconds, to test these stamps.
HELD_SECONDS = 90.0
# The name of a proxy that does not exist. `Proxies.cut_off` blocks the connections that a process has opened, and those through the proxy with the
# passed name. With this name, only the connections that the gateway has opened are blocked. Clients still reach the gateway through its real proxy.
HELD = "held"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault.

    `weight`: how often it is drawn. `quick`: whether short runs (`--quick`) use it too. `inject`: a function that injects the fault, heals it after
    a while, and returns a description, such as the name of the member.
    """

    name: str
    weight: float
    quick: bool
    inject: Callable[["Nemesis"], Awaitable[str]]


class Nemesis:
    """Injects faults one after the other. Before the next fault, it waits in half of the cases until the system has recovered (see `recovered`)."""

    def __init__(
        self,
        seed: int,
        cluster: Cluster,
        gateways: Sequence[Gateway],
        subscribers: Sequence[Subscriber],
        journal: Journal,
        report: Report,
    ) -> None:
        self.random = Random(f"{seed}:nemesis")
        self.cluster = cluster
        self.gateways = gateways
        self.subscribers = subscribers
        self.faults: list[Fault] = []
        self.drains: list[float] = []
        self._journal = journal
        self._report = report

    async def run(self, faults: int, until: float, table: Sequence[FaultKind]) -> None:
        """Inject `faults` faults, or fewer if the time `until` comes earlier. First, each kind occurs once, in random order."""
        weights = [kind.weight for kind in table]
        first = self.random.sample(table, len(table))
        while len(self.faults) < faults and time() < until:
            kind = first.pop() if first else self.random.choices(table, weights)[0]
            await self._inject(kind)
            if self.random.random() < 0.5:
                await self.recovered()
            await asyncio.sleep(self.random.uniform(0.3, 1.5))

    async def recovered(self) -> None:
        """Wait until the whole replica set and at least one gateway are ready. Raises: TimeoutError."""
        await self.cluster.whole()
        waiting = [asyncio.create_task(gateway.ready()) for gateway in self.gateways]
        _, late = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in late:
            task.cancel()

    async def heal(self) -> None:
        """Remove every fault, restart what has stopped, and wait until the whole replica set and all gateways are ready.

        Raises: TimeoutError.
        """
        for name in self.cluster.proxies.ports:
            await self.cluster.proxies.become(name, Mode.PASS)
        await self.cluster.heal()
        for gateway in self.gateways:
            gateway.process.thaw()
            gateway.process.start()
        await self.cluster.whole()
        for gateway in self.gateways:
            await gateway.ready()

    async def a_while(self, shortest: float, longest: float) -> None:
        """Wait for a random time while a fault lasts. Times are in seconds."""
        await asyncio.sleep(self.random.uniform(shortest, longest))

    async def primary(self) -> Member:
        """Wait until there is a primary. Returns it."""
        return await self.cluster.elected()

    async def secondaries(self) -> list[Member]:
        """The members that are not the primary, in random order."""
        primary = await self.primary()
        others = [member for member in self.cluster.members if member is not primary]
        return self.random.sample(others, len(others))

    async def _inject(self, kind: FaultKind) -> None:
        began_at = time()
        self._report(f"{len(self.faults) + 1:4} {kind.name}")
        detail = await kind.inject(self)
        fault = Fault(kind.name, began_at, time(), detail)
        self.faults.append(fault)
        self._journal.keep(fault)
        self._report(f"     healed after {fault.healed_at - began_at:.1f} s ({detail})")


async def primary_killed(nemesis: Nemesis) -> str:
    primary = await nemesis.primary()
    return await killed(nemesis, [primary])


async def secondary_killed(nemesis: Nemesis) -> str:
    return await killed(nemesis, (await nemesis.secondaries())[:1])


async def majority_killed(nemesis: Nemesis) -> str:
    return await killed(nemesis, nemesis.random.sample(nemesis.cluster.members, 2))


async def all_killed(nemesis: Nemesis) -> str:
    return await killed(nemesis, nemesis.cluster.members)


async def killed(nemesis: Nemesis, members: Sequence[Member]) -> str:
    for member in members:
        await member.process.kill()
    await nemesis.a_while(0.2, 4)
    for member in members:
        member.process.start()
    return ", ".join(member.name for member in members)


async def primary_stopped(nemesis: Nemesis) -> str:
    primary = await nemesis.primary()
    await primary.process.terminate()
    await nemesis.a_while(0.1, 1)
    primary.process.start()
    return primary.name


async def primary_stepped_down(nemesis: Nemesis) -> str:
    primary = await nemesis.primary()
    try:
        await primary.client.admin.command("replSetStepDown", 3, secondaryCatchUpPeriodSecs=2, force=True)
    except PyMongoError as error:
        return f"{primary.name}, {type(error).__name__}"
    return primary.name


async def primary_frozen(nemesis: Nemesis) -> str:
    return await frozen(nemesis, await nemesis.primary(), 2, 7)


async def secondary_frozen(nemesis: Nemesis) -> str:
    return await frozen(nemesis, (await nemesis.secondaries())[0], 1, 4)


async def frozen(nemesis: Nemesis, member: Member, shortest: float, longest: float) -> str:
    member.process.freeze()
    await nemesis.a_while(shortest, longest)
    member.process.thaw()
    return member.name


async def primary_cut_off(nemesis: Nemesis) -> str:
    primary = await nemesis.primary()
    await nemesis.cluster.proxies.cut_off({primary.name: primary.process.id})
    await nemesis.a_while(2, 6)
    await nemesis.cluster.proxies.cut_off({})
    return primary.name


async def primary_unreachable(nemesis: Nemesis) -> str:
    """Make the primary unreachable for a while: it can still connect to the other members, but nobody can connect to it."""
    return await through(nemesis, (await nemesis.primary()).name, Mode.BLACKHOLE, 2, 6)


async def primary_reset(nemesis: Nemesis) -> str:
    return await through(nemesis, (await nemesis.primary()).name, Mode.RESET, 0, 0.5)


async def primary_slow(nemesis: Nemesis) -> str:
    return await through(nemesis, (await nemesis.primary()).name, Mode.DELAY, 1, 4)


async def through(nemesis: Nemesis, proxy: str, mode: Mode, shortest: float, longest: float) -> str:
    await nemesis.cluster.proxies.become(proxy, mode, nemesis.random.uniform(0.02, 0.2))
    await nemesis.a_while(shortest, longest)
    await nemesis.cluster.proxies.become(proxy, Mode.PASS)
    return proxy


async def rolled_back(nemesis: Nemesis) -> str:
    """Make the primary roll back its last writes when it returns.

    The secondaries are killed, and the primary accepts writes that they do not have. Then the primary is killed, and the secondaries are restarted
    and elect a new primary without these writes.
    """
    secondaries, primary = await nemesis.secondaries(), await nemesis.primary()
    term = primary.term or ""
    for member in secondaries:
        await member.process.kill()
    await nemesis.a_while(0.3, 0.9)
    await primary.process.kill()
    for member in secondaries:
        member.process.start()
    await nemesis.cluster.elected(after=term)
    await nemesis.a_while(0.2, 2)
    primary.process.start()
    return primary.name


async def gateway_killed(nemesis: Nemesis) -> str:
    gateway = nemesis.random.choice(nemesis.gateways)
    await gateway.process.kill()
    await nemesis.a_while(0, 2)
    gateway.process.start()
    return gateway.name


async def gateways_killed(nemesis: Nemesis) -> str:
    for gateway in nemesis.gateways:
        await gateway.process.kill()
    await nemesis.a_while(0, 2)
    for gateway in nemesis.gateways:
        gateway.process.start()
    return "both"


async def gateway_stopped(nemesis: Nemesis) -> str:
    gateway = nemesis.random.choice(nemesis.gateways)
    stopped_at = time()
    await gateway.process.terminate()
    nemesis.drains.append(time() - stopped_at)
    gateway.process.start()
    return f"{gateway.name}, gone after {nemesis.drains[-1]:.1f} s"


async def gateway_frozen(nemesis: Nemesis) -> str:
    gateway = nemesis.random.choice(nemesis.gateways)
    gateway.process.freeze()
    await nemesis.a_while(1, 6)
    gateway.process.thaw()
    return gateway.name


async def gateway_refusing(nemesis: Nemesis) -> str:
    return await through(nemesis, nemesis.random.choice(nemesis.gateways).name, Mode.REFUSE, 0.5, 3)


async def gateway_reset(nemesis: Nemesis) -> str:
    return await through(nemesis, nemesis.random.choice(nemesis.gateways).name, Mode.RESET, 0, 0.5)


async def gateway_unreachable(nemesis: Nemesis) -> str:
    return await through(nemesis, nemesis.random.choice(nemesis.gateways).name, Mode.BLACKHOLE, 1, 6)


async def clients_cut(nemesis: Nemesis) -> str:
    cut = [each for each in nemesis.subscribers if each.trait is not Trait.WITNESS and nemesis.random.random() < 0.7]
    for subscriber in cut:
        subscriber.cut()
    return f"{len(cut)} clients"


async def primary_and_gateway_killed(nemesis: Nemesis) -> str:
    primary, gateway = await nemesis.primary(), nemesis.random.choice(nemesis.gateways)
    await asyncio.gather(primary.process.kill(), gateway.process.kill())
    await nemesis.a_while(0, 2)
    gateway.process.start()
    await nemesis.a_while(0, 2)
    primary.process.start()
    return f"{primary.name}, {gateway.name}"


async def majority_away_while_clients_arrive(nemesis: Nemesis) -> str:
    """Kill two of MongoDB's members for longer than the gateways wait for MongoDB, and let clients subscribe meanwhile."""
    members = nemesis.random.sample(nemesis.cluster.members, 2)
    for member in members:
        await member.process.kill()
    for _ in range(4):
        await clients_cut(nemesis)
        await nemesis.a_while(3, 4)
    for member in members:
        member.process.start()
    return ", ".join(member.name for member in members)


async def gateway_messages_held(nemesis: Nemesis) -> str:
    """Hold everything that a gateway sends to MongoDB, and deliver it after HELD_SECONDS, when the gateway has given up waiting for the answers."""
    gateway = nemesis.random.choice(nemesis.gateways)
    await nemesis.cluster.proxies.cut_off({HELD: gateway.process.id})
    await asyncio.sleep(HELD_SECONDS)
    await nemesis.cluster.proxies.cut_off({})
    return gateway.name


TABLE = (
    FaultKind("primary killed", 10, True, primary_killed),
    FaultKind("primary stopped gracefully", 8, False, primary_stopped),
    FaultKind("primary stepped down", 8, True, primary_stepped_down),
    FaultKind("primary frozen", 8, False, primary_frozen),
    FaultKind("primary cut off", 7, False, primary_cut_off),
    FaultKind("primary unreachable", 4, False, primary_unreachable),
    FaultKind("primary's connections reset", 5, True, primary_reset),
    FaultKind("primary slow", 3, False, primary_slow),
    FaultKind("primary rolled back", 7, False, rolled_back),
    FaultKind("secondary killed", 4, False, secondary_killed),
    FaultKind("secondary frozen", 3, False, secondary_frozen),
    FaultKind("majority killed", 4, False, majority_killed),
    FaultKind("all members killed", 4, False, all_killed),
    FaultKind("gateway killed", 10, True, gateway_killed),
    FaultKind("both gateways killed", 4, False, gateways_killed),
    FaultKind("gateway stopped gracefully", 9, True, gateway_stopped),
    FaultKind("gateway frozen", 4, False, gateway_frozen),
    FaultKind("gateway refusing", 3, False, gateway_refusing),
    FaultKind("gateway's connections reset", 5, True, gateway_reset),
    FaultKind("gateway unreachable", 4, False, gateway_unreachable),
    FaultKind("clients cut", 6, True, clients_cut),
    FaultKind("primary and gateway killed", 4, False, primary_and_gateway_killed),
    FaultKind("majority away, clients arrive", 3, False, majority_away_while_clients_arrive),
    FaultKind("gateway's messages held", 1, False, gateway_messages_held),
)
