"""The indexes, one for each way in which the gateway asks. All but the two of the sweeper begin with the workspace, which can be the shard key."""

from pymongo import ASCENDING, IndexModel

from store.driver import Database, answering

VERIFICATIONS = "verifications"
HEARTBEATS = "heartbeats"


def index(*keys: str, unique: bool = False, present: tuple[str, ...] = ()) -> IndexModel:
    """An ascending index over the keys; over the documents alone that have certain fields, where these are named."""
    options = {"partialFilterExpression": {field: {"$exists": True} for field in present}} if present else {}
    return IndexModel([(key, ASCENDING) for key in keys], unique=unique, **options)


INDEXES = {
    VERIFICATIONS: [
        index("workspace", "createdAt", "_id"),
        index("workspace", "updatedAt", "_id"),
        index("workspace", "status", "createdAt", "_id"),
        index("workspace", "status", "updatedAt", "_id"),
        index("workspace", "reasons", "createdAt", "_id"),
        index("workspace", "reference", "createdAt", "_id"),
        index("workspace", "chain", "attempt"),
        index("due", "_id", present=("due",)),
        index("completedAt", "_id", present=("completedAt", "declared")),
        index("workspace", "idempotency.key", unique=True, present=("idempotency.key",)),
        index("workspace", "previous", unique=True, present=("previous",)),
        index("workspace", "provider.id", unique=True, present=("provider.id",)),
    ],
    # A process that is gone leaves its last heartbeat behind for a while.
    HEARTBEATS: [IndexModel([("at", ASCENDING)], expireAfterSeconds=3600)],
}


async def ensure(database: Database) -> None:
    """Make the indexes that are missing. Those that stand already cost one round trip."""
    with answering():
        for collection, indexes in INDEXES.items():
            await database[collection].create_indexes(indexes)


async def missing(database: Database) -> list[str]:
    """The names of the indexes that should be there and aren't."""
    lacking = []
    with answering():
        for collection, indexes in INDEXES.items():
            standing = await database[collection].index_information()
            lacking += [f"{collection}.{made.document['name']}" for made in indexes if made.document["name"] not in standing]
    return lacking
