"""Tests that keys can be rotated and verifications deleted while gateways serve, although the processes that do so are killed."""

import asyncio
import json
import signal
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from websockets.asyncio.client import ClientConnection

from store.feeds.tombstones import MARGIN
from store.indexes import TOMBSTONES, UPKEEP, VERIFICATIONS
from store.upkeep.rotation import SEALED_FIELDS
from store.verifications import utc_now
from tests.factories import VERIFIED_RESULT, a_verification
from tests.processes.process import CREATE, FEED, REQUEST, Command, eventually, next_update, running
from tests.processes.service import api_at, free_port, settings_at
from tests.serving import KEYS
from tests.storing import encode

Mongo = MongoClient[dict[str, Any]]
NEW_KEY = b64encode(sha256(b"new").digest()).decode()
OLD_KEY = KEYS["data_keys"]
ROTATED = f"new:{NEW_KEY},{OLD_KEY}"
STORED = 4000
DELETED = 300
SECONDS = 180


def store_final(mongo: Mongo, name: str, count: int) -> dict[str, int]:
    """Store verifications that were verified two hours ago. Returns their versions, by id."""
    at = utc_now() - timedelta(hours=2)
    documents = [encode(a_verification(at=at).concluded(VERIFIED_RESULT, at)) for _ in range(count)]
    mongo[name][VERIFICATIONS].insert_many(documents)
    return {document["_id"]: document["version"] for document in documents}


@asynccontextmanager
async def served(directory: Path, name: str, port: int, **environment: str) -> AsyncIterator[Command]:
    """A context with a gateway that is ready, in a directory of its own."""
    folder = directory / name
    folder.mkdir(exist_ok=True)
    async with running(folder, "serve", **{**settings_at(port), **environment}) as command:
        await command.ready(f"http://127.0.0.1:{port}")
        yield command


async def killed_when(command: Command, condition: Callable[[], bool]) -> None:
    """Kill a command as soon as the condition is true, unless it ends before."""
    while command.process.returncode is None and not condition():
        await asyncio.sleep(0.002)
    if command.process.returncode is None:
        await command.end(signal.SIGKILL)


async def next_verification(feed: ClientConnection) -> Any:
    """The next verification that a feed delivers. A feed that is idle also sends items without one."""
    while not (found := (await next_update(feed))["verification"]):
        pass
    return found


async def test_a_rotation_that_is_killed_again_and_again_is_finished_and_nobody_notices(
    tmp_path: Path, database_uri: str, database_name: str, mongo: Mongo
) -> None:
    port, stored = free_port(), store_final(mongo, database_name, STORED)
    environment = {"GATEWAY_MONGO_URI": database_uri, "GATEWAY_DATA_KEYS": ROTATED}
    quick = {**settings_at(port), **environment, "GATEWAY_REQUEST_SECONDS": "2", "GATEWAY_DATABASE_SECONDS": "2"}

    def passed() -> int:
        return int((mongo[database_name][UPKEEP].find_one({}) or {}).get("passed", 0))

    async with served(tmp_path, "gateway", port, **environment), api_at(port).subscription(FEED) as feed:
        await next_update(feed)
        for _ in range(2):
            before = passed()
            async with running(tmp_path, "keys", "rotate", **quick) as command:
                await killed_when(command, lambda: passed() > before)  # noqa: B023
        async with running(tmp_path, "keys", "rotate", **quick) as command:
            assert await command.ended() == 0, command.errors.read_text()
        created = (await api_at(port).execute(CREATE, input=REQUEST))["id"]
        # The feed delivers in order. So if its next verification is the new one, no rewrite was delivered.
        assert await next_verification(feed) == {"id": created, "version": 1}

    documents = [*mongo[database_name][VERIFICATIONS].find()]
    assert {each["_id"]: each["version"] for each in documents} == stored | {created: 1}
    assert {each[field]["key"] for each in documents for field in SEALED_FIELDS if field in each} == {"new"}
    async with served(tmp_path, "without the old key", port, **environment | {"GATEWAY_DATA_KEYS": f"new:{NEW_KEY}"}):
        query = "query ($id: ID!) { verification(id: $id) { declaredIdentity { lastName } } }"
        assert await api_at(port).execute(query, id=next(iter(stored))) == {"declaredIdentity": {"lastName": "Moreau"}}


def archived(directory: Path) -> list[str]:
    """The ids in the complete lines of an archive, in the order in which each file has them."""
    lines = [line for path in directory.iterdir() for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [json.loads(line)["verification"]["_id"] for line in lines]


@pytest.fixture
def short_transactions(mongo: Mongo) -> Iterator[None]:
    """Makes MongoDB abort transactions after a few seconds instead of 60 to 90.

    Until the transaction of a killed process is aborted, no other process can delete the verifications that it was about to delete.
    """
    name = "transactionLifetimeLimitSeconds"
    before = mongo.admin.command({"getParameter": 1, name: 1})[name]
    mongo.admin.command({"setParameter": 1, name: 3})
    yield
    mongo.admin.command({"setParameter": 1, name: before})


@pytest.mark.usefixtures("short_transactions")
@pytest.mark.parametrize("processes", [1, 2])
async def test_no_verification_is_deleted_without_being_archived_although_gateways_are_killed(
    tmp_path: Path, database_uri: str, database_name: str, mongo: Mongo, processes: int
) -> None:
    stored = {*store_final(mongo, database_name, DELETED)}
    archive = tmp_path / "archive"
    archive.mkdir()
    deletion = {"GATEWAY_DELETE_SECONDS": "3600", "GATEWAY_ARCHIVE": str(archive), "GATEWAY_SWEEP_SECONDS": "0.1"}
    environment = {"GATEWAY_MONGO_URI": database_uri, **deletion}

    def left() -> set[str]:
        return {document["_id"] for document in mongo[database_name][VERIFICATIONS].find({}, {"_id": 1})}

    async def serve_until(number: int, enough: Callable[[], bool]) -> None:
        folder, port = tmp_path / f"gateway {number}", free_port()
        folder.mkdir(exist_ok=True)
        async with running(folder, "serve", **{**settings_at(port), **environment}) as command:
            await killed_when(command, enough)

    for share in (0.7, 0.3):
        target = DELETED * share
        await asyncio.gather(*(serve_until(number, lambda: len(left()) < target) for number in range(processes)))  # noqa: B023
        assert stored - left() <= {*archived(archive)}
    async with served(tmp_path, "last", free_port(), **environment):
        assert await eventually(lambda: not left(), SECONDS)

    assert {*archived(archive)} == stored
    graves = [*mongo[database_name][TOMBSTONES].find()]
    assert {grave["_id"] for grave in graves} == stored
    assert all(grave["expiresAt"] > utc_now() + MARGIN for grave in graves)
