"""What those cost who only wait, and how late they learn of a write, while others ask as fast as they can and while nobody does."""

import asyncio
from time import perf_counter

import uvloop

from bench.agreement import asked
from bench.dataset import database
from bench.fanout import SETTLE_SECONDS, Stage, stage
from bench.load import Load, lines, loaded
from bench.machinery import Served, percentile
from bench.rounds import turns
from bench.servers import Place
from bench.sockets import Crowd
from bench.publishing import States, Tell, advanced, check, written
from bench.workloads import POINT, operation

WARM_SUBSCRIBERS = 200
WRITERS_PAUSE_SECONDS = 0.01
# Enough to keep a server busy without a long queue of its own making.
ASKING = 8

Figures = dict[str, dict[str, list[float]]]


def memory(place: Place, names: tuple[str, ...], subscribers: int, rounds: int) -> Figures:
    """The bytes of an idle subscriber, at a fresh server each time."""
    found: Figures = {name: {"bytes": []} for name in names}
    for _, turn in turns(names, rounds):
        for name in turn:
            with stage(place, {name}) as alone:
                found[name]["bytes"].append(uvloop.run(idle(alone, name, subscribers)))
    return found


async def idle(alone: Stage, name: str, subscribers: int) -> float:
    """The bytes of each of so many, once the server has had some and lost them."""
    ids, server = [state.id for state in alone.followed(subscribers)], alone.servers[name]
    await (await alone.crowd(name, ids[:WARM_SUBSCRIBERS])).leave()
    before = server.resident_bytes
    crowd = await alone.crowd(name, ids)
    await asyncio.sleep(SETTLE_SECONDS * 2)
    found = (server.resident_bytes - before) / subscribers
    await crowd.leave()
    return found


async def lateness(ready: Stage, names: tuple[str, ...], subscribers: int, writes: int) -> Figures:
    """Milliseconds from a write's beginning to its delivery, one write at a time."""
    return {name: await late(ready, name, subscribers, writes) for name in names}


async def late(ready: Stage, name: str, subscribers: int, writes: int) -> dict[str, list[float]]:
    """The figures of one server."""
    place, server = (ready.apart if name == "strawberry" else ready.place), ready.servers[name]
    states = ready.followed(subscribers)
    crowd = await ready.crowd(name, [state.id for state in states])
    await asyncio.sleep(SETTLE_SECONDS)
    with database(place.mongo_uri) as target:
        tell = written(target, place.keys.sealing)
        alone = await delivered(crowd, tell, states, writes)
        over = asyncio.Event()
        asking = asyncio.create_task(keep_asking(server, points(ready, name, states), over))
        await asyncio.sleep(SETTLE_SECONDS)
        beside = await delivered(crowd, tell, states, writes)
        over.set()
        await asking
    await crowd.leave()
    found = {"alone_ms": alone, "loaded_ms": beside}
    return found | {f"{kind.removesuffix('_ms')}_p99_ms": [percentile(times, 0.99)] for kind, times in found.items()}


async def keep_asking(target: Served, load: Load, over: asyncio.Event) -> None:
    """Ask as fast as is answered, until it is over. Raises: WrongAnswers."""
    while not over.is_set():
        await asyncio.to_thread(loaded, target, load, 2, 1, ASKING)


async def delivered(crowd: Crowd, tell: Tell, states: States, writes: int) -> list[float]:
    """Milliseconds from each write's beginning to its delivery. The states are brought up to date."""
    times = []
    for number in range(writes):
        at = number % len(states)
        states[at] = advanced(states[at])
        crowd.expect(1)
        send = tell([states[at]])
        begun = perf_counter()
        telling = asyncio.ensure_future(send())
        await crowd.complete()
        times.append((crowd.last - begun) * 1000)
        await telling
        check(crowd, [states[at]])
        await asyncio.sleep(WRITERS_PAUSE_SECONDS)
    return times


def points(ready: Stage, name: str, states: States) -> Load:
    """Point reads of what is followed. Nothing that they show changes."""
    folder = ready.place.folder
    requests = [operation(POINT, id=state.id) for state in states]
    answers = asked(ready.servers[name], requests)
    return Load(
        lines(folder / f"late-{name}.requests", (request.line for request in requests)),
        lines(folder / f"late-{name}.answers", (answer.decode() for answer in answers)),
    )
