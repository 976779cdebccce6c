"""Writes verifications whose values must be unique. MongoDB refuses the write itself if a unique index that it needs is missing.

A check before the write would not be enough: the index, or the whole collection, may be dropped between the check and the write. MongoDB would then
create the collection again, without indexes, and store two verifications with one idempotency key.
"""

from typing import Any

from pymongo import ReplaceOne, UpdateOne

from store.driver import Collection, Document, Session, requiring_hint, single_failure
from store.indexes import IDEMPOTENCY_KEY, PROVIDER_ID

# The nested values of a new document that must be unique in its workspace, and the names of their indexes.
UNIQUE_VALUES = {("idempotency", "key"): IDEMPOTENCY_KEY, ("provider", "id"): PROVIDER_ID}
# No stored document has this version, so that a condition with it matches none.
NO_VERSION = 0


def required_indexes(document: Document, old: Document | None = None) -> dict[str, Document]:
    """The names of the unique indexes that a new document needs, each with a condition that matches nothing and that the index can answer.

    `old`: the document that the new one replaces. Values that the old document already has need no index.
    """
    required = {}
    for (outer, inner), index in UNIQUE_VALUES.items():
        value = nested(document, outer, inner)
        if value is not None and (old is None or nested(old, outer, inner) != value):
            required[index] = {"workspace": document["workspace"], f"{outer}.{inner}": value, "version": NO_VERSION}
    return required


async def insert(collection: Collection, document: Document, session: Session | None = None) -> None:
    """Insert a new document.

    MongoDB's command "insert" takes no hint. So the document is written by an upsert whose condition matches nothing, with a hint that names the
    index: MongoDB refuses the upsert if the index is missing. If the document needs two indexes, an update that changes nothing has the other hint,
    and precedes the upsert in the same command.

    Cost:   one write.
    Raises: IndexMissing, DuplicateKeyError.
    """
    required = [*required_indexes(document).items()]
    if not required:
        await collection.insert_one(document, session=session)
        return
    index, condition = required.pop(0)
    condition = {"_id": document["_id"], **condition}
    with requiring_hint():
        if not required:
            await collection.replace_one(condition, document, upsert=True, hint=index, session=session)
            return
        with single_failure():
            await collection.bulk_write([*proofs(required), ReplaceOne(condition, document, upsert=True, hint=index)], session=session)


async def replace(collection: Collection, guard: Document, document: Document, needed: Document, session: Session | None = None) -> bool:
    """Replace the document that meets the condition `guard`. Returns False if there is none.

    `needed`: the unique indexes that the write needs, as `required_indexes` returns them. For each, an update that changes nothing precedes the
    write in the same command. The update has the hint, and not the write: by an index over a new value, MongoDB would not find the old document.

    Cost:   one write.
    Raises: IndexMissing, DuplicateKeyError.
    """
    if not needed:
        return bool((await collection.replace_one(guard, document, session=session)).matched_count)
    with requiring_hint(), single_failure():
        written = await collection.bulk_write([*proofs([*needed.items()]), ReplaceOne(guard, document)], session=session)
    return bool(written.matched_count)


def proofs(required: list[tuple[str, Document]]) -> list[Any]:
    """Updates that match nothing. MongoDB refuses each of them if its index does not exist. `required`: the items of `required_indexes`."""
    return [UpdateOne(condition, {"$set": {"version": NO_VERSION}}, hint=index) for index, condition in required]


def nested(document: Document, outer: str, inner: str) -> object:
    """A nested value of a document; None if it is missing, or if the document is damaged there."""
    values = document.get(outer)
    return values.get(inner) if isinstance(values, dict) else None
