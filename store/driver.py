"""The only file that imports Motor.

Motor is past its end of life; its successor is the asynchronous client of PyMongo. Everything that differs between the two is in this
file, so that replacing the driver changes only this file. Motor and its successor differ in how a client is closed, in which calls of sessions and
aggregations are awaited, and in how a thread gets a blocking collection to read many documents at once.
"""

from asyncio import Future, get_running_loop
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
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
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
    WriteError,
    WTimeoutError,
)
from pymongo.monitoring import CommandListener, ConnectionPoolListener
from pymongo.server_description import ServerDescription

from domain.errors import Unavailable
from store.deployment.address import readable
from store.deployment.waiting_client import TRANSIENT, WaitingClient
from store.monitoring.comments import CommentedCollection, CommentOf, add_comments

Document = dict[str, Any]
Client = AsyncIOMotorClient[Document]
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]
Session = AsyncIOMotorClientSession
BlockingDatabase = PyMongoDatabase[Document]
BlockingCollection = PyMongoCollection[Document]
DriverListener = CommandListener | ConnectionPoolListener

T = TypeVar("T")

DEFAULT_DATABASE = "gateway"
MAX_THREADS = 16

# Error labels of MongoDB which mean that the outcome of an operation is uncertain, or that a retry may succeed.
RETRYABLE_LABELS = ("RetryableWriteError", "TransientTransactionError", "UnknownTransactionCommitResult")
# MongoDB's codes of errors that concern the MongoDB user with which the gateway connects.
UNAUTHORIZED, AUTHENTICATION_FAILED = 13, 18
# The codes with which MongoDB refuses an operation whose hint names an index that does not exist, or that is dropped meanwhile.
NO_INDEX = frozenset({2, 175})
DUPLICATE_KEY = 11000
CLOSING_SECONDS = 1.0

# Options with which the driver reads documents, with instants in UTC. `tzinfo`: by default the driver uses its own time zone object, which is not
# identical with `datetime.UTC`. `datetime_conversion`: an instant that Python can't represent is read as a DatetimeMS, so that a write stores it
# unchanged. `unicode_decode_error_handler`: text that isn't UTF-8 is read with replacement characters. NAIVE_INSTANTS, with which the change stream
# is read, also has the last two options: without them, one damaged value would end the stream, and end it again after each reopening.
UTC_INSTANTS: CodecOptions[Document] = CodecOptions(
    tz_aware=True, tzinfo=UTC, unicode_decode_error_handler="replace", datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
# Options with which the driver decodes instants as naive datetimes. To add the time zone to a few instants would take the driver longer than to
# decode the whole document without time zones.
NAIVE_INSTANTS: CodecOptions[Document] = CodecOptions(unicode_decode_error_handler="replace", datetime_conversion=DatetimeConversion.DATETIME_AUTO)

# A read of many documents runs completely in one of these threads. A cursor of Motor would be slower: it returns to the event loop for each batch.
THREADS = ThreadPoolExecutor(MAX_THREADS, "mongodb")


class PatientMotorClient(AsyncIOMotorClient[Document]):
    """A client of Motor that waits while the servers refuse commands for a moment (see `WaitingClient`)."""

    __delegate_class__ = WaitingClient


class Unsuitable(Exception):
    """The gateway can't serve with this MongoDB, or not with the address that the operator has set. The message says what to change."""


class LoginRefused(Unsuitable):
    """MongoDB does not accept the user name or the password in the address."""


class NotPermitted(Unsuitable):
    """The MongoDB user in the address lacks a privilege."""


def connect(uri: str, timeout_seconds: float, listeners: Sequence[DriverListener] = ()) -> Client:
    """A client that reads majority-committed data from the primary, and writes to the disks of a majority.

    The client connects in the background and reconnects after failures. An operation that exceeds the time-out is ended on the server too.
    `listeners`: count or trace the commands and the connections of the client.

    Raises: BadAddress.
    """
    with readable(uri):
        return PatientMotorClient(
            uri,
            timeoutMS=round(timeout_seconds * 1000),
            # Even an operation with a longer time limit (see `patient`) searches for a server no longer than this.
            serverSelectionTimeoutMS=round(timeout_seconds * 1000),
            readPreference="primary",
            readConcernLevel="majority",
            w="majority",
            journal=True,
            appname="verification-gateway",
            event_listeners=[*listeners],
        )


def watching(uri: str, listeners: Sequence[DriverListener] = ()) -> Client:
    """A client for change streams. `listeners`: count or trace the commands and the connections of the client.

    The server selection time-out is short, because a stream that has lost its server waits that long before it resumes.
    """
    return AsyncIOMotorClient(
        uri,
        server_selector=one_router,
        serverSelectionTimeoutMS=3000,
        connectTimeoutMS=3000,
        socketTimeoutMS=60_000,
        appname="verification-gateway feed",
        event_listeners=[*listeners],
    )


def one_router(servers: list[ServerDescription]) -> list[ServerDescription]:
    """Of the routers of a sharded cluster, the one to which this process sends all commands of its change stream. Other processes may use other ones.

    The cursor of a change stream exists only on the router on which it was opened. The driver would send each command to any router of the address.
    For a replica set, `servers` contains only the primary.
    """
    # The hash of a text differs between processes, so that the streams of several processes are spread over the routers.
    return [min(servers, key=lambda server: hash(server.address))] if servers else []


class CommentedMotorCollection(AsyncIOMotorCollection[Document]):
    """A collection whose methods add a comment to their commands.

    `CommentedCollection` alone is not enough: most methods of Motor call the methods of its base class, PyMongo's `Collection`, directly.
    """

    def commented(self, options: Document) -> Document:
        """The keyword arguments of a call, with the comment that `CommentedCollection.commented` adds."""
        with_comment: Document = self.delegate.commented(options)
        return with_comment


add_comments(CommentedMotorCollection, AsyncIOMotorCollection)


class CommentedDatabase(AsyncIOMotorDatabase[Document]):
    """A database whose collections add a comment to their commands (see `CommentedCollection`)."""

    def __init__(self, plain: Database, comment_of: CommentOf) -> None:
        super().__init__(plain.client, plain.name, _delegate=plain.delegate)
        self._comment_of = comment_of

    def __getitem__(self, name: str) -> Collection:
        delegate = CommentedCollection(self.delegate, name, self._comment_of)
        return CommentedMotorCollection(self, name, _delegate=delegate)  # type: ignore[arg-type]


def database(client: Client, comment_of: CommentOf | None = None) -> Database:
    """The database that the URI names; "gateway" if it names none. `comment_of`: returns the comment of commands; None: they have no comment."""
    plain: Database = client.get_default_database(DEFAULT_DATABASE, codec_options=UTC_INSTANTS)
    return CommentedDatabase(plain, comment_of) if comment_of else plain


def close_client(client: Client) -> None:
    """Close the client and its connections."""
    # To close, the driver first ends its sessions on the server. Without a time limit, it would search for an unreachable server for half a minute.
    with timeout(CLOSING_SECONDS):
        client.close()


def patient(seconds: float) -> AbstractContextManager[None]:
    """A context whose operations may take this long, instead of the time-out of the client."""
    return timeout(seconds)


def with_naive_instants(collection: Collection) -> BlockingCollection:
    """The same collection for blocking use in threads. It reads instants as datetimes without a time zone, which is faster."""
    naive: BlockingCollection = collection.delegate.with_options(codec_options=NAIVE_INSTANTS)
    return naive


def fetch(
    collection: BlockingCollection,
    condition: Document,
    projection: Document | None = None,
    *,
    sort: list[tuple[str, int]] | None = None,
    limit: int = 0,
    hint: str | None = None,
) -> list[Document]:
    """The documents that meet the condition, at most `limit` of them (0: all). Blocks, so call it in a thread.

    With NAIVE_INSTANTS, instants have no time zone yet; the code that decodes an attribute adds it.
    """
    return list(collection.find(condition, projection, sort=sort, limit=limit, hint=hint))


def in_thread(function: Callable[[], T], threads: ThreadPoolExecutor = THREADS) -> Future[T]:
    """Call the function in one of the `threads`. Returns a future of its result."""
    # Run the function in a copy of the caller's context (its context variables), so that the driver's time-outs and traces apply in the thread too.
    return get_running_loop().run_in_executor(threads, copy_context().run, function)


def aggregate(collection: Collection, pipeline: Sequence[Document], **options: Any) -> AsyncIOMotorCommandCursor[Document]:
    """Run an aggregation pipeline. Returns a cursor over its results."""
    return collection.aggregate(pipeline, **options)


def blocking(database: Database) -> BlockingDatabase:
    """The same database with blocking operations, for use in threads."""
    blocking: BlockingDatabase = database.delegate
    return blocking


async def transaction(client: Client, steps: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
    """Run the steps in one transaction. Returns the result of the steps.

    If MongoDB reports that a retry may succeed, the transaction is run again. If the steps raise any other error, the transaction is aborted.
    """
    async with await client.start_session() as session:
        return await session.with_transaction(steps)


async def ping(database: Database) -> datetime:
    """Check that MongoDB answers. Returns the time of its primary. Raises: Unavailable."""
    with answering():
        local_time: datetime = (await database.command("hello", codec_options=UTC_INSTANTS))["localTime"]
    return local_time


def correctable(error: BaseException | None) -> str | None:
    """What the operator has to correct after this error of the driver; None if nothing. The text contains no message of the driver."""
    match error:
        case OperationFailure(code=code) if code == AUTHENTICATION_FAILED:
            return "it refuses the user name or the password in the address (authSource names the database of the user)"
        case OperationFailure(code=code) if code == UNAUTHORIZED:
            return "it forbids the user of the address to do this; the user needs the role readWrite on the database, or that of docs/deploying.md"
        case ConfigurationError():
            # The driver looks up the name of a mongodb+srv:// address only at the first operation, so this error can follow an operation.
            return "the host in the address can't be looked up, or its SRV record is not valid; check the name and the DNS"
        case _:
            return None


def why(error: Unavailable) -> str:
    """Why MongoDB is unavailable, and what to do: the text of `correctable`, or that no primary answers."""
    return correctable(error.__cause__) or "no primary answers; check the address and the replica set"


@contextmanager
def suitable() -> Iterator[None]:
    """A context for operations of MongoDB. Raises: Unsuitable, which says what to correct, if the operator can correct the cause of an error.

    Unsuitable contains no message of the driver, because such a message contains host names. Other errors pass unchanged.
    """
    try:
        yield
    except (Unavailable, PyMongoError) as error:
        cause = error.__cause__ if isinstance(error, Unavailable) else error
        if reason := correctable(cause):
            kinds = {AUTHENTICATION_FAILED: LoginRefused, UNAUTHORIZED: NotPermitted}
            code = cause.code if isinstance(cause, OperationFailure) else None
            raise (kinds.get(code, Unsuitable) if code else Unsuitable)(reason) from None
        raise


@contextmanager
def answering() -> Iterator[None]:
    """A context for operations of MongoDB that raises Unavailable if MongoDB does not answer in time, or if a retry may succeed.

    A retry may succeed if MongoDB reports so. It may also succeed once the operator has corrected the cause of the error (`correctable`). The
    driver's own message is not shown, because it contains host names.
    """
    try:
        yield
    except (ConnectionFailure, ExecutionTimeout, WaitQueueTimeoutError, WTimeoutError) as error:
        raise Unavailable from error
    except PyMongoError as error:
        has_retryable_code = isinstance(error, OperationFailure) and error.code in TRANSIENT
        if has_retryable_code or error.timeout or correctable(error) or any(map(error.has_error_label, RETRYABLE_LABELS)):
            raise Unavailable from error
        raise


def is_time_limit(unavailable: Unavailable) -> bool:
    """Whether an operation failed because it reached its time limit, and not because no server was found."""
    # Usually MongoDB ends the operation (ExecutionTimeout), a little before the driver stops waiting. On a busy machine, the driver may be first.
    return isinstance(unavailable.__cause__, ExecutionTimeout | NetworkTimeout)


def driver_fault(error: BaseException | None) -> dict[str, object]:
    """The driver's error that is `error` or caused it, for the log: its type, and MongoDB's code if it has one. Empty if there is no such error.

    The message of the driver is left out, because it can contain host names and values.
    """
    seen = error
    while seen is not None and not isinstance(seen, PyMongoError):
        seen = seen.__cause__
    if seen is None:
        return {}
    code = getattr(seen, "code", None)
    return {"driver_error": type(seen).__name__, **({"driver_code": code} if isinstance(code, int) else {})}


def fault_text(error: BaseException) -> str:
    """The type of an error, and MongoDB's code if MongoDB reported the error with one, such as "NotPrimaryError, code 10107"."""
    code = driver_fault(error).get("driver_code")
    return type(error).__name__ if code is None else f"{type(error).__name__}, code {code}"


class IndexMissing(Unavailable):
    """An operation needs an index that does not exist."""


@contextmanager
def requiring_hint() -> Iterator[None]:
    """A context for an operation with a hint. Raises IndexMissing if the index that the hint names does not exist.

    If the whole collection does not exist, MongoDB accepts a read. It refuses a write with `upsert`, which would need the index in a new collection.
    """
    try:
        yield
    except OperationFailure as error:
        if error.code in NO_INDEX:
            raise IndexMissing from error
        raise


@contextmanager
def single_failure() -> Iterator[None]:
    """A context for an ordered bulk write. Replaces its BulkWriteError by the error of the write that failed: DuplicateKeyError or WriteError.

    A single write raises the same errors, so callers can handle a bulk write like a single write. The new error has the code of the failed write,
    which `requiring_hint` needs. An ordered bulk write stops at its first failure. A BulkWriteError without a failed write is raised unchanged.
    """
    try:
        yield
    except BulkWriteError as error:
        failures = (error.details or {}).get("writeErrors")
        if not failures:
            raise
        kind = DuplicateKeyError if failures[0]["code"] == DUPLICATE_KEY else WriteError
        raise kind(failures[0]["errmsg"], failures[0]["code"], failures[0]) from None
