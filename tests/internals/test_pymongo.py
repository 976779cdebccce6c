"""Tests how bson decodes values, and how PyMongo reports errors and runs operations. See `docs/libraries.md`."""

import logging
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import bson
import pytest
from bson.codec_options import CodecOptions
from bson.datetime_ms import DatetimeMS
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import IndexModel, MongoClient, _csot, timeout
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteError,
    WTimeoutError,
)

from store.driver import NAIVE_INSTANTS, UTC_INSTANTS

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_bson_decodes_instants_in_utc_by_identity() -> None:
    document = bson.decode(bson.encode({"at": NOON}), codec_options=UTC_INSTANTS)

    assert document["at"].tzinfo is UTC


def test_bson_decodes_naive_instants_by_default() -> None:
    document = bson.decode(bson.encode({"at": NOON}), codec_options=NAIVE_INSTANTS)

    assert document == {"at": NOON.replace(tzinfo=None)}


@pytest.mark.parametrize("milliseconds", [10**17, -(10**17)])
@pytest.mark.parametrize("options", [UTC_INSTANTS, NAIVE_INSTANTS], ids=["UTC", "naive"])
def test_bson_writes_an_instant_that_python_cannot_express_back_unchanged(options: CodecOptions[dict[str, Any]], milliseconds: int) -> None:
    stored = bson.encode({"at": DatetimeMS(milliseconds)})

    document = bson.decode(stored, codec_options=options)

    assert isinstance(document["at"], DatetimeMS)
    assert bson.encode(document) == stored


@pytest.mark.parametrize("options", [UTC_INSTANTS, NAIVE_INSTANTS], ids=["UTC", "naive"])
def test_bson_decodes_text_that_is_not_utf_8_with_replacement_characters(options: CodecOptions[dict[str, Any]]) -> None:
    stored = bson.encode({"name": "a??"}).replace(b"a??", b"a\xff\xfe")

    assert bson.decode(stored, codec_options=options) == {"name": "a\ufffd\ufffd"}


def test_bson_decodes_to_dictionaries_in_the_order_of_the_fields() -> None:
    document: dict[str, Any] = bson.decode(bson.encode({"b": 1, "a": {"z": 1, "y": 2}}))

    assert (type(document), list(document), list(document["a"])) == (dict, ["b", "a"], ["z", "y"])


def test_bsons_timestamp_is_an_aware_instant() -> None:
    assert bson.Timestamp(int(NOON.timestamp()), 1).as_datetime() == NOON


@pytest.mark.parametrize("error", [AutoReconnect, NetworkTimeout, NotPrimaryError, ServerSelectionTimeoutError, WaitQueueTimeoutError])
def test_pymongos_error_is_a_failed_connection(error: type[Exception]) -> None:
    assert issubclass(error, ConnectionFailure)


@pytest.mark.parametrize("error", [DuplicateKeyError, ExecutionTimeout, WriteError, WTimeoutError])
def test_pymongos_error_is_a_failed_operation(error: type[Exception]) -> None:
    assert issubclass(error, OperationFailure)


def test_pymongos_errors_have_a_code_labels_and_timeout() -> None:
    labelled = OperationFailure("no", 11600, {"errorLabels": ["RetryableWriteError"]})

    assert (labelled.code, labelled.has_error_label("RetryableWriteError"), labelled.timeout) == (11600, True, False)
    assert WriteError("no", 50).timeout
    assert not PyMongoError("no").timeout


def test_pymongos_index_is_named_by_its_keys() -> None:
    assert IndexModel([("workspace", 1), ("createdAt", 1)]).document["name"] == "workspace_1_createdAt_1"


@pytest.mark.parametrize("uri", ["mongodb://", "mongodb://user:p@ss@host", "mongodb://host:99999", "mongodb://a:b@c:d"])
async def test_pymongo_refuses_a_uri_with_these_errors(uri: str) -> None:
    with pytest.raises((ConfigurationError, ValueError)):
        AsyncIOMotorClient(uri)


def test_pymongo_logs_under_its_own_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        MongoClient[dict[str, Any]]("127.0.0.1", 1).close()

    assert {record.name.partition(".")[0] for record in caplog.records} == {"pymongo"}


def test_pymongo_runs_every_operation_in_one_method(mongo_uri: str) -> None:
    run: list[tuple[str, bool]] = []

    class Recording(MongoClient[dict[str, Any]]):
        def _retry_internal(self, func: Any, session: Any, bulk: Any, operation: str, is_read: bool = False, *rest: Any, **options: Any) -> Any:
            run.append((operation, is_read))
            return super()._retry_internal(func, session, bulk, operation, is_read, *rest, **options)

    with Recording(mongo_uri) as client, client.start_session() as session:
        things = client[f"test_{uuid4().hex}"]["things"]
        things.insert_many([{"_id": number} for number in range(3)])
        things.update_one({"_id": 1}, {"$set": {"number": 1}})
        things.delete_many({"_id": 9})
        things.find_one_and_replace({"_id": 2}, {"number": 2})
        list(things.find({}, batch_size=2))
        list(things.aggregate([{"$match": {}}]))
        things.database.command("ping")
        session.with_transaction(lambda open: things.insert_one({"_id": 4}, session=open))
        client.drop_database(things.database.name)

    reads, writes = {name for name, is_read in run if is_read}, {name for name, is_read in run if not is_read}
    assert {"find", "getMore", "aggregate", "ping"} <= reads
    assert {"insert", "update", "delete", "findAndModify", "commitTransaction"} <= writes


def test_pymongo_shows_the_time_that_is_left() -> None:
    assert _csot.remaining() is None

    with timeout(60):
        left = _csot.remaining()

    assert left is not None
    assert 0 < left <= 60
