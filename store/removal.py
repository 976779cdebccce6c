"""Deletes verifications, together with everything that other collections hold about them. A tombstone lets feeds report each deletion."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from pymongo.errors import OperationFailure

from domain.verification import Verification
from store.driver import Database, Document, Session
from store.feeds.tombstones import tombstone
from store.indexes import DELIVERIES, INBOX, PROVIDER_QUERIES, TOMBSTONES, UNFINISHED_STARTS, VERIFICATIONS

# The error code of MongoDB for a write to a document to which another transaction has written.
WRITE_CONFLICT = 112
# The collections with at most one entry for each verification, whose `_id` is that of the verification.
ENTRIES_BY_ID = (DELIVERIES, PROVIDER_QUERIES, UNFINISHED_STARTS)


class Removal(NamedTuple):
    """A verification to delete, if `version` is still its stored version. `provider_id`: the id that its provider gave it; None if there is none."""

    id: str
    version: object
    provider_id: str | None


class OtherVersion(Exception):
    """A verification that should be deleted does not exist any more, has another version, or is being changed by another transaction."""


def removal_of(verification: Verification) -> Removal:
    """What `remove_all` needs to delete this verification, if it is still stored in this version."""
    provider_id = verification.provider.id
    return Removal(verification.id, verification.version, provider_id if isinstance(provider_id, str) else None)


async def remove_all(
    database: Database, session: Session, scope: Document, removals: Sequence[Removal], now: datetime, resumption: timedelta
) -> Mapping[str, int]:
    """Delete verifications and what belongs to them, within a transaction. Returns how many documents were deleted, by collection.

    `scope`: the condition that confines the verifications to one workspace, or to one chain in it. `resumption`: how old the cursor of a feed that
    resumes may be.

    Cost:   two writes for each verification, and one write for each collection in ENTRIES_BY_ID and for the inbox.
    Raises: OtherVersion. The caller must then abort the transaction.
    """
    with unlocked():
        return await _write_removals(database, session, scope, removals, now, resumption)


@contextmanager
def unlocked() -> Iterator[None]:
    """A context for writes of a transaction. Raises: OtherVersion if another transaction has written to one of the same documents.

    The driver would repeat the transaction without a pause until the other one ends. If the process of the other one was killed, that takes up to 90
    seconds.
    """
    try:
        yield
    except OperationFailure as failure:
        if failure.code == WRITE_CONFLICT:
            raise OtherVersion from None
        raise


async def _write_removals(
    database: Database, session: Session, scope: Document, removals: Sequence[Removal], now: datetime, resumption: timedelta
) -> Mapping[str, int]:
    workspace, ids = scope["workspace"], [each.id for each in removals]
    for each in removals:
        grave = tombstone(each.id, workspace, now, resumption)
        await database[TOMBSTONES].replace_one({"_id": each.id, "workspace": workspace}, grave, upsert=True, session=session)
        guard = {"_id": each.id, **scope, "version": each.version}
        if not (await database[VERIFICATIONS].delete_one(guard, session=session)).deleted_count:
            raise OtherVersion
    conditions: dict[str, Document] = {collection: {"_id": {"$in": ids}, "workspace": workspace} for collection in ENTRIES_BY_ID}
    # Entries of the inbox are found by the provider's id, so that a webhook that was not applied yet is deleted too.
    if provider_ids := [each.provider_id for each in removals if each.provider_id is not None]:
        conditions[INBOX] = {"workspace": workspace, "providerId": {"$in": provider_ids}}
    deleted = {
        collection: (await database[collection].delete_many(condition, session=session)).deleted_count for collection, condition in conditions.items()
    }
    return {VERIFICATIONS: len(removals), **deleted}
