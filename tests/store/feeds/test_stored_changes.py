"""Tests of the conditions by which a feed that resumes finds the changes since its cursor."""

from datetime import UTC, datetime, timedelta

from bson.timestamp import Timestamp

from domain.filter import Filter
from store.driver import ping
from store.feeds.stored_changes import PAGE_ROWS, STAMPING, ChangePosition, behind, changed_since, stamp
from store.verifications import Store
from tests.factories import a_verification
from tests.histories import noting
from tests.storing import encode, stored_documents

STAMPED = ChangePosition("storedAt", Timestamp(1, 0), "")


async def test_mongodb_stamps_a_document_whenever_it_is_stored(store: Store) -> None:
    verifications, began = store.within("acme"), stamp(await ping(store.database))
    added = await verifications.add(a_verification())
    [first] = await stored_documents(store)
    await verifications.change(added.id, noting("event"))
    [second] = await stored_documents(store)

    assert began <= first["storedAt"] < second["storedAt"]
    assert second["version"] == 2


def test_the_next_page_begins_behind_the_last_document() -> None:
    documents = [{"_id": f"ver_{number}", "storedAt": Timestamp(number, 0)} for number in range(PAGE_ROWS)]

    assert behind(documents, STAMPED) == ChangePosition("storedAt", Timestamp(PAGE_ROWS - 1, 0), f"ver_{PAGE_ROWS - 1}")
    assert behind(documents[:-1], STAMPED) is None
    assert behind([], STAMPED) is None


def test_a_document_with_an_id_that_is_no_text_ends_no_page() -> None:
    documents = [{"_id": f"ver_{number}", "storedAt": Timestamp(number, 0)} for number in range(PAGE_ROWS - 1)]

    assert behind([*documents, {"_id": 7, "storedAt": Timestamp(PAGE_ROWS, 0)}], STAMPED) == ChangePosition(
        "storedAt", Timestamp(PAGE_ROWS - 2, 0), f"ver_{PAGE_ROWS - 2}"
    )


async def test_what_was_changed_since_is_found_with_and_without_a_stamp(store: Store) -> None:
    now = datetime.now(UTC)
    old = stamp(now - timedelta(days=1))
    late, unstamped, long_ago = a_verification(), a_verification(at=now), a_verification()
    await store.collection.insert_many(
        [encode(late) | {"storedAt": stamp(now - STAMPING / 2)}, encode(unstamped) | {"storedAt": old}, encode(long_ago) | {"storedAt": old}]
    )

    found = [document["_id"] async for document in store.collection.find(changed_since(now)).sort("_id")]

    assert found == sorted([late.id, unstamped.id])
    assert [it.id async for it in store.within("acme").changed_since(now, Filter())] == [late.id, unstamped.id]


async def test_changes_are_found_without_their_indexes(store: Store) -> None:
    began, added = await ping(store.database), await store.within("acme").add(a_verification())
    await store.collection.drop_indexes()

    assert [it async for it in store.within("acme").changed_since(began, Filter())] == [added]
