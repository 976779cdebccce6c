"""The indexes of MongoDB, one for each kind of query.

Of the indexes of verifications, those with `due`, and those that begin with `completedAt`, `anonymizedAt` and `captureCompletedAt`, are for the
sweeper and metrics, which read all workspaces. All others begin with the workspace, so the workspace can be the shard key.

A partial index contains only the documents that meet its condition, and costs nothing when another document is written. Why each filter has its
indexes, and what they cost: docs/decisions/indexes-of-filters.md.
"""

from collections.abc import Mapping
from typing import Any

from pymongo import ASCENDING, IndexModel

from domain.event import EventType
from domain.status import Status
from store.driver import Database, Document, answering

VERIFICATIONS = "verifications"
HEARTBEATS = "heartbeats"
UNFINISHED_STARTS = "starts"
TOMBSTONES = "tombstones"
DELIVERIES = "deliveries"
DELIVERY_POSITIONS = "delivery_positions"
PROVIDER_QUERIES = "asks"
QUERY_BUDGETS = "query_budgets"
INBOX = "inbox"
ERASURES = "erasures"
UPKEEP = "upkeep"

INBOX_DAYS = 30

IDEMPOTENCY_KEY = "workspace_1_idempotency.key_1"
PROVIDER_ID = "workspace_1_provider.id_1"
EXISTS: Document = {"$exists": True}
IS_PENDING: Document = {"status": Status.PENDING.value}
WITH_IGNORED: Document = {"events.type": EventType.RESULT_IGNORED.value}


def index_name(*keys: str) -> str:
    """The name that MongoDB gives to an ascending index over the keys."""
    return "_".join(f"{key}_{ASCENDING}" for key in keys)


def index(*keys: str, unique: bool = False, present: tuple[str, ...] = (), equal: Document | None = None, name: str | None = None) -> IndexModel:
    """An ascending index over the keys.

    If `present` or `equal` is not empty, the index contains only the documents that have all fields in `present`, and the values in `equal`. An
    index over the same keys as another one needs a `name`.
    """
    partial = {**(equal or {}), **dict.fromkeys(present, EXISTS)}
    options: dict[str, Any] = {"partialFilterExpression": partial} if partial else {}
    return IndexModel([(key, ASCENDING) for key in keys], unique=unique, name=name or index_name(*keys), **options)


def in_both_orders(name: str, *keys: str, present: tuple[str, ...] = (), equal: Document) -> list[IndexModel]:
    """Two partial indexes for the same filter: one sorted by the time of creation, one by the last change."""
    return [
        index("workspace", *keys, sort_key, "_id", present=present, equal=equal, name=f"{name}_{sort_key}") for sort_key in ("createdAt", "updatedAt")
    ]


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
        index("workspace", "completedAt", "_id", present=("completedAt",)),
        # For filters by a phase between the opened link and the outcome. The index of a phase also contains the verifications in the phases after it.
        # Each of these has an instant in the field that ends the phase, so the index sorts it behind all verifications that are in the phase.
        *in_both_orders("in_session", "captureStartedAt", present=("openedAt",), equal=IS_PENDING),
        *in_both_orders("capturing", "captureCompletedAt", present=("captureStartedAt",), equal=IS_PENDING),
        *in_both_orders("processing", present=("captureCompletedAt",), equal=IS_PENDING),
        *in_both_orders("with_ignored_results", equal=WITH_IGNORED),
        index("provider.name", "due", "_id", present=("due",)),
        index("completedAt", "_id", present=("completedAt", "declared")),
        index("captureCompletedAt", "_id", present=("captureCompletedAt",), equal=IS_PENDING),
        index("anonymizedAt", "_id", present=("anonymizedAt",)),
        index("workspace", "idempotency.key", unique=True, present=("idempotency.key",)),
        index("workspace", "previous", unique=True, present=("previous",)),
        index("workspace", "provider.id", unique=True, present=("provider.id",)),
    ],
    DELIVERIES: [
        # Finds the deliveries to send now.
        index("workspace", "due", "_id", present=("due",)),
        # Lists the deliveries in some states, the last changed first.
        index("workspace", "state", "changedAt", "_id"),
        # Finds the deliveries that were given up, to send them again.
        index("workspace", "failedAt", "_id", present=("failedAt",)),
        # Finds the oldest event that waits, and counts the deliveries that wait, for the metrics.
        index("workspace", "since", present=("since",)),
    ],
    UNFINISHED_STARTS: [index("until", "_id"), index("since")],
    # The first index is for finding due queries of all workspaces. The second is for claiming the query of one workspace that has been due longest.
    PROVIDER_QUERIES: [index("at", "workspace"), index("workspace", "at", "_id")],
    # MongoDB deletes a tombstone when its `expiresAt` has passed.
    TOMBSTONES: [index("workspace", "removedAt", "_id"), IndexModel([("expiresAt", ASCENDING)], expireAfterSeconds=0)],
    # MongoDB deletes heartbeats that are older than an hour. They are the last heartbeats of processes that have ended.
    HEARTBEATS: [IndexModel([("at", ASCENDING)], expireAfterSeconds=3600)],
    # MongoDB deletes webhooks that were received more than INBOX_DAYS ago.
    INBOX: [
        IndexModel([("receivedAt", ASCENDING)], expireAfterSeconds=INBOX_DAYS * 86400),
        index("next", "_id", present=("next",)),
        index("state", "receivedAt", "_id"),
        index("workspace", "state", "receivedAt", "_id"),
        # For deleting what the inbox holds about a verification that is deleted.
        index("workspace", "providerId", present=("providerId",)),
    ],
    # For finding the receipts of what was erased for a person.
    ERASURES: [index("workspace", "referenceHash")],
}


async def ensure(database: Database) -> None:
    """Create the missing indexes. Cost: one round trip for each collection, even if no index is missing."""
    with answering():
        for collection, indexes in INDEXES.items():
            await database[collection].create_indexes(indexes)


async def missing(database: Database) -> list[str]:
    """The names of the indexes in INDEXES that do not exist in the database, or that differ in their keys or in whether they are unique."""
    names = []
    with answering():
        for collection, indexes in INDEXES.items():
            existing = await database[collection].index_information()
            names += [f"{collection}.{model.document['name']}" for model in indexes if not exists(model, existing)]
    return names


def exists(model: IndexModel, existing: Mapping[str, Any]) -> bool:
    """Whether this index is among the existing ones. `existing`: as `index_information` of the driver returns it."""
    found = existing.get(model.document["name"])
    unique = bool(model.document.get("unique"))
    return found is not None and [*found["key"]] == [*model.document["key"].items()] and bool(found.get("unique")) is unique
