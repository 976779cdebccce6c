"""Inserts verifications whose values must be unique. MongoDB refuses the insert itself if a unique index that it needs is missing.

A check before the insert would not be enough: the index, or the whole collection, may be dropped between the check and the insert. MongoDB would then
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


def required_indexes(document: Document) -> dict[str, Document]:
    """The names of the unique indexes that a new document needs. For each, a condition that MongoDB can answer with it, and that matches nothing."""
    required = {}
    for (outer, inner), index in UNIQUE_VALUES.items():
        value = document.get(outer, {}).get(inner)
        if value is not None:
            required[index] = {"workspace": document["workspace"], f"{outer}.{inner}": value, "version": NO_VERSION}
    return required


async def insert(collection: Collection, document: Document, session: Session | None = None) -> None:
    """Insert a new document.

    MongoDB's command "insert" takes no hint. So the document is written by an upsert whose condition matches nothing, with a hint that names the
    index: MongoDB refuses it if the index is missing. If the document needs two indexes, an update that changes nothing has the other hint, and
    precedes the upsert in the same command.

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
        nothing: Document = {"$set": {"version": NO_VERSION}}
        proofs: list[Any] = [UpdateOne(other_condition, nothing, hint=other) for other, other_condition in required]
        with single_failure():
            await collection.bulk_write([*proofs, ReplaceOne(condition, document, upsert=True, hint=index)], session=session)
