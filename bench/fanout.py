"""Measures fan-out: the delivery of one event to a thousand subscribers, and of a thousand events of which each has a subscriber of its own.

The gateway receives events from MongoDB's change stream. A peer receives them by HTTP, which is less work, or from a change stream too.
Deliveries per second are counted from the first delivery of a round to its last.
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
    """The subscribers of one server, and the publisher that sends events to the server."""

    crowd: Crowd
    publisher: Publisher

    async def measured(self, states: States) -> dict[str, float]:
        """Publish these states, so that each socket receives one message. Returns the figures of this round. Raises: Broken, Disagreement."""
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
    """The running servers whose subscribers are measured, and the two databases that they follow.

    The gateway and Strawberry follow a change stream. Each has its own database, so that neither does work for the other's events.
    """

    setup: Setup
    peers_setup: Setup
    servers: dict[str, Served]
    random: Random = field(default_factory=lambda: Random(11))

    async def one(self, names: tuple[str, ...], subscribers: int, rounds: int) -> Figures:
        """Measure one event that is sent to all subscribers. Returns the figures of each server."""
        states = self.followed(1)
        publishers = {name: self.http_publisher(name) for name in names if name != "gateway"}
        return await self._measured(names, publishers, states, list(repeat(states[0].id, subscribers)), rounds)

    async def many(self, names: tuple[str, ...], subscribers: int, rounds: int) -> Figures:
        """Measure as many events as there are subscribers, each for one subscriber. Returns the figures of each server.

        The server `strawberry` receives events from a change stream, as the gateway does. `strawberry_published` is the same server, but receives
        events by HTTP.
        """
        states = self.followed(subscribers)
        publishers = {"strawberry_published": self.http_publisher("strawberry")} if "strawberry_published" in names else {}
        return await self._measured(names, publishers, states, [state.id for state in states], rounds)

    def followed(self, number: int) -> States:
        """Create verifications that subscribers can follow, and store them in both databases."""
        states = list(Company(WORKSPACE, self.random, utc_now()).untouched(number))
        for setup in (self.setup, self.peers_setup):
            with database(setup.mongo_uri) as target:
                insert(target[VERIFICATIONS], (encode(state, setup.keys.sealing) for state in states))
        return states

    def http_publisher(self, name: str) -> Publisher:
        """A publisher that sends events to this peer by HTTP."""
        return http_publisher(self.servers[name], text if name == "bare" else partial(documents, keys=self.setup.keys.sealing))

    async def crowd(self, name: str, ids: list[str]) -> Crowd:
        """Open one socket for each id. Each socket follows the verification with its id. Returns all sockets."""
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
    """Wait for the publication. Returns how many milliseconds it took."""
    begun = perf_counter()
    await publishing
    return (perf_counter() - begun) * 1000


async def in_rounds(audiences: dict[str, Audience], states: States, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Measure each server once in each round. Returns the figures of each round, without those of the warm-up rounds."""
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
    """Start the servers with these names, and stop them at the end of the context."""
    peers_setup = setup.with_database("peers")
    with database(peers_setup.mongo_uri) as target:
        prepare(target)
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(name, peers_setup if name == "strawberry" else setup)) for name in sorted(names)}
        yield Stage(setup, peers_setup, servers)
