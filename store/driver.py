"""The one file that knows Motor.

Motor is past its end of life. What PyMongo's own asynchronous client spells differently is kept in here, so that a change of
driver is a change of this file: how a client is closed, what has to be awaited of sessions and aggregations, and how a thread
does in one go what Motor would come back to the loop for again and again.
"""

from asyncio import Future, get_running_loop
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Any, TypeVar

from bson.codec_options import CodecOptions, DatetimeConversion
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorCommandCursor,
    AsyncIOMotorDatabase,
)
from pymongo import timeout
from pymongo.collection import Collection as PyMongoCollection
from pymongo.database import Database as PyMongoDatabase
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
    WTimeoutError,
)

from domain.errors import Unavailable

Document = dict[str, Any]
Client = AsyncIOMotorClient[Document]
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]
Session = AsyncIOMotorClientSession
BlockingDatabase = PyMongoDatabase[Document]
BlockingCollection = PyMongoCollection[Document]

T = TypeVar("T")

DEFAULT_DATABASE = "gateway"
MAX_THREADS = 16

# What MongoDB says of an operation whose outcome isn't known, or that may well succeed when it is tried again.
UNDECIDED = ("RetryableWriteError", "TransientTransactionError", "UnknownTransactionCommitResult")
# The same said by a code alone, as writes do: time was up, a lock was not had, the server steps down or ends, a cursor went with it.
PASSING = frozenset({6, 7, 24, 43, 50, 89, 91, 134, 189, 202, 237, 246, 262, 9001, 10107, 11600, 11601, 11602, 13435, 13436})
CLOSING_SECONDS = 1.0

# By default the driver makes a time zone object of its own, and comparing with `datetime.UTC` by identity would never hold. An instant that
# Python can't express stays a DatetimeMS, so that a write gives it back unchanged. Text that isn't UTF-8 is read with replacement characters. An
# error at either would end the change stream, again each time that it is opened.
UTC_INSTANTS: CodecOptions[Document] = CodecOptions(
    tz_aware=True, tzinfo=UTC, unicode_decode_error_handler="replace", datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
# To make an instant aware, the driver takes longer than for all the rest of a document that has a few of them.
NAIVE_INSTANTS: CodecOptions[Document] = CodecOptions(unicode_decode_error_handler="replace", datetime_conversion=DatetimeConversion.DATETIME_AUTO)

# What is read many documents at a time is read by threads of our own, in one go: Motor's cursors come back to the loop for each batch.
THREADS = ThreadPoolExecutor(MAX_THREADS, "mongodb")


class BadAddress(Exception):
    """MongoDB's address can't be one. The driver's own words would show a part of it, which may be the password."""

    def __init__(self) -> None:
        super().__init__("MongoDB's address is not a mongodb:// URI that can be used; user name and password must be percent-encoded in it")


def connect(uri: str, timeout_seconds: float) -> Client:
    """A client that reads from the primary what a majority has and writes to a majority's disks.

    It connects by itself, later, and mends itself. An operation ends in time, for the server too.

    Raises: BadAddress.
    """
    with addressing():
        return AsyncIOMotorClient(
            uri,
            timeoutMS=round(timeout_seconds * 1000),
            readPreference="primary",
            readConcernLevel="majority",
            w="majority",
            journal=True,
            appname="verification-gateway",
        )


def watching(uri: str) -> Client:
    """A client for change streams. A stream that lost its server would wait the whole selection time before it resumes: keep it short."""
    return AsyncIOMotorClient(uri, serverSelectionTimeoutMS=3000, connectTimeoutMS=3000, socketTimeoutMS=60_000, appname="verification-gateway feed")


def database(client: Client) -> Database:
    """The database that the URI names, "gateway" where it names none."""
    return client.get_default_database(DEFAULT_DATABASE, codec_options=UTC_INSTANTS)


def close(client: Client) -> None:
    """Let the client's connections go."""
    # The driver ends its sessions on the server, and would look half a minute for one that is away.
    with timeout(CLOSING_SECONDS):
        client.close()


def plainly(collection: Collection) -> BlockingCollection:
    """The same collection for threads, with naive instants: see `fetch`."""
    plain: BlockingCollection = collection.delegate.with_options(codec_options=NAIVE_INSTANTS)
    return plain


def fetch(
    collection: BlockingCollection,
    condition: Document,
    projection: Document | None = None,
    *,
    sort: list[tuple[str, int]] | None = None,
    limit: int = 0,
    hint: list[tuple[str, int]] | None = None,
) -> list[Document]:
    """All documents that meet the condition. It blocks, and is called in a thread; instants are naive, and made aware by whoever asks for one."""
    return list(collection.find(condition, projection, sort=sort, limit=limit, hint=hint))


def in_thread(function: Callable[[], T], threads: ThreadPoolExecutor = THREADS) -> Future[T]:
    """What the function returns, once one of the threads has called it."""
    # With the context, by which traces and time-outs come along.
    return get_running_loop().run_in_executor(threads, copy_context().run, function)


def aggregate(collection: Collection, pipeline: Sequence[Document], **options: Any) -> AsyncIOMotorCommandCursor[Document]:
    """A cursor over what the pipeline makes of the collection."""
    return collection.aggregate(pipeline, **options)


def blocking(database: Database) -> BlockingDatabase:
    """The same database, whose operations block: for threads."""
    blocking: BlockingDatabase = database.delegate
    return blocking


async def transaction(client: Client, steps: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
    """All the steps or none, tried again where MongoDB says that this may help. What the steps raise ends it."""
    async with await client.start_session() as session:
        return await session.with_transaction(steps)


async def ping(database: Database) -> datetime:
    """MongoDB's time, from a server that can be written to. Raises: Unavailable."""
    with answering():
        told: datetime = (await database.command("hello", codec_options=UTC_INSTANTS))["localTime"]
    return told


@contextmanager
def addressing() -> Iterator[None]:
    """Where an address can't be one: BadAddress."""
    try:
        yield
    except (ConfigurationError, ValueError):
        raise BadAddress from None


@contextmanager
def answering() -> Iterator[None]:
    """Where MongoDB does not answer in time: Unavailable. The driver's own words would name hosts."""
    try:
        yield
    except (ConnectionFailure, ExecutionTimeout, WaitQueueTimeoutError, WTimeoutError) as error:
        raise Unavailable from error
    except PyMongoError as error:
        passing = isinstance(error, OperationFailure) and error.code in PASSING
        if passing or error.timeout or any(map(error.has_error_label, UNDECIDED)):
            raise Unavailable from error
        raise
