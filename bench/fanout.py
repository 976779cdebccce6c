"""Fan-out: one event to a thousand subscribers, and a thousand events to one subscriber each.

The gateway is told by a write to MongoDB, the peers by what is easier for them. A round lasts from its first delivery to its last.
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
from bench.rounds import columns, turns
from bench.servers import Place, serving
from bench.sockets import Crowd
from bench.publishing import FOLLOW, States, Tell, advanced, check, documents, published, text, written
from store.documents import encode
from store.indexes import VERIFICATIONS
from store.verifications import utc_now

WARM_ROUNDS = 5
SETTLE_SECONDS = 1.0

Figures = dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True)
class Audience:
    """Those who follow verifications at one server, and how that server is told of events."""

    crowd: Crowd
    tell: Tell

    async def told(self, states: States) -> dict[str, float]:
        """What a round took in which each socket has a message. Raises: Broken, Disagreement."""
        self.crowd.expect(len(self.crowd.sockets))
        tell = self.tell(states)
        begun, cpu = perf_counter(), self.crowd.target.cpu_seconds
        telling = asyncio.ensure_future(timed(tell()))
        await self.crowd.complete()
        told = await telling
        cpu = self.crowd.target.cpu_seconds - cpu
        check(self.crowd, states)
        spread = self.crowd.last - self.crowd.first
        return {
            "per_second": max(len(self.crowd.sockets) - 1, 1) / max(spread, 1e-6),
            "spread_ms": spread * 1000,
            "telling_ms": told,
            "told_to_last_ms": (self.crowd.last - begun) * 1000,
            "cpu_us": cpu / len(self.crowd.sockets) * 1e6,
        }


@dataclass(slots=True)
class Stage:
    """The servers that have subscribers.

    Those that follow a database have one each, so that nobody works on what is meant for another.
    """

    place: Place
    apart: Place
    servers: dict[str, Served]
    chance: Random = field(default_factory=lambda: Random(11))

    async def one(self, names: tuple[str, ...], subscribers: int, rounds: int) -> Figures:
        """One event to all."""
        states = self.followed(1)
        tell = {name: self.publishing(name) for name in names if name != "gateway"}
        return await self._measured(names, tell, states, list(repeat(states[0].id, subscribers)), rounds)

    async def many(self, names: tuple[str, ...], subscribers: int, rounds: int) -> Figures:
        """An event to each. Strawberry follows the database too; as `strawberry_published` it is told by HTTP."""
        states = self.followed(subscribers)
        tell = {"strawberry_published": self.publishing("strawberry")} if "strawberry_published" in names else {}
        return await self._measured(names, tell, states, [state.id for state in states], rounds)

    def followed(self, number: int) -> States:
        """New verifications, in both databases."""
        states = list(Company(WORKSPACE, self.chance, utc_now()).untouched(number))
        for place in (self.place, self.apart):
            with database(place.mongo_uri) as target:
                insert(target[VERIFICATIONS], (encode(state, place.keys.sealing) for state in states))
        return states

    def publishing(self, name: str) -> Tell:
        """Telling a peer by HTTP."""
        return published(self.servers[name], text if name == "bare" else partial(documents, keys=self.place.keys.sealing))

    async def crowd(self, name: str, ids: list[str]) -> Crowd:
        """Subscribers of a server, one for each id."""
        server = self.servers[name.removesuffix("_published")]
        crowd = Crowd(server, subscribes=name != "bare", told_first=name == "gateway")
        await crowd.join(FOLLOW, ids)
        return crowd

    async def _measured(self, names: tuple[str, ...], tell: dict[str, Tell], states: States, ids: list[str], rounds: int) -> Figures:
        with ExitStack() as stack:
            for name, place in (("gateway", self.place), ("strawberry", self.apart)):
                target = stack.enter_context(database(place.mongo_uri))
                tell.setdefault(name, written(target, place.keys.sealing))
            audiences = {name: Audience(await self.crowd(name, ids), tell[name]) for name in names}
            found = await in_rounds(audiences, states, rounds)
            for audience in audiences.values():
                await audience.crowd.leave()
        return {name: columns(rows) for name, rows in found.items()}


async def timed(telling: Awaitable[None]) -> float:
    """How many milliseconds it takes."""
    begun = perf_counter()
    await telling
    return (perf_counter() - begun) * 1000


async def in_rounds(audiences: dict[str, Audience], states: States, rounds: int) -> dict[str, list[dict[str, float]]]:
    """What each round took at each server, once all are warm."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in audiences}
    await asyncio.sleep(SETTLE_SECONDS)
    for number, names in turns(list(audiences), WARM_ROUNDS + rounds):
        states = [advanced(state) for state in states]
        for name in names:
            figures = await audiences[name].told(states)
            if number >= WARM_ROUNDS:
                found[name].append(figures)
    return found


@contextmanager
def stage(place: Place, names: set[str]) -> Iterator[Stage]:
    """The servers of these names, with subscribers to come."""
    apart = place.beside("peers")
    with database(apart.mongo_uri) as target:
        prepare(target)
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(name, apart if name == "strawberry" else place)) for name in sorted(names)}
        yield Stage(place, apart, servers)
