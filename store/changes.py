"""What changes in the database, for as long as the process lives, whatever happens to MongoDB meanwhile."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from pymongo.errors import OperationFailure, PyMongoError

from store.driver import Database, Document
from store.indexes import HEARTBEATS, VERIFICATIONS
from store.stream import Batch, ChangeStream, resumable

logger = logging.getLogger(__name__)

MAX_AWAIT_MS = 500
PATIENCE_SECONDS = 3.0
MAX_PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.2
CHANGES_IN_A_ROW = 100

# What ends the certainty of having seen everything, though the stream goes on.
UPHEAVALS = ("drop", "rename", "dropDatabase", "invalidate")
PIPELINE = [
    {
        "$match": {
            "$or": [
                {"ns.coll": {"$in": [VERIFICATIONS, HEARTBEATS]}, "operationType": {"$in": ["insert", "replace", "update"]}},
                {"operationType": {"$in": UPHEAVALS}},
            ]
        }
    }
]


class Silent(Exception):
    """A cursor did not answer in the time in which it must, events or none."""


async def changes(database: Database) -> AsyncGenerator[Document | None, None]:
    """Every change from now on, in order; None where some may be missing, so that whoever follows must read again.

    None comes first, as soon as the stream stands: what changed before that was not seen either.
    """
    token: Mapping[str, Any] | None = None
    patience = PATIENCE_SECONDS
    while True:
        stream = ChangeStream(database, PIPELINE, token, MAX_AWAIT_MS)
        certain, more = token is not None, True
        coming = stream.next()
        try:
            while more:
                batch = await _in_time(coming, patience)
                if more := not batch.last:
                    # Before this one is told: the server makes the next one meanwhile.
                    coming = stream.next()
                if not certain:
                    yield None
                for number, change in enumerate(batch.changes, 1):
                    yield None if change["operationType"] in UPHEAVALS else change
                    if not number % CHANGES_IN_A_ROW:
                        # What was told is sent, and others have their turn.
                        await asyncio.sleep(0)
                token, certain, patience = batch.token, True, PATIENCE_SECONDS
            token = None
        except Silent:
            # A server that has to search a long oplog for the token needs more time at each try.
            logger.warning("the change stream was silent for %.0f s; opening it anew", patience)
            patience = min(patience * 2, MAX_PATIENCE_SECONDS)
        except OperationFailure as failure:
            if resumable(failure):
                logger.warning("the change stream lost its cursor (code %s); opening it anew", failure.code)
            else:
                # The history is lost (286, 136), or the token can't be used any more: reading again mends both.
                logger.warning("the change stream failed with code %s; opening it anew without its token", failure.code)
                token = None
            await asyncio.sleep(PAUSE_SECONDS)
        except PyMongoError as error:
            logger.warning("the change stream lost its connection (%s)", type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            # A call that is under way goes on in its thread, and nobody listens.
            coming.cancel()
            stream.close()


async def _in_time(coming: asyncio.Future[Batch], patience: float) -> Batch:
    # A graceful stop of the primary can keep the driver waiting for half a minute.
    answered, _ = await asyncio.wait([coming], timeout=patience)
    if not answered:
        raise Silent
    return coming.result()
