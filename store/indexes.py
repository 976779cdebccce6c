"""The indexes of MongoDB, one for each kind of query.

The three indexes on `due`, `completedAt` and `anonymizedAt` are for the sweeper, which reads all workspaces. All other indexes of verifications
begin with the workspace, so the workspace can be the shard key.
"""

from pymongo import ASCENDING, IndexModel

from store.driver import Database, answering

VERIFICATIONS = "verifications"
HEARTBEATS = "heartbeats"
TOMBSTONES = "tombstones"


def index(*keys: str, unique: bool = False, present: tuple[str, ...] = ()) -> IndexModel:
    """An ascending index over the keys. If `present` is not empty, the index contains only the documents that have all fields in it."""
    options = {"partialFilterExpression": {field: {"$exists": True} for field in present}} if present else {}
    return IndexModel([(key, ASCENDING) for key in keys], unique=unique, **options)


INDEXES = {
    VERIFICATIONS: [
        index("workspace", "createdAt", "_id"),
        index("workspace", "updatedAt", "_id"),
        index("workspace", "storedAt", "_id"),
        index("workspace", "status", "createdAt", "_id"),
        index("workspace", "status", "updatedAt", "_id"),
        index("workspace", "reasons", "createdAt", "_id"),
        index("workspace", "reference", "createdAt", "_id"),
        index("workspace", "chain", "attempt"),
        index("due", "_id", present=("due",)),
        index("completedAt", "_id", present=("completedAt", "declared")),
        index("anonymizedAt", "_id", present=("anonymizedAt",)),
        index("workspace", "idempotency.key", unique=True, present=("idempotency.key",)),
        index("workspace", "previous", unique=True, present=("previous",)),
        index("workspace", "provider.id", unique=True, present=("provider.id",)),
    ],
    # MongoDB deletes a tombstone when its `expiresAt` has passed.
    TOMBSTONES: [index("workspace", "removedAt", "_id"), IndexModel([("expiresAt", ASCENDING)], expireAfterSeconds=0)],
    # MongoDB deletes heartbeats that are older than an hour. They are the last heartbeats of processes that have ended.
    HEARTBEATS: [IndexModel([("at", ASCENDING)], expireAfterSeconds=3600)],
}


async def ensure(database: Database) -> None:
    """Create the missing indexes. Cost: one round trip for each collection, even if no index is missing."""
    with answering():
        for collection, indexes in INDEXES.items():
            await database[collection].create_indexes(indexes)


async def missing(database: Database) -> list[str]:
    """The names of the indexes in INDEXES that do not exist in the database."""
    names = []
    with answering():
        for collection, indexes in INDEXES.items():
            existing = await database[collection].index_information()
            names += [f"{collection}.{model.document['name']}" for model in indexes if model.document["name"] not in existing]
    return names
