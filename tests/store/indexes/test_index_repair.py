"""Indexes that are missing are noticed, reported and built while the process runs, unless duplicates prevent it."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from pymongo import ASCENDING

from domain.errors import Unavailable
from domain.request import Idempotency, Request
from store import index_repair
from store.driver import close_client, connect
from store.index_repair import MODELS, duplicates
from store.indexes import IDEMPOTENCY_KEY, VERIFICATIONS, missing
from store.verifications import Store, Verifications, utc_now
from tests.factories import REQUEST, a_verification
from tests.storing import DATA_KEYS, changes, encode

DUE = "verifications.provider.name_1_due_1__id_1"
UNIQUE_KEYS = f"{VERIFICATIONS}.{IDEMPOTENCY_KEY}"
KEY = Idempotency("anna@example.com", None)


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> None:
    """Record all log lines."""
    caplog.set_level(logging.INFO)


async def duplicated(store: Store) -> list[str]:
    """Drop the unique index over the idempotency keys, and insert two verifications with the same key. Returns their ids."""
    await store.collection.drop_index(IDEMPOTENCY_KEY)
    same = [a_verification(idempotency=KEY) for _ in range(2)]
    await store.collection.insert_many([encode(verification) for verification in same])
    return [verification.id for verification in same]


async def test_all_indexes_of_a_new_database_are_built(database_uri: str) -> None:
    client = connect(database_uri, timeout_seconds=30)
    store = Store(client, DATA_KEYS, utc_now)
    assert store.index_repair.missing is None

    await store.index_repair.round()

    assert store.index_repair.missing == frozenset()
    assert await missing(store.database) == []
    close_client(client)


async def test_dropped_indexes_are_named_in_the_log_and_built_again(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    await store.index_repair.round()
    await store.collection.drop_indexes()
    caplog.clear()

    await store.index_repair.round()

    assert await missing(store.database) == []
    assert store.index_repair.missing == frozenset()
    assert caplog.records[0].levelno == logging.WARNING
    assert DUE in caplog.messages[0]
    assert f"the index {DUE} was built" in caplog.messages


async def test_a_dropped_collection_gets_its_indexes_again(store: Store) -> None:
    await store.index_repair.round()
    await store.collection.drop()

    await store.index_repair.round()

    assert await missing(store.database) == []


async def test_without_a_missing_index_nothing_is_logged(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    await store.index_repair.round()

    assert caplog.messages == []


async def test_duplicates_are_named_by_their_ids_and_all_other_indexes_are_built(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    ids = await duplicated(store)
    await store.collection.drop_index("provider.name_1_due_1__id_1")

    await store.index_repair.round()

    assert store.index_repair.missing == frozenset({UNIQUE_KEYS})
    assert await missing(store.database) == [UNIQUE_KEYS]
    assert f"the index {UNIQUE_KEYS} can't be built, since verifications have equal values: {' = '.join(sorted(ids))}" in caplog.messages
    assert KEY.key not in caplog.text


async def test_an_index_is_built_once_its_duplicates_are_gone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_repair, "FIRST_PAUSE_SECONDS", 0.0)
    ids = await duplicated(store)
    await store.index_repair.round()

    await store.collection.delete_one({"_id": ids[0]})
    await store.index_repair.round()

    assert store.index_repair.missing == frozenset()


async def test_a_build_that_failed_is_not_repeated_at_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    await duplicated(store)
    await store.index_repair.round()
    caplog.clear()

    await store.index_repair.round()

    assert store.index_repair.missing == frozenset({UNIQUE_KEYS})
    assert caplog.messages == []


async def test_after_the_collection_was_dropped_a_failed_build_is_repeated_at_once(store: Store) -> None:
    await duplicated(store)
    await store.index_repair.round()
    await store.collection.drop()
    await store.collection.insert_one(encode(a_verification(idempotency=KEY)))

    await store.index_repair.round()

    assert store.index_repair.missing == frozenset()
    assert await missing(store.database) == []


async def test_an_index_with_the_same_name_that_is_not_unique_counts_as_missing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    await store.collection.drop_index(IDEMPOTENCY_KEY)
    await store.collection.create_index([("workspace", ASCENDING), ("idempotency.key", ASCENDING)], name=IDEMPOTENCY_KEY)

    await store.index_repair.round()

    assert store.index_repair.missing == frozenset({UNIQUE_KEYS})
    assert f"the index {UNIQUE_KEYS} can't be built (IndexKeySpecsConflict)" in caplog.messages


async def test_only_documents_with_the_fields_of_a_unique_index_are_duplicates(store: Store) -> None:
    await store.collection.drop_index(IDEMPOTENCY_KEY)
    same = [a_verification(idempotency=KEY), a_verification(idempotency=KEY), a_verification(idempotency=KEY, workspace="other"), a_verification()]
    await store.collection.insert_many([encode(each) for each in [*same, a_verification()]])

    found = await store.collection.aggregate(duplicates(MODELS[UNIQUE_KEYS][1])).to_list(None)

    assert [sorted(group["ids"]) for group in found] == [sorted(each.id for each in same[:2])]


def request_with(idempotency: Idempotency | None) -> Request:
    """A request to create a verification, with this idempotency key or without a key."""
    return replace(REQUEST, idempotency=idempotency)


async def dropped(store: Store) -> None:
    """Drop the unique index. No check of the indexes runs, so the store does not notice that it is missing."""
    await store.collection.drop_index(IDEMPOTENCY_KEY)


async def noticed(store: Store) -> None:
    """Drop the unique index, create duplicates, and let a check of the indexes notice that the index is missing."""
    await duplicated(store)
    await store.index_repair.round()


async def not_unique(store: Store) -> None:
    """Replace the unique index by one of the same name that is not unique, and let a check of the indexes notice the difference."""
    await store.collection.drop_index(IDEMPOTENCY_KEY)
    await store.collection.create_index([("workspace", ASCENDING), ("idempotency.key", ASCENDING)], name=IDEMPOTENCY_KEY)
    await store.index_repair.round()


@pytest.mark.parametrize("lose", [dropped, noticed, not_unique])
async def test_without_the_unique_index_nothing_is_created_with_a_key(
    store: Store, verifications: Verifications, lose: Callable[[Store], Awaitable[None]]
) -> None:
    await lose(store)
    before = await store.collection.count_documents({})

    with pytest.raises(Unavailable):
        await changes(store).create("acme", request_with(Idempotency("key-7", "fingerprint")))
    created = await changes(store).create("acme", request_with(None))

    assert await store.collection.count_documents({}) == before + 1
    assert await verifications.get(created.id) == created


async def test_after_the_repair_a_key_can_be_used_again(store: Store) -> None:
    await dropped(store)
    await store.index_repair.round()

    first = await changes(store).create("acme", request_with(Idempotency("key-7", "fingerprint")))
    again = await changes(store).create("acme", request_with(Idempotency("key-7", "fingerprint")))

    assert again.id == first.id


def test_the_name_of_the_unique_index_is_that_of_the_collection_and_the_index() -> None:
    assert UNIQUE_KEYS in MODELS
    assert MODELS[UNIQUE_KEYS][0] == VERIFICATIONS
    assert MODELS[UNIQUE_KEYS][1].document["unique"] is True
