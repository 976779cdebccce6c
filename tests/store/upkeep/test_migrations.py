"""Tests that documents of earlier schema versions are migrated, and then found as if this release had written them."""

from bson.timestamp import Timestamp

from domain.filter import Filter
from store.documents import SCHEMA
from store.driver import Document
from store.stored_verification import REWRITES
from store.upkeep.migrations import MIGRATIONS, migrated, migration
from store.upkeep.rewriting import rewrite_all
from store.verifications import Store, Verifications
from tests.factories import NOON, a_final_verification, a_verification, later
from tests.storing import decode, encode, stored_documents


def an_old_document() -> Document:
    """A document as the first releases wrote it: without the fields that version 2 requires."""
    document = encode(a_final_verification())
    for field in ("schema", "chain", "attempt", "storedAt"):
        del document[field]
    return document


async def migrate(store: Store) -> int:
    """Migrate all documents. Returns how many were migrated."""
    return (await rewrite_all(store.database, migration(), store.now, lambda state: None, pause_seconds=0)).rewritten


def test_there_is_a_migration_to_every_version() -> None:
    assert [*MIGRATIONS] == [*range(2, SCHEMA + 1)]


async def test_an_old_document_reads_the_same_after_its_migration(store: Store) -> None:
    document = an_old_document()
    await store.collection.insert_one(dict(document))

    assert await migrate(store) == 1

    [after] = await stored_documents(store)
    assert decode(after) == decode(document)
    stamp = Timestamp(int(NOON.timestamp()), 0)
    assert after == document | {"schema": 2, "chain": document["_id"], "attempt": 1, "storedAt": stamp, REWRITES: 1}


async def test_the_chain_of_an_old_document_is_found_after_its_migration(store: Store, verifications: Verifications) -> None:
    document = an_old_document()
    await store.collection.insert_one(dict(document))
    assert await verifications.chains([document["_id"]]) == []

    await migrate(store)

    assert [each.id for each in await verifications.chains([document["_id"]])] == [document["_id"]]


async def test_a_feed_that_resumes_finds_a_migrated_document_as_before(store: Store, verifications: Verifications) -> None:
    await store.collection.insert_one(an_old_document())

    async def found(minutes: int) -> int:
        return len([each async for each in verifications.changed_since(later(minutes=minutes), Filter())])

    before = [await found(minutes) for minutes in (-1, 0, 10)]
    await migrate(store)

    assert [await found(minutes) for minutes in (-1, 0, 10)] == before == [1, 1, 0]


async def test_new_documents_and_those_of_newer_releases_are_left(store: Store, verifications: Verifications) -> None:
    await verifications.add(a_verification())
    await store.collection.insert_one(encode(a_verification()) | {"schema": SCHEMA + 1})
    before = await stored_documents(store)

    assert await migrate(store) == 0
    assert await stored_documents(store) == before


def test_documents_with_damaged_values_are_migrated_too() -> None:
    assert migrated({"_id": "ver_1", "schema": "two", "updatedAt": "yesterday"}).values == {"schema": 2, "chain": "ver_1", "attempt": 1}
