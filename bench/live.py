"""Measures how long a new state takes to reach a subscriber, and how much memory and time subscribers cost.

python -m bench.live [--writes 600] [--subscribers 5000] [--output FILE.json]
"""

import argparse
import asyncio
import json
from pathlib import Path
from time import perf_counter
from typing import Any

from pymongo import MongoClient
from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import ClientConnection

from bench.machinery import Served, created, execute, http_client, percentile, served, subscribed
from gateway.server import make_room

FOLLOW = "subscription($id: ID!) { verificationUpdated(id: $id) { verification { id status version } events { version type at } } }"
STEPS = ("LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED")
PROGRESS = (
    "mutation($id: ID!, $step: Progress!) { reportProgress(input: {verificationId: $id, progress: $step}) { ... on Verification { version } } }"
)
POINT = "query($id: ID!) { verification(id: $id) { id status version reasons { code } } }"
AT_ONCE = 50


async def delays(target: Served, writes: int) -> dict[str, float]:
    """Measure how late a subscriber receives a change: the milliseconds after the start of the write, and after its acknowledgement.

    Sends one write at a time.
    """
    after_ack, after_request = [], []
    async with http_client(target) as client:
        for number in range(writes // len(STEPS)):
            id = await created(client)
            socket = await subscribed(target, FOLLOW, id=id)
            for step in STEPS:
                arrival = asyncio.create_task(arrived(socket))
                begun = perf_counter()
                await execute(client, PROGRESS, id=id, step=step)
                acknowledged = perf_counter()
                received = await arrival
                if number >= 10:  # The first ten verifications are a warm-up.
                    after_ack.append(max(received - acknowledged, 0.0) * 1000)
                    after_request.append((received - begun) * 1000)
            await socket.close()
    return {
        "ack_to_message_p50_ms": percentile(after_ack, 0.5),
        "ack_to_message_p99_ms": percentile(after_ack, 0.99),
        "request_to_message_p50_ms": percentile(after_request, 0.5),
        "request_to_message_p99_ms": percentile(after_request, 0.99),
    }


async def arrived(socket: ClientConnection) -> float:
    """Wait for the next message. Returns the time at which it arrived."""
    await socket.recv()
    return perf_counter()


async def crowd(target: Served, subscribers: int) -> dict[str, float]:
    """Measure the costs of many subscribers, each of which follows one verification.

    Returns the memory of a subscriber, the number of change streams, the response times of queries before and after the subscribers connected, and
    how many updates per second the subscribers received.
    """
    async with http_client(target) as client:
        ids = [id for _ in range(0, subscribers, AT_ONCE) for id in await asyncio.gather(*(created(client) for _ in range(AT_ONCE)))]
        alone = [await queried(client, ids[number % len(ids)]) for number in range(1000)]
        before = target.resident_bytes
        sockets = [
            socket
            for at in range(0, subscribers, AT_ONCE)
            for socket in await asyncio.gather(*(subscribed(target, FOLLOW, id=id) for id in ids[at : at + AT_ONCE]))
        ]
        beside = [await queried(client, ids[number % len(ids)]) for number in range(1000)]
        memory = (target.resident_bytes - before) / subscribers
        streams = change_streams(target.mongo_uri)
        begun = perf_counter()
        arrivals = asyncio.gather(*(arrived(socket) for socket in sockets))
        for at in range(0, subscribers, AT_ONCE):
            await asyncio.gather(*(execute(client, PROGRESS, id=id, step=STEPS[0]) for id in ids[at : at + AT_ONCE]))
        last = max(await arrivals)
        await asyncio.gather(*(socket.close() for socket in sockets))
    return {
        "subscribers": subscribers,
        "change_streams": streams,
        "query_p50_alone_ms": percentile(alone, 0.5),
        "query_p99_alone_ms": percentile(alone, 0.99),
        "query_p50_beside_ms": percentile(beside, 0.5),
        "query_p99_beside_ms": percentile(beside, 0.99),
        "kib_per_subscriber": memory / 1024,
        "updates_per_second": subscribers / (last - begun),
    }


async def queried(client: Any, id: str) -> float:
    """Read one verification by its id. Returns the response time in milliseconds."""
    begun = perf_counter()
    await execute(client, POINT, id=id)
    return (perf_counter() - begun) * 1000


def change_streams(uri: str) -> int:
    """The number of change streams that are open on the MongoDB server."""
    with MongoClient[dict[str, Any]](uri) as client:
        operations = client.admin.aggregate([{"$currentOp": {"idleCursors": True}}, {"$match": {"cursor.tailable": True, "cursor.awaitData": True}}])
        return sum("$changeStream" in json.dumps(operation, default=str) for operation in operations)


def main() -> None:
    """Measure, print the figures as a table, and save them if a file is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=600)
    parser.add_argument("--subscribers", type=int, default=5000)
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args()
    make_room()
    with served() as target:
        figures = {**asyncio.run(delays(target, chosen.writes)), **asyncio.run(crowd(target, chosen.subscribers))}
    table = Table("figure", "value", title="Live status")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.1f}".removesuffix(".0"))
    Console().print(table)
    if chosen.output:
        chosen.output.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
