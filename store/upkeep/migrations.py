"""The migrations of stored documents: each brings documents from one schema version to the next.

A migration may only add values that the previous release ignores, or reads in the same way. So processes of both releases can use the same database
while verifications are migrated, and the previous release can be used again afterwards.
"""

from collections.abc import Callable
from datetime import datetime

from bson.timestamp import Timestamp

from store.documents import SCHEMA
from store.driver import Document
from store.upkeep.rewriting import Rewrite, Rewriting

MIGRATION = "migrate"
MAX_STAMP_SECONDS = 2**32 - 1


def with_derived_values(document: Document) -> Document:
    """The migration to version 2. Returns the values that early releases did not store, and that readers derive if they are missing.

    Without `chain`, a search for the attempts of a chain doesn't find the document. `storedAt`, MongoDB's time of the last write, becomes the time of
    the last change. Feeds that resume look for stamps from some time before their cursor on, so they still find the document.
    """
    values: Document = {"chain": document.get("chain", document["_id"]), "attempt": document.get("attempt", 1)}
    changed_at = document.get("updatedAt")
    if "storedAt" not in document and isinstance(changed_at, datetime) and 0 < changed_at.timestamp() <= MAX_STAMP_SECONDS:
        values["storedAt"] = Timestamp(int(changed_at.timestamp()), 0)
    return values


# The values that a migration adds to a document, by the schema version to which it leads.
MIGRATIONS: dict[int, Callable[[Document], Document]] = {2: with_derived_values}


def migrated(document: Document) -> Rewrite:
    """The values that bring a document to the schema version of this release. A document without a readable version has version 1."""
    version = document.get("schema")
    values: Document = {"schema": SCHEMA}
    for target in range((version if isinstance(version, int) else 1) + 1, SCHEMA + 1):
        values |= MIGRATIONS[target]({**document, **values})
    return Rewrite(values)


def migration() -> Rewriting:
    """The rewriting that brings all documents to the schema version of this release. Documents of newer releases are left as they are."""
    fields = dict.fromkeys(("schema", "chain", "attempt", "updatedAt", "storedAt"), 1)
    return Rewriting(MIGRATION, str(SCHEMA), {"schema": {"$not": {"$gte": SCHEMA}}}, fields, migrated)
