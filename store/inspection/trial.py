"""Tries out what the gateway does with MongoDB all the time: it writes a document, and receives it through the change stream."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import uuid4

from pymongo.errors import PyMongoError

from domain.errors import Unavailable
from store.driver import Database, answering, suitable
from store.indexes import HEARTBEATS
from store.stream import ChangeStream

AWAIT_MS = 500


class TrialFailed(Exception):
    """A step of the trial failed. The message says why, without a message of the driver, which would contain host names."""


class WriteFailed(TrialFailed):
    """The document could not be written to a majority of the members."""


class StreamFailed(TrialFailed):
    """The change stream could not be opened, or did not deliver the document."""


async def try_out(database: Database, now: datetime, timeout_seconds: float) -> None:
    """Open a change stream, write a heartbeat to a majority, receive it through the stream, and delete it.

    If this process ends halfway, MongoDB deletes the heartbeat itself, an hour later.

    Raises: WriteFailed, StreamFailed; Unsuitable if the user of the address lacks a privilege.
    """
    id = f"check-{uuid4().hex}"
    stream = ChangeStream(database, [{"$match": {"documentKey._id": id}}], None, AWAIT_MS)
    try:
        with failing_as(StreamFailed, "it could not be opened"):
            async with asyncio.timeout(timeout_seconds):
                await stream.next()
        with failing_as(WriteFailed, f"a majority of the members did not acknowledge a write within {timeout_seconds:g} s"):
            await database[HEARTBEATS].replace_one({"_id": id}, {"at": now}, upsert=True)
        with failing_as(StreamFailed, f"it did not deliver a change within {timeout_seconds:g} s"):
            async with asyncio.timeout(timeout_seconds):
                while not (await stream.next()).changes:
                    pass
        with failing_as(WriteFailed, "a document could not be deleted"):
            await database[HEARTBEATS].delete_one({"_id": id})
    finally:
        stream.close()


@contextmanager
def failing_as(kind: type[TrialFailed], reason: str) -> Iterator[None]:
    """A context for a step of the trial. Raises an error of this kind if the step fails. Raises Unsuitable if the operator can correct the cause."""
    try:
        with suitable(), answering():
            yield
    except (Unavailable, TimeoutError):
        raise kind(reason) from None
    except PyMongoError as error:
        code = getattr(error, "code", None)
        raise kind(f"{reason} ({type(error).__name__}{f', code {code}' if code else ''})") from None
