"""Tests a rolling upgrade and a rolling rollback: processes of two releases serve one database side by side, under load.

The older release is the commit OLDER. It runs with the installed libraries: when these change so much that it no longer starts, choose a newer
commit.
"""

import asyncio
import json
import signal
import subprocess
from asyncio import Task
from collections import defaultdict
from contextlib import AsyncExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pymongo import MongoClient
from websockets import Subprotocol
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from domain.caller import Scope
from store.documents import SCHEMA
from store.indexes import VERIFICATIONS
from tests.processes.process import REQUEST, Command, running
from tests.processes.service import api_at, free_port, settings_at

ROOT = Path(__file__).parents[2]
# "Mend five tests that the last changes of the gateway broke", the last commit that wrote documents of schema version 1.
OLDER = "96ce3a6c537a19bc67c6f590fffeda72c0088db9"
# How many verifications are taken to an outcome in each phase, and how many at the same time.
IN_EACH_PHASE = 15
WRITERS = 3
SECONDS = 120

VERIFICATION = "... on Verification { id version status } ... on Refusal { code message }"
CREATE = f"mutation ($input: CreateVerificationInput!) {{ createVerification(input: $input) {{ {VERIFICATION} }} }}"
PROGRESS = f"mutation ($input: ReportProgressInput!) {{ reportProgress(input: $input) {{ {VERIFICATION} }} }}"
RESULT = f"mutation ($input: ReportResultInput!) {{ reportResult(input: $input) {{ {VERIFICATION} }} }}"
STATE = "query ($id: ID!) { verification(id: $id) { id version status declaredIdentity { lastName } events { version } } }"
FOLLOW = "subscription ($id: ID!, $after: Int!) { verificationUpdated(id: $id, after: $after) { events { version } } }"
FEED = "subscription ($after: String) { verificationsUpdated(after: $after) { cursor verification { id version } } }"


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A directory with the code of the older release."""
    if subprocess.run(["git", "cat-file", "-e", f"{OLDER}^{{commit}}"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip(f"this clone does not contain the older release, the commit {OLDER}; `git fetch --unshallow` fetches the whole history")
    directory = tmp_path / "older"
    directory.mkdir()
    archive = subprocess.run(["git", "archive", OLDER], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "--extract"], cwd=directory, input=archive, check=True)
    return directory


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """An empty directory. A process that starts in it runs the installed code: that of this release."""
    directory = tmp_path / "newer"
    directory.mkdir()
    return directory


class Cluster:
    """Two gateways, each at its own port. `replace` stops one and starts another release in its place, as a rolling upgrade does."""

    def __init__(self, uri: str, stack: AsyncExitStack) -> None:
        self.ports = (free_port(), free_port())
        self._uri = uri
        self._stack = stack
        self._commands: dict[int, Command] = {}

    def environment(self, port: int) -> dict[str, str]:
        """The settings of the gateway at this port."""
        return {**settings_at(port), "GATEWAY_MONGO_URI": self._uri, "GATEWAY_RATE_COST_PER_SECOND": "0", "GATEWAY_ADDRESS_REFUSALS_PER_SECOND": "0"}

    async def replace(self, port: int, release: Path) -> None:
        """Start the release at this port, after the process that is there has stopped in order."""
        if running_there := self._commands.get(port):
            assert await running_there.end(signal.SIGTERM) == 128 + signal.SIGTERM, running_there.errors.read_text()
        command = await self._stack.enter_async_context(running(release, "serve", **self.environment(port)))
        await command.ready(f"http://127.0.0.1:{port}")
        self._commands[port] = command

    async def replace_all(self, release: Path) -> None:
        """Replace both processes by processes of `release`, one after the other."""
        for port in self.ports:
            await self.replace(port, release)


class Load:
    """Takes verifications to an outcome, and follows each of them and the whole workspace, at whichever gateway answers."""

    def __init__(self, ports: tuple[int, ...], client: httpx2.AsyncClient) -> None:
        self.token = api_at(ports[0], Scope.READ, Scope.WRITE, Scope.REPORT, Scope.SENSITIVE).token
        # For each verification: the versions that its follower received, in order.
        self.followed: dict[str, list[int]] = defaultdict(list)
        # The versions that the feed of the workspace delivered, by verification.
        self.fed: dict[str, list[int]] = defaultdict(list)
        self._ports = ports
        self._client = client
        self._numbers = count()
        self.followers: list[Task[None]] = []

    async def execute(self, query: str, turn: int = 0, **variables: Any) -> dict[str, Any]:
        """Execute an operation at one gateway. If the gateway does not answer, or answers UNAVAILABLE, try the other one, and so on."""
        body, headers = {"query": query, "variables": variables}, {"authorization": f"Bearer {self.token}"}
        async with asyncio.timeout(SECONDS):
            while True:
                turn += 1
                with suppress(httpx2.TransportError):
                    url = f"http://127.0.0.1:{self._ports[turn % len(self._ports)]}/graphql"
                    response = (await self._client.post(url, json=body, headers=headers)).json()
                    if "errors" not in response:
                        value: dict[str, Any] = next(iter(response["data"].values()))
                        return value
                    assert {error["extensions"]["code"] for error in response["errors"]} == {"UNAVAILABLE"}, response
                await asyncio.sleep(0.05)

    async def write(self) -> None:
        """Take one verification to an outcome. Each request goes to another gateway than the one before it."""
        number = next(self._numbers)
        id = (await self.execute(CREATE, number, input={**REQUEST, "idempotencyKey": f"key-{number}"}))["id"]
        self.followers.append(asyncio.create_task(self.follow(id)))
        for step in ("LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED"):
            number += 1
            assert (await self.execute(PROGRESS, number, input={"verificationId": id, "progress": step}))["id"] == id
        done = await self.execute(RESULT, number + 1, input={"verificationId": id, "status": "FAILED", "reasonCodes": ["IDVV_2101"]})
        assert (done["status"], done["version"]) == ("FAILED", 5)

    async def write_many(self) -> None:
        """Take some verifications to an outcome, a few at a time."""
        for _ in range(IN_EACH_PHASE // WRITERS):
            await asyncio.gather(*(self.write() for _ in range(WRITERS)))

    async def follow(self, id: str) -> None:
        """Follow a verification until its outcome. After a lost connection, go on behind the last event at the other gateway."""
        async for update in self._messages(FOLLOW, lambda: {"id": id, "after": max(self.followed[id], default=0)}):
            self.followed[id] += [event["version"] for event in update["events"]]

    async def feed(self) -> None:
        """Follow the whole workspace, until cancelled."""
        cursor: list[str | None] = [None]
        async for item in self._messages(FEED, lambda: {"after": cursor[0]}):
            cursor[0] = item["cursor"]
            if item["verification"]:
                self.fed[item["verification"]["id"]].append(item["verification"]["version"])

    async def _messages(self, query: str, variables: Any) -> Any:
        """The messages of a subscription, which is begun again whenever its connection is lost, until it is complete."""
        for turn in count():
            with suppress(OSError, WebSocketException, TimeoutError):
                url = f"ws://127.0.0.1:{self._ports[turn % len(self._ports)]}/graphql"
                async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
                    await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}}))
                    subscribe = {"type": "subscribe", "id": "1", "payload": {"query": query, "variables": variables()}}
                    await socket.send(json.dumps(subscribe))
                    async for text in socket:
                        message = json.loads(text)
                        assert message["type"] in ("connection_ack", "next", "complete", "ping"), message
                        if message["type"] == "complete":
                            return
                        if message["type"] == "next":
                            yield next(iter(message["payload"]["data"].values()))
            await asyncio.sleep(0.05)


async def migrated(cluster: Cluster, newer: Path) -> None:
    """Run `gateway migrate` of this release. The pause before its second round is short, since requests take milliseconds here."""
    environment = {**cluster.environment(0), "GATEWAY_REQUEST_SECONDS": "1", "GATEWAY_DATABASE_SECONDS": "1"}
    async with running(newer, "migrate", **environment) as command:
        assert await command.ended() == 0, command.errors.read_text()


async def test_a_rolling_upgrade_and_a_rolling_rollback_lose_nothing(
    older: Path, newer: Path, tmp_path: Path, database_uri: str, database_name: str, mongo: MongoClient[dict[str, Any]]
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    documents = mongo[database_name][VERIFICATIONS]
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False, timeout=30))
        cluster = Cluster(database_uri, stack)
        await cluster.replace_all(older)
        load = Load(cluster.ports, client)
        feed = asyncio.create_task(load.feed())
        await load.write_many()
        assert {document["schema"] for document in documents.find()} == {1}

        await asyncio.gather(cluster.replace_all(newer), load.write_many())
        await asyncio.gather(migrated(cluster, tools), load.write_many())
        assert {document["schema"] for document in documents.find()} == {SCHEMA}

        await asyncio.gather(cluster.replace_all(older), load.write_many())
        # A process of the newer release serves beside one of the older release, whose documents are migrated while it writes them.
        await cluster.replace(cluster.ports[0], newer)
        await asyncio.gather(migrated(cluster, tools), load.write_many())

        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*load.followers)
            while any(load.fed[id][-1:] != [5] for id in load.followed):
                await asyncio.sleep(0.05)
        states = [await load.execute(STATE, turn, id=id) for id in load.followed for turn in (0, 1)]
        feed.cancel()
        with suppress(asyncio.CancelledError):
            await feed

    every_version = [1, 2, 3, 4, 5]
    assert len(load.followed) == 5 * IN_EACH_PHASE
    assert {id: versions for id, versions in load.followed.items() if versions != every_version} == {}
    assert all(sorted(versions) == versions for versions in load.fed.values())
    assert [
        state for state in states if (state["version"], state["status"], state["declaredIdentity"]) != (5, "FAILED", {"lastName": "Moreau"})
    ] == []
    assert all([event["version"] for event in state["events"]] == every_version for state in states)
