"""Finds out which indexes are missing, and builds them, while the process runs.

An index may be missing because the collection is new, because this release needs more indexes than the previous one, or because an operator dropped
it. Each index is built by a command of its own, so that an index that can't be built does not prevent the others.
"""

import asyncio
import logging
from contextlib import suppress
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from domain.errors import Unavailable
from store.driver import Database, Document, aggregate, answering, patient
from store.indexes import INDEXES, missing

logger = logging.getLogger(__name__)

# How long MongoDB may take to build an index. Six hours suffice for a large collection; MongoDB gives up a build that takes longer.
BUILD_SECONDS = 6 * 3600.0
# After an index could not be built, the process pauses before the next attempt: first 20 seconds, then twice as long each time, up to 600 seconds.
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 20.0, 600.0
# How long an operation waits for the first round of a process that has just started.
FIRST_ROUND_SECONDS = 10.0
# If duplicates prevent a unique index, the log names their ids: for at most MAX_GROUPS values that occur more than once, and at most MAX_IDS ids for
# each value.
MAX_GROUPS, MAX_IDS = 10, 5

MODELS: dict[str, tuple[str, IndexModel]] = {
    f"{collection}.{model.document['name']}": (collection, model) for collection, models in INDEXES.items() for model in models
}


class Pause(NamedTuple):
    """The pause after a failed build.

    `until`: when the pause ends (`time.monotonic`). `seconds`: how long it is. `collection`: the id of the collection at the time of the build.
    """

    until: float
    seconds: float
    collection: UUID | None


class IndexRepair:
    """Builds missing indexes. `missing`: the names of the indexes that are still missing after the last round; None before the first round."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.missing: frozenset[str] | None = None
        # The pauses of the indexes that could not be built.
        self._paused: dict[str, Pause] = {}
        self._suspected = asyncio.Event()
        self._checked = asyncio.Event()

    async def first_round(self) -> None:
        """Wait until this process has looked for missing indexes once. Raises: Unavailable if that takes longer than FIRST_ROUND_SECONDS."""
        if self.missing is None:
            try:
                async with asyncio.timeout(FIRST_ROUND_SECONDS):
                    await self._checked.wait()
            except TimeoutError:
                raise Unavailable from None

    def lacks(self, name: str) -> bool:
        """Whether this index was missing after the last round. True before the first round, because it may be missing."""
        return self.missing is None or name in self.missing

    def suspect(self) -> None:
        """Request a round soon, because an index may be missing."""
        self._suspected.set()

    async def suspected(self, timeout_seconds: float) -> None:
        """Wait until a round is requested, or until the timeout."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._suspected.wait()

    async def round(self) -> None:
        """Look for missing indexes, build them, and log which were missing and which can't be built.

        Cost:   one small read for each collection, and one for all of them; if indexes are missing, also their builds.
        Raises: Unavailable.
        """
        self._suspected.clear()
        # Unique indexes come first, because requests are refused without them. Other indexes of a large collection may take hours.
        found = sorted(await missing(self._database), key=lambda name: not MODELS[name][1].document.get("unique"))
        level = logging.INFO if self.missing is None else logging.WARNING
        if new := sorted({*found} - (self.missing or frozenset())):
            logger.log(level, "indexes are missing and will be built: %s", ", ".join(new))
        # Set this before the builds: while a unique index is in `missing`, the store refuses creations that need it.
        self.missing = frozenset(found)
        self._checked.set()
        ids = await collection_ids(self._database)
        # A pause ends early if the collection has another id: it was dropped, and with it the documents that prevented the build.
        self._paused = {name: pause for name, pause in self._paused.items() if name in found and pause.collection == ids.get(MODELS[name][0])}
        for name in found:
            if (name not in self._paused or monotonic() >= self._paused[name].until) and await self._built(name, ids.get(MODELS[name][0])):
                logger.log(level, "the index %s was built", name)
                self.missing -= {name}

    async def _built(self, name: str, collection_id: UUID | None) -> bool:
        """Build an index. Returns False if it can't be built, after logging why."""
        collection, model = MODELS[name]
        try:
            with answering(), patient(BUILD_SECONDS):
                await self._database[collection].create_indexes([model])
        except DuplicateKeyError:
            logger.error("the index %s can't be built, since verifications have equal values: %s", name, await duplicate_ids(self._database, name))
        except OperationFailure as error:
            # The driver's message is not logged, because it may contain values of documents.
            logger.error("the index %s can't be built (%s)", name, (error.details or {}).get("codeName", error.code))
        else:
            return True
        seconds = min(2 * self._paused[name].seconds, LAST_PAUSE_SECONDS) if name in self._paused else FIRST_PAUSE_SECONDS
        self._paused[name] = Pause(monotonic() + seconds, seconds, collection_id)
        return False


async def collection_ids(database: Database) -> dict[str, UUID]:
    """MongoDB's ids of the collections that exist, by name. A collection that is dropped and created again gets another id."""
    with answering():
        return {each["name"]: each["info"]["uuid"] for each in await (await database.list_collections()).to_list(None)}


async def duplicate_ids(database: Database, name: str) -> str:
    """The ids of verifications that have equal values in all keys of an index, as text. The values are left out, as they may be personal data.

    Cost: one aggregation over all documents that the index contains.
    """
    collection, model = MODELS[name]
    try:
        with answering(), patient(BUILD_SECONDS):
            groups = await aggregate(database[collection], duplicates(model), allowDiskUse=True).to_list(None)
    except (Unavailable, OperationFailure):
        return "their ids could not be read"
    return "; ".join(" = ".join(map(readable_id, group["ids"])) for group in groups)


def duplicates(model: IndexModel) -> list[Document]:
    """The aggregation pipeline that finds groups of documents with equal values in all keys of an index."""
    keys = [*model.document["key"]]
    return [
        {"$match": model.document.get("partialFilterExpression", {})},
        {
            "$group": {
                "_id": [f"${key}" for key in keys],
                "ids": {"$firstN": {"input": "$_id", "n": MAX_IDS}},
                "count": {"$sum": 1},
            }
        },
        {"$match": {"count": {"$gt": 1}}},
        {"$sort": {"ids": 1}},
        {"$limit": MAX_GROUPS},
    ]


def readable_id(id: object) -> str:
    """The id of a document, for the log. A damaged document may have an id of any type."""
    return id[:64] if isinstance(id, str) else f"<{type(id).__name__}>"
