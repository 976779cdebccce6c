"""A replica set with three members that authenticate each other and their clients, as in production.

A member can be killed, stopped, frozen or cut off, and can be started again with its data.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from gateway.development.mongod import find_mongod
from tests.ledger.process import PATIENCE_SECONDS, Process
from tests.ledger.proxy import HOST, Proxies

SET = "ledger"
NAMES = ("mongo-1", "mongo-2", "mongo-3")
SETTINGS = {"electionTimeoutMillis": 1500, "heartbeatIntervalMillis": 400, "heartbeatTimeoutSecs": 2}
QUIESCE_MS = 2500
POLL_SECONDS = 0.1
# The user of the tests themselves, and the user with which gateways connect. The latter may only read and write the databases of the runs.
OPERATOR, GATEWAY = ("operator", "operator-of-the-tests"), ("gateway", "gateway-of-the-tests")
# MongoDB's code when a user is created that exists: an earlier attempt was executed, and its answer was lost.
USER_EXISTS = 51003

Client = AsyncMongoClient[dict[str, Any]]


class Member:
    """One member of the replica set: a mongod process, and a client that connects to it without a proxy.

    The client authenticates only after `authenticate`, because a new replica set has no users.
    """

    def __init__(self, name: str, port: int, process: Process) -> None:
        self.name = name
        self.process = process
        self._port = port
        self.client = self._connected(None, None)
        self.term: str | None = None

    async def authenticate(self) -> None:
        """Connect again, as the operator."""
        earlier, self.client = self.client, self._connected(*OPERATOR)
        await earlier.close()

    def _connected(self, username: str | None, password: str | None) -> Client:
        options: dict[str, Any] = {"directConnection": True, "serverSelectionTimeoutMS": 500, "timeoutMS": 1000}
        return AsyncMongoClient(HOST, self._port, username=username, password=password, **options)

    async def poll(self, over: asyncio.Event) -> None:
        """Update `term` repeatedly until the event `over` is set. `term` is the id of the election that made this member primary, otherwise None."""
        while not over.is_set():
            try:
                hello = await self.client.admin.command("hello")
                self.term = str(hello["electionId"]) if hello["isWritablePrimary"] else None
            except PyMongoError:
                self.term = None
            await asyncio.sleep(POLL_SECONDS)


class Cluster:
    """The replica set. Members and gateways reach a member only through its proxy, because the set's configuration names the proxies."""

    def __init__(self, directory: Path, proxies: Proxies) -> None:
        self.proxies = proxies
        self.members = [
            Member(name, proxies.targets[name], Process(command(directory, name, proxies.targets[name]), directory / f"{name}.log")) for name in NAMES
        ]
        self.elections: list[tuple[float, str]] = []

    def uri(self, database: str) -> str:
        """The MongoDB URI of a database, for gateways. It contains the addresses of the proxies. First call `authorize` for the database."""
        hosts = ",".join(f"{HOST}:{self.proxies.ports[name]}" for name in NAMES)
        return f"mongodb://{':'.join(GATEWAY)}@{hosts}/{database}?replicaSet={SET}&authSource=admin"

    @property
    def primary(self) -> Member | None:
        """The member that is the primary. None: no member was primary at the last poll. If several were, the one with the latest election."""
        primaries = [member for member in self.members if member.term]
        return max(primaries, key=lambda member: member.term or "", default=None)

    async def elected(self, after: str = "") -> Member:
        """Wait for a primary that was elected after the term `after`. Returns it. Raises: TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (primary := self.primary) or (primary.term or "") <= after:
                await asyncio.sleep(POLL_SECONDS / 2)
        return primary

    async def heal(self) -> None:
        """Reconnect all members, continue those that are frozen, start those that have ended. Does not wait until they are ready."""
        await self.proxies.cut_off({})
        for member in self.members:
            member.process.thaw()
            member.process.start()

    async def whole(self) -> None:
        """Wait until the replica set has a primary and two secondaries. Raises: TimeoutError."""
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
        """Wait until all members answer, and make them a replica set. Raises: TimeoutError."""
        members = [{"_id": number, "host": f"{HOST}:{self.proxies.ports[name]}"} for number, name in enumerate(NAMES)]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    for member in self.members:
                        await member.client.admin.command("ping")
                    await self.members[0].client.admin.command("replSetInitiate", {"_id": SET, "members": members, "settings": SETTINGS})
                    return
                except PyMongoError:
                    await asyncio.sleep(POLL_SECONDS)

    async def create_users(self) -> None:
        """Create the operator and the user of the gateways. Raises: TimeoutError.

        The first user is created without credentials: mongod allows that to clients on its machine while it has no users.
        """
        name, password = OPERATOR
        await self._on_primary("createUser", name, pwd=password, roles=["root"])
        for member in self.members:
            await member.authenticate()
        name, password = GATEWAY
        await self._on_primary("createUser", name, pwd=password, roles=[])

    async def authorize(self, database: str) -> None:
        """Let the gateways read and write a database. Raises: TimeoutError."""
        await self._on_primary("grantRolesToUser", GATEWAY[0], roles=[{"role": "readWrite", "db": database}])

    async def _on_primary(self, command: str, name: str, **options: Any) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                primary = await self.elected()
                try:
                    await primary.client.admin.command(command, name, **options)
                    return
                except PyMongoError as error:
                    if isinstance(error, OperationFailure) and error.code == USER_EXISTS:
                        return
                    await asyncio.sleep(POLL_SECONDS)

    async def poll(self, over: asyncio.Event) -> None:
        """Until the event `over` is set, update the `term` of all members, and record each election in `elections`: its time and the new primary."""
        async with asyncio.TaskGroup() as tasks:
            for member in self.members:
                tasks.create_task(member.poll(over))
            latest_term = ""
            while not over.is_set():
                if (primary := self.primary) and primary.term and primary.term > latest_term:
                    latest_term = primary.term
                    self.elections.append((time(), primary.name))
                await asyncio.sleep(POLL_SECONDS / 2)


def command(directory: Path, name: str, port: int) -> list[str]:
    """The command that starts the mongod of a member. Also creates the directory for its data."""
    data = directory / name
    data.mkdir(parents=True, exist_ok=True)
    key_file = directory / f"{name}.key"
    key_file.touch(0o600)
    key_file.write_text("aKeyThatTheMembersOfTheLedgerShare")
    # fmt: off
    return [
        str(find_mongod()), "--dbpath", str(data), "--replSet", SET, "--bind_ip", HOST, "--port", str(port), "--nounixsocket", "--quiet",
        "--keyFile", str(key_file), "--wiredTigerCacheSizeGB", "0.25", "--wiredTigerEngineConfigString", "log=(file_max=16MB)", "--oplogSize", "128",
        "--setParameter", "diagnosticDataCollectionEnabled=false", "--setParameter", f"shutdownTimeoutMillisForSignaledShutdown={QUIESCE_MS}",
    ]
    # fmt: on


@asynccontextmanager
async def running(directory: Path, proxies: Proxies) -> AsyncIterator[Cluster]:
    """Start a replica set, wait until it is complete, and kill it at the end of the context."""
    cluster = Cluster(directory, proxies)
    # End the polling by an event and not by cancelling its task: the driver may treat a cancellation as a lost connection, and go on.
    over = asyncio.Event()
    polling = asyncio.create_task(cluster.poll(over))
    try:
        for member in cluster.members:
            member.process.start()
        await cluster.initiate()
        await cluster.create_users()
        await cluster.whole()
        yield cluster
    finally:
        over.set()
        await asyncio.wait([polling])
        for member in cluster.members:
            await member.process.kill()
            await member.client.close()
