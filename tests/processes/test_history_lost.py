"""Tests a gateway that was paused for so long that MongoDB's oplog no longer contains the position of its resume token."""

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bson import Timestamp
from pymongo import DESCENDING, MongoClient
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from domain.caller import Scope
from gateway.development.mongod import EmbeddedMongo
from tests.processes.process import CREATE, FEED, PROGRESS, REQUEST, next_update, running
from tests.processes.service import api_at, free_port, logged, settings_at

Mongo = MongoClient[dict[str, Any]]
SECONDS = 120
CAPPED_POSITION_LOST = 136


@pytest.fixture
def small_oplog_uri(tmp_path: Path) -> Iterator[str]:
    """The URI of a MongoDB with an oplog that is as small as possible, to overwrite it quickly."""
    with EmbeddedMongo(tmp_path / "mongo", oplog_megabytes=1) as mongo:
        yield mongo.uri


def oldest(oplog: Collection[dict[str, Any]]) -> Timestamp:
    """The time of the oldest change in the oplog."""
    while True:
        try:
            at: Timestamp = oplog.find().sort("$natural", 1).limit(1).next()["ts"]
            return at
        except OperationFailure as failure:
            # MongoDB removed the oldest change from the oplog while this function read it.
            if failure.code != CAPPED_POSITION_LOST:
                raise


def overwrite_oplog(uri: str) -> None:
    """Write documents until MongoDB has removed all changes from its oplog that were made before this call."""
    with Mongo(uri) as client:
        oplog, scratch = client.local["oplog.rs"], client["filler"]["scratch"]
        last = oplog.find().sort("$natural", DESCENDING).limit(1).next()["ts"]
        until = time.monotonic() + SECONDS
        while oldest(oplog) <= last:
            assert time.monotonic() < until
            scratch.insert_many([{"filler": "x" * 100_000} for _ in range(50)])
        client.drop_database("filler")


async def test_subscribers_receive_the_lost_history_once(tmp_path: Path, small_oplog_uri: str) -> None:
    directories = [tmp_path / name for name in ("stopped", "other")]
    for directory in directories:
        directory.mkdir()
    ports = free_port(), free_port()
    stopped, reporter = api_at(ports[0]), api_at(ports[1], Scope.REPORT)
    async with (
        running(directories[0], "serve", GATEWAY_MONGO_URI=small_oplog_uri, **settings_at(ports[0])) as gateway,
        running(directories[1], "serve", GATEWAY_MONGO_URI=small_oplog_uri, **settings_at(ports[1])) as other,
    ):
        await gateway.ready(stopped.url)
        await other.ready(reporter.url)
        id = (await stopped.execute(CREATE, input=REQUEST))["id"]
        async with stopped.updates(id) as socket, stopped.subscription(FEED) as feed:
            updates = [await next_update(socket)]
            assert await next_update(feed) == {"verification": None}
            other_id = (await stopped.execute(CREATE, input=REQUEST))["id"]

            gateway.process.send_signal(signal.SIGSTOP)
            await reporter.execute(PROGRESS, input={"verificationId": id, "progress": "LINK_OPENED"})
            await asyncio.to_thread(overwrite_oplog, small_oplog_uri)
            gateway.process.send_signal(signal.SIGCONT)
            await reporter.execute(PROGRESS, input={"verificationId": id, "progress": "CAPTURE_STARTED"})

            while updates[-1]["verification"]["version"] < 3:
                updates.append(await next_update(socket))
            last_id = (await stopped.execute(CREATE, input=REQUEST))["id"]
            items: list[tuple[str, int]] = []
            while (last_id, 1) not in items:
                if item := (await next_update(feed))["verification"]:
                    items.append((item["id"], item["version"]))
        lost = [line["event"] for line in logged(gateway) if "the change stream failed" in line["event"]]

    assert [event["version"] for update in updates for event in update["events"]] == [1, 2, 3]
    assert sorted(items) == sorted({*items}), "an open feed received a state twice"
    assert {(other_id, 1), (id, 3), (last_id, 1)} <= {*items}
    assert any(code in line for line in lost for code in ("286", "136")), lost
