"""Tombstones: what the gateway leaves of a verification that it removed, so that feeds can report the removal.

They are in a collection of their own. If they were in the collection of verifications, all reads, counts and indexes would have to leave them out,
and older releases do not do that.
"""

from datetime import datetime, timedelta

from domain.errors import Lagged
from store.documents import UNSTAMPED
from store.driver import Database, Document, answering
from store.feeds.stored_changes import STAMPING, stamp
from store.indexes import TOMBSTONES

# Tombstones are kept for this much longer than a cursor is valid, because a feed reads a little more than its cursor requires, and clocks differ.
MARGIN = timedelta(hours=1)


def tombstone(id: str, workspace: str, now: datetime, resumption: timedelta) -> Document:
    """The tombstone of a verification. `resumption`: a subscription can resume with a cursor that is at most this old."""
    return {"_id": id, "workspace": workspace, "removedAt": UNSTAMPED, "expiresAt": now + resumption + MARGIN}


async def removed_since(database: Database, workspace: str, at: datetime, limit: int) -> list[Document]:
    """The tombstones of this workspace that were written after this time of MongoDB, or shortly before it, the oldest first.

    Cost:   one query over an index.
    Raises: Lagged if there are more than `limit`.
    """
    query = {"workspace": workspace, "removedAt": {"$gte": stamp(at - STAMPING)}}
    with answering():
        found = await database[TOMBSTONES].find(query).sort([("removedAt", 1), ("_id", 1)]).limit(limit + 1).to_list(None)
    if len(found) > limit:
        raise Lagged("more verifications were removed than the gateway sends to a feed that resumes")
    return found
