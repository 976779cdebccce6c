"""What the system must act on: verifications whose time has come, those that have waited longest first."""

from dataclasses import dataclass
from datetime import datetime

from store.documents import Document
from store.driver import Collection, answering


@dataclass(frozen=True, slots=True)
class Due:
    """A verification whose time has come, and since when."""

    at: datetime
    workspace: str
    id: str


async def read(collection: Collection, key: str, until: datetime, also: Document, most: int, after: Due | None) -> list[Due]:
    """Those whose instant under the key has come, and which meet a condition beside that; behind `after`, where that is given.

    Cost: one query over an index that begins with the key and the id.
    """
    condition: Document = {key: {"$lte": until}, **also}
    if after:
        # One range on the key, and the id for equals only: two alternatives would be two scans.
        condition[key]["$gte"] = after.at
        condition["$or"] = [{key: {"$gt": after.at}}, {"_id": {"$gt": after.id}}]
    with answering():
        found = await collection.find(condition, {"workspace": 1, key: 1}).sort([(key, 1), ("_id", 1)]).limit(most).to_list(None)
    # A damaged document must not end this for all others. It has no workspace then, but may have anything for an id.
    return [Due(document[key], text(document.get("workspace")), document["_id"]) for document in found]


def text(value: object) -> str:
    """The text, or an empty one in place of anything else."""
    return value if isinstance(value, str) else ""
