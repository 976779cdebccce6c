"""While the unique index over some values is missing, no verification with such values is stored, however the index was lost."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from domain.errors import ProviderIdTaken, Unavailable
from domain.request import Idempotency, ProviderReference
from domain.verification import Verification
from store.driver import close_client, connect
from store.index_repair import IndexRepair
from store.indexes import IDEMPOTENCY_KEY, PROVIDER_ID, ensure
from store.insertion import insert, required_indexes
from store.verifications import Store, Verifications, of_provider_id
from tests.factories import FAILED_RESULT, NOON, a_final_verification, a_verification, retried
from tests.storing import DATA_KEYS, encode, storing

KEY = Idempotency("key-7", "fingerprint")
PLAIN = ProviderReference("external", None, "https://provider.example")
NAMED = ProviderReference("external", "session-7", "https://provider.example")
WITH_KEY: dict[str, Any] = {"idempotency": KEY, "provider": PLAIN}
WITH_ID: dict[str, Any] = {"provider": NAMED}
WITH_BOTH: dict[str, Any] = {"idempotency": KEY, "provider": NAMED}

Loss = Callable[[Store], Awaitable[None]]


async def collection_dropped(store: Store) -> None:
    """Drop the collection. MongoDB creates it again at the next insert, without indexes."""
    await store.collection.drop()


async def collection_created_again(store: Store) -> None:
    """Drop the collection, and insert a document that has no value with a unique index. So the collection exists again, but without the indexes."""
    await store.collection.drop()
    await store.collection.insert_one(encode(a_verification(provider=PLAIN)))


async def collection_renamed(store: Store) -> None:
    """Rename the collection. The indexes stay with it."""
    await store.collection.rename("elsewhere")


async def indexes_dropped(store: Store) -> None:
    """Drop all indexes."""
    await store.collection.drop_indexes()


def dropped(index: str) -> Loss:
    """A function that drops this index."""

    async def lose(store: Store) -> None:
        await store.collection.drop_index(index)

    return lose


def not_unique(field: str, index: str) -> Loss:
    """A function that replaces this index by one that is not unique. The process then acts as if it had not checked its indexes yet."""

    async def lose(store: Store) -> None:
        await store.collection.drop_index(index)
        await store.collection.create_index([("workspace", ASCENDING), (field, ASCENDING)], name=index)
        store.index_repair.missing = None

    return lose


WHOLE = [collection_dropped, collection_created_again, collection_renamed, indexes_dropped]
KEYS_LOST = [*WHOLE, dropped(IDEMPOTENCY_KEY), not_unique("idempotency.key", IDEMPOTENCY_KEY)]
IDS_LOST = [*WHOLE, dropped(PROVIDER_ID), not_unique("provider.id", PROVIDER_ID)]
LOSSES = [(WITH_KEY, lose) for lose in KEYS_LOST] + [(WITH_ID, lose) for lose in IDS_LOST] + [(WITH_BOTH, lose) for lose in [*KEYS_LOST, *IDS_LOST]]


@pytest.mark.parametrize(("values", "lose"), LOSSES)
async def test_without_the_index_nothing_is_stored_and_after_its_repair_once(
    database_uri: str, store: Store, verifications: Verifications, values: dict[str, Any], lose: Loss
) -> None:
    async with storing(database_uri, store.now) as other:
        both = [verifications, other.within("acme")]

        async def create_together() -> list[object]:
            return await asyncio.gather(*(each.add(a_verification(**values)) for each in both * 3), return_exceptions=True)

        await lose(store)
        other.index_repair.missing = store.index_repair.missing
        before = await store.collection.count_documents({})
        refused = await create_together()
        stored = await store.collection.count_documents({})
        await store.collection.drop()
        await store.index_repair.round()
        await other.index_repair.round()
        after = await create_together()

    assert [type(each) for each in refused if not isinstance(each, Unavailable)] == []
    assert stored == before
    [only] = await store.collection.find().to_list(None)
    assert {each.id for each in after if isinstance(each, Verification)} == {only["_id"]}


@pytest.mark.parametrize("lose", [collection_dropped, indexes_dropped, dropped(IDEMPOTENCY_KEY)])
async def test_the_key_of_a_missing_index_is_not_looked_up_as_unused_and_then_stored(store: Store, verifications: Verifications, lose: Loss) -> None:
    assert await verifications.with_key(KEY.key) is None

    await lose(store)

    with pytest.raises(Unavailable):
        await verifications.add(a_verification(**WITH_KEY))
    assert await store.collection.count_documents({}) == 0


async def test_processes_that_start_together_on_a_new_database_create_one_verification_for_a_key(database_uri: str) -> None:
    clients = [connect(database_uri, timeout_seconds=30) for _ in range(2)]
    stores = [Store(client, DATA_KEYS) for client in clients]

    async def create_until_stored(store: Store) -> tuple[str, int]:
        """Try to create a verification until it is stored. Returns its id, and how often the creation was refused before."""
        for refusals in count():
            try:
                return (await store.within("acme").add(a_verification(**WITH_KEY))).id, refusals
            except Unavailable:
                await asyncio.sleep(0.001)
        raise AssertionError

    creations = [asyncio.create_task(create_until_stored(store)) for store in stores * 3]
    await asyncio.sleep(0)
    await asyncio.gather(*(store.index_repair.round() for store in stores))
    results = [await creation for creation in creations]
    stored = await stores[0].collection.count_documents({})
    for client in clients:
        close_client(client)

    assert stored == len({id for id, _ in results}) == 1
    assert all(refusals for _, refusals in results)


async def test_a_retry_with_the_providers_id_needs_its_index(store: Store, verifications: Verifications) -> None:
    first = await verifications.add(a_final_verification(provider=PLAIN))
    await store.collection.drop_index(PROVIDER_ID)

    with pytest.raises(Unavailable):
        await verifications.retry(first.id, lambda old, at: retried(old, at))
    assert await verifications.get(first.id) == first

    await ensure(store.database)
    assert (await verifications.retry(first.id, lambda old, at: retried(old, at))).previous == first.id


@pytest.mark.parametrize("lose", IDS_LOST)
async def test_the_id_that_a_provider_returns_later_needs_its_index(store: Store, verifications: Verifications, lose: Loss) -> None:
    created = a_verification(provider=ProviderReference("yousign", None, None))
    await verifications.add(created)
    await lose(store)
    await store.collection.replace_one({"_id": created.id}, encode(created), upsert=True)
    accepted = replace(created.provider, id="video-7")

    with pytest.raises(Unavailable):
        await verifications.change(created.id, lambda old, at: old.accepted(accepted, at))
    before = await verifications.get(created.id)
    await store.collection.drop()
    await store.index_repair.round()
    await verifications.add(created)
    stored = await verifications.change(created.id, lambda old, at: old.accepted(accepted, at))

    assert before == created
    assert (stored.provider, await verifications.get(created.id)) == (accepted, stored)


async def test_a_change_that_brings_no_new_id_needs_no_index(store: Store, verifications: Verifications) -> None:
    created = await verifications.add(a_verification(provider=NAMED))
    await store.collection.drop_index(PROVIDER_ID)

    assert (await verifications.change(created.id, lambda old, at: old.concluded(FAILED_RESULT, at))).status is FAILED_RESULT.status


async def test_an_id_that_is_taken_is_not_stored_later_either(verifications: Verifications, store: Store) -> None:
    await verifications.add(a_verification(provider=NAMED))
    created = await verifications.add(a_verification(provider=ProviderReference("external", None, None)))

    with pytest.raises(DuplicateKeyError) as refused:
        await verifications.replace(created, created.accepted(NAMED, NOON))

    assert of_provider_id(refused.value)


async def test_a_verification_without_unique_values_needs_no_index(store: Store, verifications: Verifications) -> None:
    await store.collection.drop()

    added = await verifications.add(a_verification(provider=PLAIN))

    assert await verifications.get(added.id) == added


async def test_the_first_refusal_has_the_indexes_checked(store: Store, verifications: Verifications) -> None:
    await store.collection.drop()
    with pytest.raises(Unavailable):
        await verifications.add(a_verification(**WITH_KEY))

    async with asyncio.timeout(1):
        await store.index_repair.suspected(60)
    await store.index_repair.round()

    assert (await verifications.add(a_verification(**WITH_KEY))).idempotency == KEY


@pytest.mark.parametrize("values", [WITH_KEY, WITH_ID, WITH_BOTH])
async def test_the_document_is_stored_as_an_insert_would_store_it(store: Store, values: dict[str, Any]) -> None:
    document = encode(a_verification(**values))

    await insert(store.collection, document)

    stored = await store.collection.find_one({"_id": document["_id"]})
    assert stored is not None
    assert stored["storedAt"].time > 0
    assert stored | {"storedAt": document["storedAt"]} == document


def test_the_required_indexes_are_those_of_the_values_present() -> None:
    assert [[*required_indexes(encode(a_verification(**values)))] for values in ({"provider": PLAIN}, WITH_KEY, WITH_ID, WITH_BOTH)] == [
        [],
        [IDEMPOTENCY_KEY],
        [PROVIDER_ID],
        [IDEMPOTENCY_KEY, PROVIDER_ID],
    ]


async def test_a_taken_id_is_reported_although_the_key_is_new(verifications: Verifications) -> None:
    await verifications.add(a_verification(provider=NAMED))

    with pytest.raises(ProviderIdTaken):
        await verifications.add(a_verification(**WITH_BOTH))


@pytest.mark.parametrize("values", [WITH_KEY, WITH_ID])
async def test_a_creation_waits_for_the_first_check_of_a_process_that_has_just_started(store: Store, values: dict[str, Any]) -> None:
    store.index_repair = IndexRepair(store.database)
    creating = asyncio.create_task(store.within("acme").add(a_verification(**values)))
    await asyncio.sleep(0.1)
    waits = not creating.done()

    await store.index_repair.round()

    assert waits
    assert (await creating).version == 1


async def test_a_creation_is_refused_if_the_first_check_takes_too_long(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.index_repair.FIRST_ROUND_SECONDS", 0.01)
    store.index_repair = IndexRepair(store.database)

    with pytest.raises(Unavailable):
        await store.within("acme").add(a_verification(**WITH_KEY))
