"""Reads, in batches, the documents on which the system must act: verifications whose deadline has passed, entries of the inbox, and others."""

from dataclasses import dataclass
from datetime import datetime

from store.driver import Collection, Document, answering


@dataclass(frozen=True, slots=True)
class Due:
    """A verification, or another item, on which the system must act. Batches are sorted by `at`, usually the instant since which it must act."""

    at: datetime
    workspace: str
    id: str


async def read_due(collection: Collection, field: str, until: datetime, condition: Document, limit: int, after: Due | None) -> list[Due]:
    """The documents with an instant in `field` that is not after `until`, and that meet the condition; the earliest instant first.

    At most `limit` documents are read. If `after` is passed, only those behind it are read: with it, a caller reads one batch after the other.

    Cost: one query over an index that begins with the field and the id.
    """
    query: Document = {field: {"$lte": until}, **condition}
    if after:
        # The range on the field stands outside of `$or`, so that MongoDB needs only one index scan. The ids decide only between equal instants.
        query[field]["$gte"] = after.at
        query["$or"] = [{field: {"$gt": after.at}}, {"_id": {"$gt": after.id}}]
    with answering():
        documents = await collection.find(query, {"workspace": 1, field: 1}).sort([(field, 1), ("_id", 1)]).limit(limit).to_list(None)
    # In a damaged document, the workspace may be missing, and the id may be of any type. Such a document must not block the others.
    return [Due(document[field], text_or_empty(document.get("workspace")), document["_id"]) for document in documents]


def text_or_empty(value: object) -> str:
    """The value if it is a text, otherwise an empty text."""
    return value if isinstance(value, str) else ""
