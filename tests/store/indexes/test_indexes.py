"""Tests of the indexes: they are created, reported if they are missing, used by queries, and unique where they must be."""

import pytest
from pymongo.errors import DuplicateKeyError

from domain.request import Idempotency
from store.driver import Document, connect, database
from store.indexes import INDEXES, VERIFICATIONS, ensure, missing
from store.verifications import Store
from tests.factories import a_final_verification, a_verification, later, retried
from tests.storing import encode

NAMES = [f"{collection}.{model.document['name']}" for collection, models in INDEXES.items() for model in models]

DUE = "provider.name_1_due_1__id_1"


async def test_all_indexes_are_missing_in_an_empty_database(database_uri: str) -> None:
    client = connect(database_uri, timeout_seconds=30)

    assert await missing(database(client)) == NAMES

    client.close()


async def test_ensuring_the_indexes_twice_changes_nothing(store: Store) -> None:
    before = await store.collection.index_information()

    await ensure(store.database)

    assert await store.collection.index_information() == before
    assert await missing(store.database) == []


async def test_a_dropped_index_is_reported_and_created_again(store: Store) -> None:
    await store.collection.drop_index(DUE)

    assert await missing(store.database) == [f"verifications.{DUE}"]

    await ensure(store.database)
    assert await missing(store.database) == []


def test_all_indexes_of_requests_begin_with_the_workspace() -> None:
    firsts = {model.document["name"]: next(iter(model.document["key"])) for model in INDEXES[VERIFICATIONS]}

    others = {name for name, first in firsts.items() if first != "workspace"}
    assert others == {DUE, "completedAt_1__id_1", "anonymizedAt_1__id_1", "captureCompletedAt_1__id_1"}


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ({"provider.name": {"$in": ["sandbox", None]}, "due": {"$lte": later(days=7)}}, DUE),
        ({"completedAt": {"$lte": later(days=7)}, "declared": {"$exists": True}}, "completedAt_1__id_1"),
        ({"captureCompletedAt": {"$lte": later(days=7)}, "status": "pending"}, "captureCompletedAt_1__id_1"),
        ({"workspace": "acme", "idempotency.key": "key-7"}, "workspace_1_idempotency.key_1"),
        ({"workspace": "acme", "previous": "ver_1"}, "workspace_1_previous_1"),
        ({"workspace": "acme", "provider.id": "sandbox-ver_7"}, "workspace_1_provider.id_1"),
    ],
)
async def test_a_partial_index_serves_queries_for_its_field(store: Store, condition: Document, index: str) -> None:
    verifications = [a_verification(id=f"ver_{number}", idempotency=Idempotency(f"key-{number}", None)) for number in range(300)]
    await store.collection.insert_many([encode(verification) for verification in verifications])

    plan = await store.database.command("explain", {"find": VERIFICATIONS, "filter": condition}, verbosity="queryPlanner")

    assert plan["queryPlanner"]["winningPlan"]["inputStage"]["indexName"] == index


async def test_documents_without_the_field_of_a_unique_partial_index_do_not_clash(store: Store) -> None:
    documents = [encode(a_verification()) for _ in range(10)]
    await store.collection.insert_many(documents)

    assert await store.collection.count_documents({"workspace": "acme"}) == 10


async def test_unique_values_are_unique_within_a_workspace(store: Store) -> None:
    first = a_final_verification(idempotency=Idempotency("key-1", None))
    successor = retried(first)[1]
    await store.collection.insert_many([encode(first), encode(successor)])

    for clashing in (
        a_verification(idempotency=Idempotency("key-1", None)),
        a_verification(provider=first.provider),
        retried(first)[1],
    ):
        with pytest.raises(DuplicateKeyError):
            await store.collection.insert_one(encode(clashing))
        await store.collection.insert_one(encode(clashing) | {"workspace": "other"})
