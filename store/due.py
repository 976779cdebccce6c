"""Verifications on which the system must act, the longest overdue first."""

from dataclasses import dataclass
from datetime import datetime

from store.documents import Document
from store.driver import Collection, answering


@dataclass(frozen=True, slots=True)
class Due:
    """A verification on which the system must act, and since when."""

    at: datetime
    workspace: str
    id: str


async def read(collection: Collection, field: str, until: datetime, condition: Document, limit: int, after: Due | None) -> list[Due]:
    """The verifications whose instant in the field has passed and that meet the condition; only those behind `after`, if it is given.

    Cost: one query over an index that begins with the field and the id.
    """
    query: Document = {field: {"$lte": until}, **condition}
    if after:
        # One range on the field, with the id compared for equal instants only: two alternatives would be two index scans.
        query[field]["$gte"] = after.at
        query["$or"] = [{field: {"$gt": after.at}}, {"_id": {"$gt": after.id}}]
    with answering():
        documents = await collection.find(query, {"workspace": 1, field: 1}).sort([(field, 1), ("_id", 1)]).limit(limit).to_list(None)
    # A damaged document must not block the others. Its workspace may be missing, and its id may be of any type.
    return [Due(document[field], text_or_empty(document.get("workspace")), document["_id"]) for document in documents]


def text_or_empty(value: object) -> str:
    """The value if it is a text, otherwise an empty text."""
    return value if isinstance(value, str) else ""
