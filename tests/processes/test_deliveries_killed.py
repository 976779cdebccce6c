"""Tests that events reach the backend at least once and in order, although the gateways that send them are killed."""

import asyncio
import signal
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from domain.caller import Scope
from store.indexes import DELIVERIES, DELIVERY_POSITIONS
from tests.fakes.receiver import RECEIVER_SECRET, Answer, Receiver, receiving
from tests.processes.process import CREATE, PROGRESS, REQUEST, running
from tests.processes.service import api_at, free_port, settings_at
from tests.storing import until

SECONDS = 120
REPORTING = (Scope.REPORT,)
VERIFICATIONS = 12
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def providers_file(directory: Path, receiver: Receiver) -> Path:
    """A providers file with the receiver as the backend of the workspace `acme`."""
    path = directory / "providers.toml"
    path.write_text(f'[acme]\nprovider = "sandbox"\n[acme.deliveries]\nurl = "{receiver.url}"\nsecret_env = "ACME_HOOK_SECRET"\n')
    return path


def complete(receiver: Receiver, ids: list[str]) -> bool:
    """Whether both events of all verifications were accepted."""
    return all({1, 2} <= set(receiver.versions(id)) for id in ids)


def end_leases(database: Database[dict[str, Any]]) -> None:
    """End the leases of a process that was killed, so that the next one need not wait for their ends."""
    database[DELIVERIES].update_many({"lease": {"$exists": True}}, {"$set": {"due": LONG_AGO}})
    database[DELIVERY_POSITIONS].update_many({}, {"$set": {"until": LONG_AGO}})


async def test_killed_gateways_lose_no_event(tmp_path: Path, database_uri: str, database_name: str, mongo: MongoClient[dict[str, Any]]) -> None:
    chance, ids, port, database = Random(14), [], free_port(), mongo[database_name]
    slow = Answer(delay_seconds=1)
    async with receiving(lambda number, body: slow) as receiver:
        environment = {
            **settings_at(port),
            "GATEWAY_MONGO_URI": database_uri,
            "GATEWAY_PROVIDERS_FILE": str(providers_file(tmp_path, receiver)),
            "ACME_HOOK_SECRET": RECEIVER_SECRET,
        }
        api = api_at(port)
        for _ in range(3):
            async with running(tmp_path, "serve", **environment) as command:
                await command.ready(f"http://127.0.0.1:{port}")
                # Events from before the beginning of the deliveries are not delivered. Wait, so that all events of this test are later.
                await command.until(lambda: database[DELIVERY_POSITIONS].count_documents({}) > 0)
                for _ in range(VERIFICATIONS // 3):
                    ids.append((await api.execute(CREATE, input=REQUEST))["id"])
                    await api_at(port, *REPORTING).execute(PROGRESS, input={"verificationId": ids[-1], "progress": "LINK_OPENED"})
                await command.until(lambda: receiver.at_once > 0)
                await asyncio.sleep(chance.uniform(0, 0.3))
                await command.end(signal.SIGKILL)
            await until(lambda: receiver.at_once == 0)
            end_leases(database)
        accepted_before = len(receiver.requests)
        async with running(tmp_path, "serve", **environment) as command, asyncio.timeout(SECONDS):
            await command.ready(f"http://127.0.0.1:{port}")
            while not complete(receiver, ids):
                await asyncio.sleep(0.1)

    assert len(receiver.requests) > accepted_before
    for id in ids:
        versions = receiver.versions(id)
        assert all(later - earlier in (0, 1) for earlier, later in pairwise(versions)), f"{id}: {versions}"
    assert receiver.forged == []
