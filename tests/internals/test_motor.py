"""Tests how Motor's asynchronous objects use those of PyMongo, their delegates. See `docs/libraries.md`."""

import asyncio
import inspect
from collections.abc import AsyncGenerator
from datetime import UTC
from typing import Any

import pytest
from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import MongoClient, timeout
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import ServerSelectionTimeoutError

from store.driver import UTC_INSTANTS


@pytest.fixture
async def motor() -> AsyncGenerator[AsyncIOMotorClient[dict[str, Any]], None]:
    """A client for a MongoDB server that cannot be reached."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient("mongodb://127.0.0.1:1", serverSelectionTimeoutMS=1)
    yield client
    client.close()


async def test_motors_database_and_collection_delegate_to_those_of_pymongo(motor: AsyncIOMotorClient[dict[str, Any]]) -> None:
    database = motor.get_default_database("gateway", codec_options=UTC_INSTANTS)

    assert database.name == "gateway"
    assert isinstance(database.delegate, Database)
    assert isinstance(database["verifications"].delegate, Collection)
    assert database.delegate.client is motor.delegate


async def test_motors_delegates_keep_and_change_codec_options(motor: AsyncIOMotorClient[dict[str, Any]]) -> None:
    collection = motor.get_default_database("gateway", codec_options=UTC_INSTANTS)["verifications"].delegate

    assert collection.codec_options.tzinfo is UTC
    assert collection.with_options(codec_options=CodecOptions()).codec_options.tz_aware is False


async def test_motors_database_and_collection_use_the_delegate_that_is_passed(motor: AsyncIOMotorClient[dict[str, Any]]) -> None:
    plain: Any = motor.get_default_database("gateway")

    database: Any = AsyncIOMotorDatabase(motor, "gateway", _delegate=plain.delegate)
    collection: Any = AsyncIOMotorCollection(database, "things", _delegate=plain["things"].delegate)

    assert database.delegate is plain.delegate
    assert collection.delegate == plain["things"].delegate


async def test_motors_methods_call_the_class_of_pymongo_and_not_that_of_the_delegate(motor: AsyncIOMotorClient[dict[str, Any]]) -> None:
    class Replaced(Collection[dict[str, Any]]):
        def replace_one(self, *arguments: Any, **options: Any) -> Any:
            raise AssertionError("Motor calls the method of the delegate: store/driver.py needs no class of its own any more")

    plain: Any = motor.get_default_database("gateway")
    collection: Any = AsyncIOMotorCollection(plain, "things", _delegate=Replaced(plain.delegate, "things"))

    with pytest.raises(ServerSelectionTimeoutError):
        await collection.replace_one({}, {})


async def test_motors_client_makes_its_delegate_of_its_delegate_class() -> None:
    class Delegate(MongoClient[dict[str, Any]]):
        pass

    class Outer(AsyncIOMotorClient[dict[str, Any]]):
        __delegate_class__ = Delegate

    client = Outer("mongodb://127.0.0.1:1")
    try:
        assert isinstance(client.delegate, Delegate)
    finally:
        client.close()


async def test_motors_client_belongs_to_the_loop_that_runs_when_it_is_made(motor: AsyncIOMotorClient[dict[str, Any]]) -> None:
    assert motor.get_io_loop() is asyncio.get_running_loop()


async def test_motors_aggregate_returns_a_cursor_that_is_not_awaited(motor: AsyncIOMotorClient[dict[str, Any]]) -> None:
    cursor = motor.get_default_database("gateway")["verifications"].aggregate([])

    assert not inspect.isawaitable(cursor)
    assert inspect.isroutine(cursor.to_list)


async def test_motors_session_is_awaited_and_then_a_context(motor: AsyncIOMotorClient[dict[str, Any]]) -> None:
    async with await motor.start_session() as session:
        assert next(iter(inspect.signature(session.with_transaction).parameters)) == "coro"


async def test_motor_raises_the_errors_of_pymongo(motor: AsyncIOMotorClient[dict[str, Any]]) -> None:
    with pytest.raises(ServerSelectionTimeoutError):
        await motor.get_default_database("gateway").command("hello", codec_options=UTC_INSTANTS)


async def test_motors_close_is_not_awaited_and_keeps_to_pymongos_timeout(motor: AsyncIOMotorClient[dict[str, Any]]) -> None:
    with timeout(1):
        closed: object = motor.close()  # type: ignore[func-returns-value]

    assert closed is None
