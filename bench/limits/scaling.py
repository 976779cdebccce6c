"""Measures the limits that docs/scaling.md names: feeds, the change stream, writes, and what one verification costs.

python -m bench.limits.scaling [--only NAME] [--output FILE.json]
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

import uvloop
from bson import encode as encoded_bson
from pymongo import MongoClient
from pymongo.collection import Collection
from rich.console import Console
from rich.table import Table

from bench import machine
from bench.dataset import Company, database, insert, prepare
from bench.limits.lives import Backend, backend, lives, settings
from bench.machinery import UNREACHED_LIMITS, WORKSPACE, Secrets, Served, cpu_seconds_of, free_port, gateway
from bench.processors import LOAD, SERVER, stay
from bench.publishing import FOLLOW, States, advanced, database_publisher
from bench.sockets import Crowd
from domain.verification import Verification
from gateway.development.mongod import EmbeddedMongo
from gateway.server import make_room
from store.documents import encode
from store.driver import Document
from store.indexes import HEARTBEATS, VERIFICATIONS
from store.verifications import utc_now

FEED = "subscription { verificationsUpdated { cursor verification { id status version updatedAt } } }"
# A feed also sends messages that only carry a newer cursor.
WITHOUT_CHANGE = b'"verification":null'
SUBSCRIBERS = (1, 10, 100)
CHANGES = 500
ROUNDS = 9
STREAM_CHANGES = 10_000
OTHER_WORKSPACE = "other"
WRITERS = 32
WRITE_SECONDS = 5.0
LIVES = 400

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Deployed:
    """A running mongod, its database, and the keys of the gateways that use it."""

    uri: str
    keys: Secrets

    def store(self, workspace: str, number: int) -> States:
        """Store new verifications. Returns them."""
        states = [*Company(workspace, Random(number), utc_now()).untouched(number)]
        with database(self.uri) as target:
            insert(target[VERIFICATIONS], (encode(state, self.keys.sealing) for state in states))
        return states

    @contextmanager
    def publishing(self) -> Iterator[Callable[[States], Any]]:
        """A context with a publisher, which writes states to MongoDB in one transaction."""
        with database(self.uri) as target:
            yield database_publisher(target, self.keys.sealing)

    @property
    def mongod(self) -> int:
        """The process id of mongod."""
        with MongoClient[Document](self.uri) as client:
            return int(client.admin.command("serverStatus")["pid"])


async def feeds(deployed: Deployed, target: Served) -> Figures:
    """How many changes of a workspace the gateway can deliver per second with one core, if the workspace has 1, 10 or 100 feeds."""
    figures: Figures = {}
    for number in SUBSCRIBERS:
        states = deployed.store(WORKSPACE, CHANGES)
        crowd = Crowd(target, sends_current_state=True, ignored=WITHOUT_CHANGE)
        await crowd.join(FEED, ["-"] * number)
        costs = [await feed_round(deployed, crowd, states) for _ in range(ROUNDS)]
        await crowd.leave()
        # The first round is a warm-up.
        figures[f"feeds_{number}_changes_per_second_on_a_core"] = 1 / median(costs[1:])
    return figures


async def feed_round(deployed: Deployed, crowd: Crowd, states: States) -> float:
    """Change all verifications once. Returns the seconds of the gateway's processor time for each change. Puts the new states into `states`."""
    states[:] = map(advanced, states)
    crowd.expect(len(crowd.sockets) * len(states))
    before = crowd.target.cpu_seconds
    with deployed.publishing() as publisher:
        await publisher(states)()
    await crowd.complete()
    return (crowd.target.cpu_seconds - before) / len(states)


async def stream(deployed: Deployed, target: Served) -> Figures:
    """How many changes that nobody follows one core can read per second. A gateway reads all changes of the database, because it has one stream."""
    costs = []
    others, [last] = deployed.store(OTHER_WORKSPACE, STREAM_CHANGES), deployed.store(WORKSPACE, 1)
    crowd = Crowd(target, sends_current_state=True)
    await crowd.join(FOLLOW, [last.id])
    with deployed.publishing() as publisher:
        for _ in range(ROUNDS // 2):
            before = target.cpu_seconds
            others, last = [*map(advanced, others)], advanced(last)
            # When the last change has arrived, the process has read all changes before it.
            crowd.expect(1)
            for batch in [*batches(others), [last]]:
                await publisher(batch)()
            await crowd.complete()
            costs.append((target.cpu_seconds - before) / STREAM_CHANGES)
    await crowd.leave()
    return {"stream_changes_per_second_on_a_core": 1 / median(costs[1:])}


def batches(states: States) -> list[States]:
    """The states in batches of CHANGES."""
    return [states[at : at + CHANGES] for at in range(0, len(states), CHANGES)]


def writes(deployed: Deployed) -> Figures:
    """How many replaces one mongod acknowledges in a second, and mongod's processor time for one of them.
    Each replaces the previous version of a verification, and is acknowledged when it is on the disks of a majority.
    """
    states, mongod = deployed.store(WORKSPACE, WRITERS * 20), deployed.mongod
    with MongoClient[Document](deployed.uri, w="majority", journal=True, maxPoolSize=WRITERS) as client, ThreadPoolExecutor(WRITERS) as pool:
        collection = client.get_default_database()[VERIFICATIONS]
        before, begun = cpu_seconds_of(mongod), perf_counter()
        until = begun + WRITE_SECONDS
        counts = [pool.submit(replaced, collection, states[at::WRITERS], deployed.keys, until) for at in range(WRITERS)]
        written = sum(count.result() for count in counts)
        seconds, cpu = perf_counter() - begun, cpu_seconds_of(mongod) - before
    return {"replaces_per_second": written / seconds, "mongod_us_per_replace": cpu / written * 1e6}


def replaced(collection: Collection[Document], states: list[Verification], keys: Secrets, until: float) -> int:
    """Replace the documents of these verifications, one after the other, until the time `until`. Returns how many replaces were acknowledged."""
    count = 0
    while perf_counter() < until:
        at = count % len(states)
        states[at] = new = advanced(states[at])
        collection.replace_one({"_id": new.id, "workspace": new.workspace, "version": new.version - 1}, encode(new, keys.sealing))
        count += 1
    return count


async def lifetimes(deployed: Deployed, target: Served, running: Backend) -> Figures:
    """What the life of one verification costs: writes, bytes and processor time, until the backend has received all webhooks."""
    mongod = deployed.mongod
    with MongoClient[Document](deployed.uri) as client:
        stored = client.get_default_database()
        newest = client.local["oplog.rs"].find_one(sort=[("$natural", -1)]) or {}
        before = stored.command("dbStats")
        cpu = target.cpu_seconds, cpu_seconds_of(mongod)
        await running.received(await lives(target, LIVES))
        spent = target.cpu_seconds - cpu[0], cpu_seconds_of(mongod) - cpu[1]
        entries = [*client.local["oplog.rs"].find({"ts": {"$gt": newest["ts"]}})]
        after = stored.command("dbStats")
    return {
        "gateway_cpu_ms_per_verification": spent[0] / LIVES * 1000,
        "mongod_cpu_ms_per_verification": spent[1] / LIVES * 1000,
        "document_and_index_bytes_per_verification": sum(after[size] - before[size] for size in ("dataSize", "indexSize")) / LIVES,
        **oplog_figures(entries),
    }


def oplog_figures(entries: list[Document]) -> Figures:
    """How many writes the oplog contains for one verification, and how many bytes they have, on average over LIVES verifications.
    Heartbeats are left out, because they do not depend on verifications.
    """
    writes: dict[str, float] = {}
    size = 0
    for entry in entries:
        # A transaction is one entry with several operations.
        operations = entry["o"].get("applyOps", [entry])
        for operation in operations:
            name = operation["ns"].partition(".")[2]
            if operation["op"] in ("i", "u", "d") and name and name != HEARTBEATS:
                writes[name] = writes.get(name, 0) + 1
                size += len(encoded_bson(operation))
    per_verification = {f"writes_to_{name}_per_verification": count / LIVES for name, count in writes.items()}
    return {"writes_per_verification": sum(writes.values()) / LIVES, "oplog_bytes_per_verification": size / LIVES, **per_verification}


def in_one_gateway(measure: Callable[[Deployed, Served], Any], deployed: Deployed) -> Figures:
    """Call the function `measure` with a running gateway, which has the first processor for itself. Returns the figures."""
    with gateway(deployed.uri, deployed.keys, SERVER) as target:
        figures: Figures = uvloop.run(measure(deployed, target))
        return figures


def lifetime_figures(deployed: Deployed) -> Figures:
    """Measure the life of verifications, with a gateway that sends webhooks to a backend."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        limits = {**UNREACHED_LIMITS, **settings(port, Path(folder))}
        with gateway(deployed.uri, deployed.keys, SERVER, limits) as target:
            return uvloop.run(with_backend(deployed, target, port))


async def with_backend(deployed: Deployed, target: Served, port: int) -> Figures:
    """Measure the life of verifications (`lifetimes`) while a backend runs on this port."""
    async with backend(port) as running:
        return await lifetimes(deployed, target, running)


SUBJECTS: dict[str, Callable[[Deployed], Figures]] = {
    "feeds": partial(in_one_gateway, feeds),
    "stream": partial(in_one_gateway, stream),
    "writes": writes,
    "lives": lifetime_figures,
}


def measured(names: list[str]) -> Figures:
    """Measure these subjects, each with a MongoDB of its own."""
    figures: Figures = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder, EmbeddedMongo(Path(folder)) as mongo:
            with database(mongo.uri) as target:
                prepare(target)
            figures |= SUBJECTS[name](Deployed(mongo.uri, Secrets()))
        # The whole run takes minutes, so each result is shown as soon as it exists.
        print(name, figures, file=sys.stderr, flush=True)
    return figures


def main() -> None:
    """Measure, print the figures as a table, and save them if a file is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], choices=SUBJECTS, help="only this subject; repeatable")
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args()
    make_room()
    stay(LOAD)
    figures = measured(chosen.only or [*SUBJECTS])
    table = Table("figure", "value", title="Limits")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.1f}")
    Console(width=120).print(table)
    if chosen.output:
        chosen.output.write_text(json.dumps({"machine": machine.described(), "figures": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
