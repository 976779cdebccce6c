"""Fan-out: one event to a thousand subscribers, and a thousand events to one subscriber each.

The gateway receives an event through a write to MongoDB, a peer through whichever way is easier for it. A round lasts from its first delivery to
its last.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from random import Random
from time import perf_counter

from bench.dataset import Company, database, insert, prepare
from bench.machinery import WORKSPACE, Served
from bench.publishing import FOLLOW, Publisher, States, advanced, check, database_publisher, documents, http_publisher, text
from bench.rounds import columns, turns
from bench.servers import Setup, serving
from bench.sockets import Crowd
from store.documents import encode
from store.indexes import VERIFICATIONS
from store.verifications import utc_now

WARM_ROUNDS = 5
SETTLE_SECONDS = 1.0

Figures = dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True)
class Audience:
    """The subscribers of one server, and the way in which the server receives events."""

    crowd: Crowd
    publisher: Publisher

    async def measured(self, states: States) -> dict[str, float]:
        """The figures of one round, in which each socket receives one message. Raises: Broken, Disagreement."""
        self.crowd.expect(len(self.crowd.sockets))
        publish = self.publisher(states)
        begun, cpu = perf_counter(), self.crowd.target.cpu_seconds
        publishing = asyncio.ensure_future(timed(publish()))
        await self.crowd.complete()
        publish_ms = await publishing
        cpu = self.crowd.target.cpu_seconds - cpu
        check(self.crowd, states)
        spread = self.crowd.last - self.crowd.first
        return {
            "per_second": max(len(self.crowd.sockets) - 1, 1) / max(spread, 1e-6),
            "spread_ms": spread * 1000,
            "telling_ms": publish_ms,
            "told_to_last_ms": (self.crowd.last - begun) * 1000,
            "cpu_us": cpu / len(self.crowd.sockets) * 1e6,
        }


@dataclass(slots=True)
class Stage:
    """The servers that have subscribers.

    Each server that follows a database has its own, so that it does no work for events of other servers.
    """

    setup: Setup
    peers_setup: Setup
    servers: dict[str, Served]
    random: Random = field(default_factory=lambda: Random(11))

    async def one(self, names: tuple[str, ...], subscribers: int, rounds: int) -> Figures:
        """The figures of one event to all subscribers."""
        states = self.followed(1)
        publishers = {name: self.http_publisher(name) for name in names if name != "gateway"}
        return await self._measured(names, publishers, states, list(repeat(states[0].id, subscribers)), rounds)

    async def many(self, names: tuple[str, ...], subscribers: int, rounds: int) -> Figures:
        """The figures of one event to each subscriber. `strawberry` follows the database too; `strawberry_published` receives the events by HTTP."""
        states = self.followed(subscribers)
        publishers = {"strawberry_published": self.http_publisher("strawberry")} if "strawberry_published" in names else {}
        return await self._measured(names, publishers, states, [state.id for state in states], rounds)

    def followed(self, number: int) -> States:
        """New verifications to follow, written to both databases."""
        states = list(Company(WORKSPACE, self.random, utc_now()).untouched(number))
        for setup in (self.setup, self.peers_setup):
            with database(setup.mongo_uri) as target:
                insert(target[VERIFICATIONS], (encode(state, setup.keys.sealing) for state in states))
        return states

    def http_publisher(self, name: str) -> Publisher:
        """Publishes to a peer by HTTP."""
        return http_publisher(self.servers[name], text if name == "bare" else partial(documents, keys=self.setup.keys.sealing))

    async def crowd(self, name: str, ids: list[str]) -> Crowd:
        """The subscribers of a server, one for each id."""
        server = self.servers[name.removesuffix("_published")]
        crowd = Crowd(server, subscribes=name != "bare", sends_current_state=name == "gateway")
        await crowd.join(FOLLOW, ids)
        return crowd

    async def _measured(self, names: tuple[str, ...], publishers: dict[str, Publisher], states: States, ids: list[str], rounds: int) -> Figures:
        with ExitStack() as stack:
            for name, setup in (("gateway", self.setup), ("strawberry", self.peers_setup)):
                target = stack.enter_context(database(setup.mongo_uri))
                publishers.setdefault(name, database_publisher(target, setup.keys.sealing))
            audiences = {name: Audience(await self.crowd(name, ids), publishers[name]) for name in names}
            found = await in_rounds(audiences, states, rounds)
            for audience in audiences.values():
                await audience.crowd.leave()
        return {name: columns(rows) for name, rows in found.items()}


async def timed(publishing: Awaitable[None]) -> float:
    """The duration in milliseconds."""
    begun = perf_counter()
    await publishing
    return (perf_counter() - begun) * 1000


async def in_rounds(audiences: dict[str, Audience], states: States, rounds: int) -> dict[str, list[dict[str, float]]]:
    """The figures of each server in each round, after warm-up rounds."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in audiences}
    await asyncio.sleep(SETTLE_SECONDS)
    for number, names in turns(list(audiences), WARM_ROUNDS + rounds):
        states = [advanced(state) for state in states]
        for name in names:
            figures = await audiences[name].measured(states)
            if number >= WARM_ROUNDS:
                found[name].append(figures)
    return found


@contextmanager
def stage(setup: Setup, names: set[str]) -> Iterator[Stage]:
    """The running servers with these names."""
    peers_setup = setup.with_database("peers")
    with database(peers_setup.mongo_uri) as target:
        prepare(target)
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(name, peers_setup if name == "strawberry" else setup)) for name in sorted(names)}
        yield Stage(setup, peers_setup, servers)
