"""What changes in the database, for as long as the process lives, whatever happens to MongoDB meanwhile."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

from pymongo.errors import OperationFailure, PyMongoError

from store.driver import ChangeStream, Database, Document, alive, watch
from store.indexes import HEARTBEATS, VERIFICATIONS

logger = logging.getLogger(__name__)

MAX_AWAIT_MS = 500
PATIENCE_SECONDS = 3.0
MOST_PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.2

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


async def changes(database: Database) -> AsyncIterator[Document | None]:
    """Every change from now on, in order; None where some may be missing, so that whoever follows must read again.

    None comes first, as soon as the stream stands: what changed before that was not seen either.
    """
    token: Mapping[str, Any] | None = None
    patience = PATIENCE_SECONDS
    while True:
        stream = watch(database, PIPELINE, token, MAX_AWAIT_MS)
        certain = token is not None
        try:
            while alive(stream):
                change = await _next(stream, patience)
                upheaval = change is not None and change["operationType"] in UPHEAVALS
                if upheaval or not certain:
                    yield None
                if change and not upheaval:
                    yield change
                token, certain, patience = stream.resume_token, True, PATIENCE_SECONDS
            token = None
        except Silent:
            # A server that has to search a long oplog for the token needs more time at each try.
            logger.warning("the change stream was silent for %.0f s; opening it anew", patience)
            patience = min(patience * 2, MOST_PATIENCE_SECONDS)
        except OperationFailure as failure:
            # The history is lost (286, 136), or the token can't be used any more: reading again mends both.
            logger.warning("the change stream failed with code %s; opening it anew without its token", failure.code)
            token = None
            await asyncio.sleep(PAUSE_SECONDS)
        except PyMongoError as error:
            logger.warning("the change stream lost its connection (%s)", type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            _abandon(asyncio.ensure_future(stream.close()))


async def _next(stream: ChangeStream, patience: float) -> Document | None:
    # A graceful stop of the primary can keep the driver waiting for half a minute: the call goes on in its thread, and nobody listens.
    answer = asyncio.ensure_future(stream.try_next())
    try:
        # Not `wait_for`: before Python 3.12 it forgets a cancellation that comes together with the answer.
        async with asyncio.timeout(patience):
            return await asyncio.shield(answer)
    except TimeoutError:
        _abandon(answer)
        raise Silent from None
    except asyncio.CancelledError:
        _abandon(answer)
        raise


def _abandon(answer: "asyncio.Future[Any]") -> None:
    answer.add_done_callback(lambda late: late.cancelled() or late.exception())
