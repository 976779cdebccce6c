"""Measures how much memory an idle subscriber takes, and how long a write takes to reach a subscriber, with and without other load."""

import asyncio
from time import perf_counter

import uvloop

from bench.agreement import answers_to
from bench.dataset import database
from bench.fanout import SETTLE_SECONDS, Stage, stage
from bench.load import Load, lines, loaded
from bench.machinery import Served, percentile
from bench.publishing import Publisher, States, advanced, check, database_publisher
from bench.rounds import turns
from bench.servers import Setup
from bench.sockets import Crowd
from bench.workloads import POINT, operation

WARM_SUBSCRIBERS = 200
WRITERS_PAUSE_SECONDS = 0.01
# Over how many connections the other load is sent: enough to keep a server busy, and too few for a long queue of requests.
LOAD_CONNECTIONS = 8

Figures = dict[str, dict[str, list[float]]]


def memory(setup: Setup, names: tuple[str, ...], subscribers: int, rounds: int) -> Figures:
    """Measure how many bytes an idle subscriber takes in each server. Each round starts new servers."""
    found: Figures = {name: {"bytes": []} for name in names}
    for _, turn in turns(names, rounds):
        for name in turn:
            with stage(setup, {name}) as alone:
                found[name]["bytes"].append(uvloop.run(idle(alone, name, subscribers)))
    return found


async def idle(alone: Stage, name: str, subscribers: int) -> float:
    """Measure how many bytes each subscriber takes. Before that, some subscribers connect and leave again, to warm up the server."""
    ids, server = [state.id for state in alone.followed(subscribers)], alone.servers[name]
    await (await alone.crowd(name, ids[:WARM_SUBSCRIBERS])).leave()
    before = server.resident_bytes
    crowd = await alone.crowd(name, ids)
    await asyncio.sleep(SETTLE_SECONDS * 2)
    found = (server.resident_bytes - before) / subscribers
    await crowd.leave()
    return found


async def delays(ready: Stage, names: tuple[str, ...], subscribers: int, writes: int) -> Figures:
    """Measure the milliseconds from the start of a write to its delivery to a subscriber, in each server."""
    return {name: await delays_of(ready, name, subscribers, writes) for name in names}


async def delays_of(ready: Stage, name: str, subscribers: int, writes: int) -> dict[str, list[float]]:
    """Measure the delays of one server: first without other load (`alone_ms`), then while it answers point reads (`loaded_ms`)."""
    setup, server = (ready.peers_setup if name == "strawberry" else ready.setup), ready.servers[name]
    states = ready.followed(subscribers)
    crowd = await ready.crowd(name, [state.id for state in states])
    await asyncio.sleep(SETTLE_SECONDS)
    with database(setup.mongo_uri) as target:
        publisher = database_publisher(target, setup.keys.sealing)
        alone = await delivered(crowd, publisher, states, writes)
        over = asyncio.Event()
        loading = asyncio.create_task(keep_loading(server, points(ready, name, states), over))
        await asyncio.sleep(SETTLE_SECONDS)
        beside = await delivered(crowd, publisher, states, writes)
        over.set()
        await loading
    await crowd.leave()
    found = {"alone_ms": alone, "loaded_ms": beside}
    return found | {f"{kind.removesuffix('_ms')}_p99_ms": [percentile(times, 0.99)] for kind, times in found.items()}


async def keep_loading(target: Served, load: Load, over: asyncio.Event) -> None:
    """Send the requests of `load` to the server again and again, until the event `over` is set. Raises: WrongAnswers."""
    while not over.is_set():
        await asyncio.to_thread(loaded, target, load, 2, 1, LOAD_CONNECTIONS)


async def delivered(crowd: Crowd, publisher: Publisher, states: States, writes: int) -> list[float]:
    """Write one state after the other. Returns the milliseconds from the start of each write to its delivery. Updates `states`."""
    times = []
    for number in range(writes):
        at = number % len(states)
        states[at] = advanced(states[at])
        crowd.expect(1)
        publish = publisher([states[at]])
        begun = perf_counter()
        publishing = asyncio.ensure_future(publish())
        await crowd.complete()
        times.append((crowd.last - begun) * 1000)
        await publishing
        check(crowd, [states[at]])
        await asyncio.sleep(WRITERS_PAUSE_SECONDS)
    return times


def points(ready: Stage, name: str, states: States) -> Load:
    """Requests that read the verifications that `delivered` changes. They select none of the changed fields, so the answers stay valid."""
    folder = ready.setup.folder
    requests = [operation(POINT, id=state.id) for state in states]
    answers = answers_to(ready.servers[name], requests)
    return Load(
        lines(folder / f"delays-{name}.requests", (request.line for request in requests)),
        lines(folder / f"delays-{name}.answers", (answer.decode() for answer in answers)),
    )
