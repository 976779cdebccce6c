"""A gateway that was away for so long that MongoDB's history of changes doesn't reach back to where it was."""

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import DESCENDING, MongoClient

from domain.caller import Scope
from gateway.development.mongod import EmbeddedMongo
from tests.processes.process import CREATE, PROGRESS, REQUEST, next_update, running
from tests.processes.service import api_at, free_port, logged, settings_at

Mongo = MongoClient[dict[str, Any]]
SECONDS = 120


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[str]:
    """The address of a MongoDB with the shortest of histories."""
    with EmbeddedMongo(tmp_path / "forgetful", oplog_megabytes=1) as mongo:
        yield mongo.uri


def forgotten(uri: str) -> None:
    """Have MongoDB forget all changes up to now."""
    with Mongo(uri) as client:
        oplog, scratch = client.local["oplog.rs"], client["elsewhere"]["scratch"]
        last = oplog.find().sort("$natural", DESCENDING).limit(1).next()["ts"]
        until = time.monotonic() + SECONDS
        while oplog.find().sort("$natural", 1).limit(1).next()["ts"] <= last:
            assert time.monotonic() < until
            scratch.insert_many([{"filler": "x" * 100_000} for _ in range(50)])
        client.drop_database("elsewhere")


async def test_who_follows_hears_all_that_happened_meanwhile(tmp_path: Path, forgetful: str) -> None:
    places = [tmp_path / name for name in ("stopped", "other")]
    for place in places:
        place.mkdir()
    ports = free_port(), free_port()
    stopped, reporter = api_at(ports[0]), api_at(ports[1], Scope.REPORT)
    async with (
        running(places[0], "serve", GATEWAY_MONGO_URI=forgetful, **settings_at(ports[0])) as gateway,
        running(places[1], "serve", GATEWAY_MONGO_URI=forgetful, **settings_at(ports[1])) as other,
    ):
        await gateway.ready(stopped.url)
        await other.ready(reporter.url)
        id = (await stopped.ask(CREATE, input=REQUEST))["id"]
        async with stopped.updates(id) as socket:
            heard = [await next_update(socket)]

            gateway.process.send_signal(signal.SIGSTOP)
            await reporter.ask(PROGRESS, input={"verificationId": id, "progress": "LINK_OPENED"})
            await asyncio.to_thread(forgotten, forgetful)
            gateway.process.send_signal(signal.SIGCONT)
            await reporter.ask(PROGRESS, input={"verificationId": id, "progress": "CAPTURE_STARTED"})

            while heard[-1]["verification"]["version"] < 3:
                heard.append(await next_update(socket))
        lost = [line["event"] for line in logged(gateway) if "the change stream failed" in line["event"]]

    assert [event["version"] for update in heard for event in update["events"]] == [1, 2, 3]
    assert any(code in line for line in lost for code in ("286", "136")), lost
