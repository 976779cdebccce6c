"""A change stream that delivers whole batches. It sends the commands `aggregate` and `getMore` itself, without a cursor of the driver."""

from asyncio import Future
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bson import Int64
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure, PyMongoError

from store.deployment.waiting_client import TRANSIENT
from store.driver import NAIVE_INSTANTS, Database, Document, blocking, in_thread

# The maximum number of changes in one batch, so that processing a batch does not block the event loop for long.
MAX_CHANGES = 500
# The collection name that MongoDB uses for a cursor over a whole database.
ALL_COLLECTIONS = "$cmd.aggregate"
# The error codes CursorNotFound and CursorKilled: the server no longer has the cursor.
CURSOR_GONE = frozenset({43, 237})


@dataclass(frozen=True, slots=True)
class Batch:
    """The changes that the server had ready. With `token`, a new stream can resume after these changes. If `last` is true, the stream has ended."""

    changes: list[Document]
    token: Mapping[str, Any]
    last: bool


class ChangeStream:
    """Reads the changes of a database in batches, because Motor's change stream would return to the event loop for each single change.

    All commands go to the server on which the stream was opened. If that server is no longer the primary, the stream fails. The consumer then opens
    a new stream with the last token.

    Source: MongoDB's specifications, "Change Streams".
    """

    def __init__(self, database: Database, pipeline: Sequence[Document], resume_after: Mapping[str, Any] | None, max_await_ms: int) -> None:
        self._database = blocking(database)
        self._pipeline = [{"$changeStream": {"resumeAfter": resume_after} if resume_after else {}}, *pipeline]
        self._max_await_ms = max_await_ms
        self._session: ClientSession | None = None
        self._cursor: int | None = None
        # The stream has its own thread, so that a waiting stream does not block a thread of other reads. One thread is enough, because a session
        # can run only one command at a time.
        self._thread = ThreadPoolExecutor(1, "mongodb changes")

    def next(self) -> Future[Batch]:
        """The next batch, as soon as the server has changes, or after `max_await_ms` without any.

        The first batch shows that the stream is open. It may be empty.
        """
        return in_thread(self._next, self._thread)

    def close(self) -> None:
        """Close the stream on the server. Does not wait for the server."""
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
    """Whether a new change stream can resume from the last token after this failure: the cursor is gone, or the failure is transient."""
    return failure.code in CURSOR_GONE | TRANSIENT or failure.has_error_label("ResumableChangeStreamError")
