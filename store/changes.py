"""The changes of the database, as an endless generator. After every failure of MongoDB, it opens a new change stream and goes on."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from enum import Enum
from typing import Any

from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from store.driver import Database, Document, correctable
from store.indexes import HEARTBEATS, TOMBSTONES, VERIFICATIONS
from store.monitoring.stream_counts import StreamCounts
from store.outage import Outage
from store.stored_verification import REWRITES
from store.stream import Batch, ChangeStream, resumable

logger = logging.getLogger(__name__)

MAX_AWAIT_MS = 500
SILENCE_SECONDS = 3.0
MAX_PATIENCE_SECONDS = 60.0
REOPENING_SECONDS = 0.2
MAX_REOPENING_SECONDS = 5.0
CHANGES_IN_A_ROW = 100

# Operations on a whole collection or database. The change stream does not report what they did to each document, so the consumer of `changes` must
# read the database again.
DISRUPTIONS = ("drop", "rename", "dropDatabase", "invalidate")
PIPELINE = [
    {
        "$match": {
            "$or": [
                {"ns.coll": {"$in": [VERIFICATIONS, HEARTBEATS, TOMBSTONES]}, "operationType": {"$in": ["insert", "replace"]}},
                {
                    "ns.coll": {"$in": [VERIFICATIONS, HEARTBEATS, TOMBSTONES]},
                    "operationType": "update",
                    # A rewritten document is encrypted with another key, or has a newer schema. Its verification is the same, so subscribers receive
                    # nothing.
                    f"updateDescription.updatedFields.{REWRITES}": {"$exists": False},
                },
                {"ns.coll": VERIFICATIONS, "operationType": "delete"},
                {"operationType": {"$in": DISRUPTIONS}},
            ]
        }
    }
]


class Interruption(Enum):
    """Something that the stream does not report change by change, so that the consumer must read the database again."""

    GAP = "changes may be missing"
    REPLACEMENT = "the verifications were dropped, or replaced as a whole, for example by those of a backup"


class Silent(Exception):
    """The change stream did not answer in time. MongoDB answers within MAX_AWAIT_MS even if nothing has changed."""


async def changes(database: Database, counts: StreamCounts | None = None) -> AsyncGenerator[Document | Interruption, None]:
    """Yields every change that PIPELINE selects, from now on and in order. Yields an Interruption whenever the consumer must read the database again.

    The first item is GAP. It shows that the stream is open, and that earlier changes are not part of it. `counts`: counts batches and restarts.
    """
    counts = counts or StreamCounts()
    token: Mapping[str, Any] | None = None
    patience = SILENCE_SECONDS
    outage = Outage(logger, "the change stream is open again")
    while True:
        stream = ChangeStream(database, PIPELINE, token, MAX_AWAIT_MS)
        complete, more = token is not None, True
        next_batch = stream.next()
        try:
            while more:
                batch = await _in_time(next_batch, patience)
                outage.over()
                counts.received(len(batch.changes))
                if more := not batch.last:
                    # Request the next batch before this one is processed, so that the server prepares it meanwhile.
                    next_batch = stream.next()
                if not complete:
                    yield Interruption.GAP
                for number, change in enumerate(batch.changes, 1):
                    yield interruption(change) if change["operationType"] in DISRUPTIONS else change
                    if not number % CHANGES_IN_A_ROW:
                        # Let the event loop send the delivered changes and run other tasks.
                        await asyncio.sleep(0)
                token, complete, patience = batch.token, True, SILENCE_SECONDS
            token = None
            counts.restarted("ended")
        except Silent:
            counts.restarted("silent")
            # A server that has to search a long oplog for the resume token needs more time, so the patience doubles with each attempt.
            outage.failed(f"the change stream was silent for {patience:.0f} s; reopening it")
            patience = min(patience * 2, MAX_PATIENCE_SECONDS)
        except OperationFailure as failure:
            counts.restarted("refused")
            if reason := correctable(failure):
                outage.failed(f"the change stream can't be opened: {reason}")
            elif resumable(failure):
                outage.failed(f"the change stream lost its cursor (code {failure.code}); reopening it")
            else:
                # The oplog no longer goes back to the token (codes 286 and 136), or MongoDB refuses the token. In both cases the stream starts
                # without a token, and the consumer reads the database again.
                outage.failed(f"the change stream failed with code {failure.code}; reopening it without its token")
                token = None
            await asyncio.sleep(outage.pause_seconds(REOPENING_SECONDS, MAX_REOPENING_SECONDS))
        except PyMongoError as error:
            counts.restarted("connection")
            outage.failed(f"the change stream lost its connection ({type(error).__name__})")
            # While no server can be reached, the pauses stay short. So after a failover, the stream is open again soon after there is a new primary.
            longest = REOPENING_SECONDS if isinstance(error, ConnectionFailure) else MAX_REOPENING_SECONDS
            await asyncio.sleep(outage.pause_seconds(REOPENING_SECONDS, longest))
        finally:
            # If the call of `stream.next` is still under way, it ends in its thread, and its result is discarded.
            next_batch.cancel()
            stream.close()


def interruption(disruption: Document) -> Interruption:
    """What an operation on a whole collection or database means for the verifications.

    If the whole database was dropped, MongoDB first reports the drop of each collection, so that REPLACEMENT is returned for the verifications.
    """
    names = [disruption[key].get("coll") for key in ("ns", "to") if key in disruption]
    return Interruption.REPLACEMENT if VERIFICATIONS in names else Interruption.GAP


async def _in_time(next_batch: asyncio.Future[Batch], patience: float) -> Batch:
    # The driver's own time-out is not enough: while a primary stops gracefully, the driver may wait for half a minute.
    answered, _ = await asyncio.wait([next_batch], timeout=patience)
    if not answered:
        raise Silent
    return next_batch.result()
