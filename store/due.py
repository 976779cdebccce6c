"""Reads, in batches, the documents on which the system must act: verifications whose deadline has passed, entries of the inbox, and others."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from store.driver import Collection, Document, answering


@dataclass(frozen=True, slots=True)
class Due:
    """A verification, or another item, on which the system must act. `at`: usually since when the system must act. Batches are sorted by `at`."""

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
    return [*due_items(documents, field)]


async def read_due_by_workspace(collection: Collection, field: str, until: datetime, limit: int, after: Due | None) -> list[Due]:
    """The documents with an instant in `field` that is not after `until`, sorted by workspace, and within a workspace by the instant.

    At most `limit` documents are read. If `after` is passed, only those behind it are read. Unlike `read_due`, this function uses an index that
    begins with the workspace, the field and the id.

    Cost: one query over that index; two queries if the workspace of `after` has fewer than `limit` documents left.
    """
    found: list[Document] = []
    others: Document = {"workspace": {"$gte": ""}, field: {"$lte": until}}
    if after:
        rest: Document = {"workspace": after.workspace, field: {"$gte": after.at, "$lte": until}}
        rest["$or"] = [{field: {"$gt": after.at}}, {"_id": {"$gt": after.id}}]
        found = await sorted_batch(collection, rest, field, limit)
        others["workspace"] = {"$gt": after.workspace}
    if len(found) < limit:
        found += await sorted_batch(collection, others, field, limit - len(found))
    return [*due_items(found, field)]


async def sorted_batch(collection: Collection, query: Document, field: str, limit: int) -> list[Document]:
    """The workspace and the field of the first documents that meet a query, sorted by workspace, field and id."""
    sort = [("workspace", 1), (field, 1), ("_id", 1)]
    with answering():
        return await collection.find(query, {"workspace": 1, field: 1}).sort(sort).limit(limit).to_list(None)


def due_items(documents: list[Document], field: str) -> Iterator[Due]:
    """The documents as `Due` items. A damaged document must not block the others: its workspace may be missing, and its id may be of any type."""
    for document in documents:
        yield Due(document[field], text_or_empty(document.get("workspace")), document["_id"])


def text_or_empty(value: object) -> str:
    """The value if it is a text, otherwise an empty text."""
    return value if isinstance(value, str) else ""
