"""A change stream, by the server's own commands: whole batches at a time, with the token to go on after each."""

from asyncio import Future
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bson import Int64
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure, PyMongoError

from store.driver import NAIVE_INSTANTS, Database, Document, blocking, in_thread

# At most this many at once, so that nobody waits long for the loop while they are told.
MAX_CHANGES = 500
# What the cursor over a whole database calls its collection.
ALL_COLLECTIONS = "$cmd.aggregate"
# What a server says of a cursor that it doesn't have any more: it was not found, or killed.
CURSOR_GONE = frozenset({43, 237})


@dataclass(frozen=True, slots=True)
class Batch:
    """What a server had at hand of a change stream, and the token to go on after it; whether it is the last one."""

    changes: list[Document]
    token: Mapping[str, Any]
    last: bool


class ChangeStream:
    """The changes of a database, in the batches in which the server has them at hand. Motor's own stream comes back to the loop for each change.

    It stays with the server where it began: where that is no longer the one to ask, it fails, and whoever follows opens another one with the token.

    Source: MongoDB's specifications, "Change Streams".
    """

    def __init__(self, database: Database, pipeline: Sequence[Document], resume_after: Mapping[str, Any] | None, max_await_ms: int) -> None:
        self._database = blocking(database)
        self._pipeline = [{"$changeStream": {"resumeAfter": resume_after} if resume_after else {}}, *pipeline]
        self._max_await_ms = max_await_ms
        self._session: ClientSession | None = None
        self._cursor: int | None = None
        # Of its own, so that one that a server keeps waiting takes nobody else's; and a single one, since sessions are for one at a time.
        self._thread = ThreadPoolExecutor(1, "mongodb changes")

    def next(self) -> Future[Batch]:
        """What the server has at hand, once it has something or the time is up. The first batch may well be empty: then the stream stands."""
        return in_thread(self._next, self._thread)

    def close(self) -> None:
        """Let the server forget the stream. Nobody need wait for that."""
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    def _next(self) -> Batch:
        self._session = self._session or self._database.client.start_session(causal_consistency=False)
        if self._cursor is None:
            answer = self._command("aggregate", 1, pipeline=self._pipeline, cursor={"batchSize": MAX_CHANGES})["cursor"]
        else:
            options = {"collection": ALL_COLLECTIONS, "batchSize": MAX_CHANGES, "maxTimeMS": self._max_await_ms}
            answer = self._command("getMore", Int64(self._cursor), **options)["cursor"]
        self._cursor = answer["id"]
        changes = answer["firstBatch"] if "firstBatch" in answer else answer["nextBatch"]
        return Batch(changes, answer["postBatchResumeToken"], last=not self._cursor)

    def _close(self) -> None:
        with suppress(PyMongoError):
            if self._cursor:
                self._command("killCursors", ALL_COLLECTIONS, cursors=[Int64(self._cursor)])
            if self._session:
                self._session.end_session()

    def _command(self, name: str, value: Any, **options: Any) -> Document:
        return self._database.command(name, value, codec_options=NAIVE_INSTANTS, session=self._session, **options)


def resumable(failure: OperationFailure) -> bool:
    """Whether a change stream that failed so can go on from its token: its cursor is gone, or its server is no longer the one to ask."""
    return failure.code in CURSOR_GONE or failure.has_error_label("ResumableChangeStreamError")
