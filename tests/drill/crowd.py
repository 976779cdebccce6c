"""A process with many clients, each with a live subscription of its own. The drill of sockets runs several of them.

python -m tests.drill.crowd

Reads lines from its input. The first line is an order, as `order` writes it. The process answers it with READY. The second line is GO, after which
the clients connect. Each further line is a request in JSON, and is answered with one line. The answer to `{"state": TIME}` says how many clients
follow, have connected again since TIME, have given up, and have each version. The answer to `{"records": true}` has the records of all clients.
The process ends at the end of its input.
"""

import asyncio
import gc
import sys
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import orjson
import uvloop

from gateway.server import make_room
from tests.drill.reconnecting import Assignment, ReconnectingClient

READY, GO = b"ready\n", b"go\n"


def order(target: tuple[str, int], assignments: Sequence[Assignment], at_once: int, seed: int) -> bytes:
    """The first line of the input. `at_once`: how many clients may be connecting at the same time when the process begins."""
    return orjson.dumps({"target": target, "assignments": [*map(list, assignments)], "at_once": at_once, "seed": seed}) + b"\n"


async def connect_all(clients: Sequence[ReconnectingClient], at_once: int) -> None:
    """Connect all clients, at most `at_once` at the same time. Returns when each has received its first message."""
    waiting = iter(clients)

    async def connect_next() -> None:
        for client in waiting:
            client.start()
            await client.followed.wait()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(connect_next())


def answer(request: dict[str, Any], clients: Sequence[ReconnectingClient], endings: Counter[str]) -> dict[str, Any]:
    """The answer to a request in JSON. The beginning of this file describes the requests."""
    if "records" in request:
        return {"records": [client.record.as_json() for client in clients], "endings": endings}
    since = request["state"]
    return {
        "following": sum(client.connected for client in clients),
        "back": sum(client.connected and client.record.back_at > since for client in clients),
        "given_up": sum(bool(client.record.given_up) for client in clients),
        "versions": Counter(str(client.record.version) for client in clients),
    }


async def run() -> None:
    """Read the order, let the clients connect, and answer requests until the input ends."""
    begun = orjson.loads(await asyncio.to_thread(sys.stdin.buffer.readline))
    host, port = begun["target"]
    random, endings = Random(begun["seed"]), Counter[str]()
    clients = [ReconnectingClient((host, port), Assignment(*each), random, endings) for each in begun["assignments"]]
    # Garbage collection is off, because its pauses would be part of the measured times.
    gc.disable()
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    await asyncio.to_thread(sys.stdin.buffer.readline)
    connecting = asyncio.create_task(connect_all(clients, begun["at_once"]))
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        sys.stdout.buffer.write(orjson.dumps(answer(orjson.loads(line), clients, endings)) + b"\n")
        sys.stdout.buffer.flush()
    connecting.cancel()


if __name__ == "__main__":
    make_room()
    uvloop.run(run())
