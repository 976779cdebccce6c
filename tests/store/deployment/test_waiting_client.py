"""Transient errors of MongoDB: commands that may be repeated are repeated until they succeed. Otherwise, the error becomes Unavailable.

A real mongod returns the errors, by its fail point `failCommand`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from domain.errors import Unavailable
from gateway.development.mongod import EmbeddedMongo
from store.deployment.waiting_client import ENDED, NOT_EXECUTED, READ_AGAIN, TRANSIENT, UNACKNOWLEDGED
from store.driver import Client, answering, close_client, connect, database, transaction

# A time limit for commands. In most tests, MongoDB fails a few times, and the repeated command succeeds within this time also on a busy machine.
PATIENT_SECONDS = 30.0
KEY_NOT_FOUND, DOCUMENT_VALIDATION_FAILURE = 211, 121
# Codes of errors that are not tested. They occur in sharded clusters and carry further data, which the fail point can't return.
NOT_SIMULATED = {249, 343, 13388}


class MongoWithFailPoints(EmbeddedMongo):
    """A mongod that accepts the command `configureFailPoint`."""

    def command(self, mongod: Path, port: int) -> list[str]:
        return [*super().command(mongod, port), "--setParameter", "enableTestCommands=1"]


@pytest.fixture(scope="module")
def failing_mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoClient[dict[str, Any]]]:
    """A client of a mongod with fail points. It never receives the errors itself, because they are only for clients with the gateway's `appName`."""
    with MongoWithFailPoints(tmp_path_factory.mktemp("mongo")) as mongo, MongoClient[dict[str, Any]](mongo.uri) as client:
        yield client


@asynccontextmanager
async def failing(mongo: MongoClient[dict[str, Any]], code: int, times: int | None, *commands: str) -> AsyncIterator[None]:
    """A context in which these commands fail with this error code. The first `times` of them fail, or all of them if `times` is None."""
    mode = "alwaysOn" if times is None else {"times": times}
    data = {"failCommands": commands, "errorCode": code, "appName": "verification-gateway"}
    mongo.admin.command("configureFailPoint", "failCommand", mode=mode, data=data)
    try:
        yield
    finally:
        mongo.admin.command("configureFailPoint", "failCommand", mode="off")


@asynccontextmanager
async def connected(mongo: MongoClient[dict[str, Any]], timeout_seconds: float = PATIENT_SECONDS) -> AsyncIterator[Client]:
    """A client of the gateway for this mongod.

    Some of the simulated errors mean that the mongod is no longer the primary. Every 500 ms, the client looks again for the
    primary. It then finds that the mongod still is the primary, and goes on to use it.
    """
    host, port = mongo.address or ("", 0)
    client = connect(f"mongodb://{host}:{port}/gateway?directConnection=true&heartbeatFrequencyMS=500", timeout_seconds)
    try:
        yield client
    finally:
        close_client(client)


@pytest.mark.parametrize("code", sorted(READ_AGAIN - NOT_SIMULATED))
async def test_a_read_waits_until_the_error_is_over(failing_mongo: MongoClient[dict[str, Any]], code: int) -> None:
    async with connected(failing_mongo) as client, failing(failing_mongo, code, 2, "find"):
        with answering():
            assert await database(client)["things"].find_one({"_id": "missing"}) is None


@pytest.mark.parametrize("code", sorted(NOT_EXECUTED))
async def test_a_write_waits_until_it_is_executed_and_is_executed_once(failing_mongo: MongoClient[dict[str, Any]], code: int) -> None:
    async with connected(failing_mongo) as client:
        things = database(client)["things"]
        async with failing(failing_mongo, code, 2, "update"):
            with answering():
                await things.update_one({"_id": f"code-{code}"}, {"$inc": {"number": 1}}, upsert=True)

        stored = await things.find_one({"_id": f"code-{code}"})

    assert stored
    assert stored["number"] == 1


async def test_a_transaction_is_begun_again(failing_mongo: MongoClient[dict[str, Any]]) -> None:
    begun = 0
    async with connected(failing_mongo) as client:
        things = database(client)["things"]

        async def steps(session: Any) -> None:
            nonlocal begun
            begun += 1
            await things.insert_one({"_id": f"begun-{begun}"}, session=session)
            await things.insert_one({"_id": f"ended-{begun}"}, session=session)

        async with failing(failing_mongo, KEY_NOT_FOUND, 2, "insert"):
            with answering():
                await transaction(client, steps)

        stored = [each["_id"] async for each in things.find({"_id": {"$regex": "^(begun|ended)-"}})]

    assert begun == 3
    assert sorted(stored) == ["begun-3", "ended-3"]


async def test_an_error_that_lasts_is_unavailable_when_the_time_of_the_command_is_over(failing_mongo: MongoClient[dict[str, Any]]) -> None:
    async with connected(failing_mongo, timeout_seconds=0.5) as client, failing(failing_mongo, KEY_NOT_FOUND, None, "find", "update"):
        began_at = monotonic()
        with pytest.raises(Unavailable), answering():
            await database(client)["things"].find_one({})
        with pytest.raises(Unavailable), answering():
            await database(client)["things"].update_one({"_id": 1}, {"$set": {"number": 1}})

    assert monotonic() - began_at > 0.5


@pytest.mark.parametrize("code", sorted(TRANSIENT - NOT_EXECUTED - NOT_SIMULATED))
async def test_a_write_whose_outcome_is_uncertain_is_unavailable(failing_mongo: MongoClient[dict[str, Any]], code: int) -> None:
    async with connected(failing_mongo, timeout_seconds=0.5) as client, failing(failing_mongo, code, None, "delete"):
        with pytest.raises(Unavailable), answering():
            await database(client)["things"].delete_many({"_id": "missing"})


@pytest.mark.parametrize("code", sorted(ENDED | UNACKNOWLEDGED))
async def test_a_read_that_would_fail_again_is_unavailable(failing_mongo: MongoClient[dict[str, Any]], code: int) -> None:
    async with connected(failing_mongo, timeout_seconds=0.5) as client, failing(failing_mongo, code, None, "find"):
        with pytest.raises(Unavailable), answering():
            await database(client)["things"].find_one({})


async def test_a_batch_of_a_cursor_is_not_read_again_after_an_uncertain_error(failing_mongo: MongoClient[dict[str, Any]]) -> None:
    """MongoDB may have sent a batch that did not arrive. A repeated `getMore` would return the batch after it, and rows would be lost."""
    busy = 112
    failing_mongo["gateway"]["many"].insert_many([{"_id": number} for number in range(5)])
    async with connected(failing_mongo) as client, failing(failing_mongo, busy, 1, "getMore"):
        with pytest.raises(Unavailable), answering():
            await database(client)["many"].find(batch_size=2).to_list(None)


async def test_an_error_that_is_not_transient_is_raised_at_once(failing_mongo: MongoClient[dict[str, Any]]) -> None:
    async with connected(failing_mongo) as client, failing(failing_mongo, DOCUMENT_VALIDATION_FAILURE, None, "find"):
        async with asyncio.timeout(PATIENT_SECONDS):
            with pytest.raises(OperationFailure), answering():
                await database(client)["things"].find_one({})
