"""Tests the rotation of the keys that encrypt personal data."""

import pytest

from domain.errors import BadValue
from domain.event import Actor, ClosingNote
from domain.request import RetryRequest
from store.driver import Document
from store.sealing import SealingKeys
from store.upkeep.rewriting import rewrite_all
from store.upkeep.rotation import SEALED_FIELDS, rotation
from store.upkeep.rounds import RoundsState
from store.verifications import Store, Verifications
from tests.factories import JEANNE, NOON, PASSPORT, VERIFIED_RESULT, a_final_verification, a_verification
from tests.storing import DATA_KEY, DATA_KEYS, changes, stored_documents

NEW_KEY = bytes(range(100, 132))
BOTH = SealingKeys({"new": NEW_KEY, "test": DATA_KEY})
NEW_ONLY = SealingKeys({"new": NEW_KEY})


async def rotate(store: Store, keys: SealingKeys = BOTH) -> RoundsState:
    """Encrypt the personal data of all verifications with the first of these keys. Returns the state of the rounds."""
    return await rewrite_all(store.database, rotation(keys), store.now, lambda state: None, pause_seconds=0)


def keys_used(document: Document) -> dict[str, str]:
    """The id of the key with which each field of a document is encrypted, by field."""
    return {field: document[field]["key"] for field in SEALED_FIELDS if field in document}


async def test_all_personal_data_are_encrypted_under_the_new_key(store: Store, verifications: Verifications) -> None:
    verified = await verifications.add(a_final_verification(VERIFIED_RESULT))
    closed = await verifications.add(a_verification().closed_by_integrator(ClosingNote("gave up"), NOON))
    anonymized = await verifications.add(a_final_verification().anonymized(Actor.SYSTEM, NOON))

    state = await rotate(store)

    by_id = {document["_id"]: document for document in await stored_documents(store)}
    assert keys_used(by_id[verified.id]) == {"declared": "new", "extracted": "new"}
    assert keys_used(by_id[closed.id]) == {"declared": "new", "closingNote": "new"}
    assert keys_used(by_id[anonymized.id]) == {}
    assert (state.rewritten, state.left, state.unreadable) == (2, 0, 0)
    store.keys = store.point_reads._keys = NEW_ONLY
    read = await verifications.require(verified.id)
    assert read.declared
    assert read.extracted
    assert (read.declared.open(), read.extracted.open(), read.version) == (JEANNE, PASSPORT, verified.version)
    note = (await verifications.require(closed.id)).events[-1].closing_note
    assert note
    assert note.open() == ClosingNote("gave up")


async def test_a_second_rotation_rewrites_nothing(store: Store, verifications: Verifications) -> None:
    await verifications.add(a_final_verification(VERIFIED_RESULT))
    await rotate(store)
    before = await stored_documents(store)

    state = await rotate(store)

    assert (state.rewritten, state.round) == (0, 1)
    assert await stored_documents(store) == before


async def test_data_that_cannot_be_opened_are_left_and_block_no_others(store: Store, verifications: Verifications) -> None:
    damaged, readable = [await verifications.add(a_final_verification(VERIFIED_RESULT)) for _ in range(2)]
    [document] = await store.collection.find({"_id": readable.id}).to_list(None)
    await store.collection.update_one({"_id": damaged.id}, {"$set": {"declared": document["declared"]}})
    unknown = await verifications.add(a_final_verification())
    await store.collection.update_one({"_id": unknown.id}, {"$set": {"declared.key": "lost"}})

    state = await rotate(store)

    by_id = {document["_id"]: document for document in await stored_documents(store)}
    assert (state.unreadable, state.left) == (2, 0)
    assert keys_used(by_id[damaged.id]) == {"declared": "test", "extracted": "new"}
    assert keys_used(by_id[readable.id]) == {"declared": "new", "extracted": "new"}
    assert keys_used(by_id[unknown.id]) == {"declared": "lost"}


async def test_gateways_with_both_keys_serve_during_a_rotation(store: Store, verifications: Verifications) -> None:
    failed = await verifications.add(a_final_verification())
    await rotate(store)
    store.keys = store.point_reads._keys = BOTH

    retry = await changes(store).retry("acme", failed.id, RetryRequest())

    assert retry.declared
    assert retry.declared.open() == JEANNE
    assert {key for document in await stored_documents(store) for key in keys_used(document).values()} == {"new"}


async def test_a_gateway_without_the_new_key_cannot_read(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_final_verification())
    await rotate(store)
    assert store.keys is DATA_KEYS

    read = await verifications.require(added.id)

    assert read.declared
    with pytest.raises(BadValue):
        read.declared.open()
