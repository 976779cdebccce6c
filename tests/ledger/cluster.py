"""A replica set of three, whose members can be killed, stopped, frozen, cut off and started again on their data."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from gateway.development.mongod import find_mongod
from tests.ledger.process import PATIENCE_SECONDS, Process
from tests.ledger.proxy import HOST, Doors

SET = "ledger"
NAMES = ("mongo-1", "mongo-2", "mongo-3")
SETTINGS = {"electionTimeoutMillis": 1500, "heartbeatIntervalMillis": 400, "heartbeatTimeoutSecs": 2}
QUIESCE_MS = 2500
POLL_SECONDS = 0.1

Client = AsyncMongoClient[dict[str, Any]]


class Member:
    """One mongod."""

    def __init__(self, name: str, port: int, process: Process) -> None:
        self.name = name
        self.process = process
        self.client: Client = AsyncMongoClient(HOST, port, directConnection=True, serverSelectionTimeoutMS=500, timeoutMS=1000)
        self.term: str | None = None

    async def look(self, over: asyncio.Event) -> None:
        """Keep looking whether it is the primary. `term` is the election that made it so."""
        while not over.is_set():
            try:
                told = await self.client.admin.command("hello")
                self.term = str(told["electionId"]) if told["isWritablePrimary"] else None
            except PyMongoError:
                self.term = None
            await asyncio.sleep(POLL_SECONDS)


class Cluster:
    """The members. Their addresses in the set's configuration are the doors that lead to them."""

    def __init__(self, directory: Path, doors: Doors) -> None:
        self.doors = doors
        self.members = [
            Member(name, doors.targets[name], Process(command(directory, name, doors.targets[name]), directory / f"{name}.log")) for name in NAMES
        ]
        self.elections: list[tuple[float, str]] = []

    def uri(self, database: str) -> str:
        """The address of a database."""
        hosts = ",".join(f"{HOST}:{self.doors.ports[name]}" for name in NAMES)
        return f"mongodb://{hosts}/{database}?replicaSet={SET}"

    @property
    def primary(self) -> Member | None:
        """The member that was elected last, where it was seen as the primary a moment ago."""
        standing = [member for member in self.members if member.term]
        return max(standing, key=lambda member: member.term or "", default=None)

    async def elected(self, after: str = "") -> Member:
        """The primary, as soon as there is one of a later term. Raises: TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (primary := self.primary) or (primary.term or "") <= after:
                await asyncio.sleep(POLL_SECONDS / 2)
        return primary

    async def heal(self) -> None:
        """Let all members run and reach each other."""
        await self.doors.cut_off({})
        for member in self.members:
            member.process.thaw()
            member.process.start()

    async def whole(self) -> None:
        """Wait until all members are up and in step. Raises: TimeoutError."""
        async with asyncio.timeout(2 * PATIENCE_SECONDS):
            while True:
                try:
                    status = await (await self.elected()).client.admin.command("replSetGetStatus")
                    if sorted(member["stateStr"] for member in status["members"]) == ["PRIMARY", "SECONDARY", "SECONDARY"]:
                        return
                except PyMongoError:
                    pass
                await asyncio.sleep(POLL_SECONDS)

    async def initiate(self) -> None:
        """Make a set of them. Raises: TimeoutError."""
        members = [{"_id": number, "host": f"{HOST}:{self.doors.ports[name]}"} for number, name in enumerate(NAMES)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    for member in self.members:
                        await member.client.admin.command("ping")
                    await self.members[0].client.admin.command("replSetInitiate", {"_id": SET, "members": members, "settings": SETTINGS})
                    return
                except PyMongoError:
                    await asyncio.sleep(POLL_SECONDS)

    async def look(self, over: asyncio.Event) -> None:
        """Keep looking who the primary is, and keep when that changed."""
        async with asyncio.TaskGroup() as tasks:
            for member in self.members:
                tasks.create_task(member.look(over))
            known = ""
            while not over.is_set():
                if (primary := self.primary) and primary.term and primary.term > known:
                    known = primary.term
                    self.elections.append((time(), primary.name))
                await asyncio.sleep(POLL_SECONDS / 2)


def command(directory: Path, name: str, port: int) -> list[str]:
    """How a member is called."""
    data = directory / name
    data.mkdir(parents=True, exist_ok=True)
    # fmt: off
    return [
        str(find_mongod()), "--dbpath", str(data), "--replSet", SET, "--bind_ip", HOST, "--port", str(port), "--nounixsocket", "--quiet",
        "--wiredTigerCacheSizeGB", "0.25", "--wiredTigerEngineConfigString", "log=(file_max=16MB)", "--oplogSize", "128",
        "--setParameter", "diagnosticDataCollectionEnabled=false", "--setParameter", f"shutdownTimeoutMillisForSignaledShutdown={QUIESCE_MS}",
    ]
    # fmt: on


@asynccontextmanager
async def running(directory: Path, doors: Doors) -> AsyncIterator[Cluster]:
    """A replica set with a primary, for as long as the context lasts."""
    cluster = Cluster(directory, doors)
    # Told, not cancelled: the driver may take a cancellation for a lost connection, and the looking would go on for ever.
    over = asyncio.Event()
    looking = asyncio.create_task(cluster.look(over))
    try:
        for member in cluster.members:
            member.process.start()
        await cluster.initiate()
        await cluster.whole()
        yield cluster
    finally:
        over.set()
        await asyncio.wait([looking])
        for member in cluster.members:
            await member.process.kill()
            await member.client.close()
