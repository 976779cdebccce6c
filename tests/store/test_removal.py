"""Tests that everything that is stored about a verification is deleted with it, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from store.feeds.tombstones import MARGIN
from store.indexes import DELIVERIES, INBOX, PROVIDER_QUERIES, TOMBSTONES, UNFINISHED_STARTS
from store.queues.deliveries import NewEvents, StoredDeliveries
from store.queues.starts import Starts
from store.verifications import Stale, Store, Verifications
from tests.clock import Clock
from tests.factories import NOON, a_provider, a_verification
from tests.histories import noted
from tests.store.test_inbox import a_webhook

BELONGING = (DELIVERIES, UNFINISHED_STARTS, PROVIDER_QUERIES, INBOX)


@pytest.fixture
def clock() -> Clock:
    """A clock that starts at the real time. With an earlier clock, MongoDB, which uses its own clock, would delete tombstones too soon."""
    return Clock(datetime.now(UTC).replace(microsecond=0))


async def with_entries(store: Store, workspace: str, id: str, event_id: str) -> None:
    """Store a verification, and an entry about it in every other collection that has such entries."""
    verification = await store.within(workspace).add(a_verification(id=id, workspace=workspace, provider=a_provider(event_id)))
    await StoredDeliveries(store).record(workspace, [NewEvents(id, 1, 0, NOON)])
    await Starts(store).add(workspace, id)
    await store.database[PROVIDER_QUERIES].insert_one({"_id": id, "workspace": workspace, "at": NOON, "tries": 0})
    assert await store.inbox.add(a_webhook(event_id, workspace, provider_id=verification.provider.id, received_at=store.now()), 5)


async def entries(store: Store) -> dict[str, list[str]]:
    """The ids of the entries about verifications, by collection."""
    return {name: [found["_id"] async for found in store.database[name].find().sort("_id")] for name in BELONGING}


async def test_entries_about_a_removed_verification_are_deleted_with_it(store: Store, verifications: Verifications) -> None:
    await with_entries(store, "acme", "ver_1", "event-1")
    await with_entries(store, "acme", "ver_2", "event-2")
    await with_entries(store, "other", "ver_3", "event-1")
    removed = await verifications.get("ver_1")
    assert removed

    await verifications.remove(removed)

    left = ["ver_2", "ver_3"]
    assert await entries(store) == {DELIVERIES: left, UNFINISHED_STARTS: left, PROVIDER_QUERIES: left, INBOX: ["acme/event-2", "other/event-1"]}


async def test_nothing_is_deleted_if_one_of_the_verifications_changed(store: Store, verifications: Verifications) -> None:
    for number in (1, 2):
        await with_entries(store, "acme", f"ver_{number}", f"event-{number}")
    first, second = [await verifications.require(id) for id in ("ver_1", "ver_2")]
    before = await entries(store)
    await verifications.replace(second, noted(second, "faster"))

    with pytest.raises(Stale):
        await verifications.remove(first, second)

    assert await entries(store) == before
    assert await verifications.get("ver_1") == first
    assert await store.database[TOMBSTONES].count_documents({}) == 0


async def test_a_verification_that_another_transaction_changes_is_not_removed_now(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    async with await store.client.start_session() as session:
        session.start_transaction()
        await store.collection.update_one({"_id": added.id}, {"$set": {"reference": "order-9"}}, session=session)

        with pytest.raises(Stale):
            await verifications.remove(added)

        await session.abort_transaction()
    await verifications.remove(added)
    assert await verifications.get(added.id) is None


async def test_the_tombstone_outlives_the_cursors_of_feeds(store: Store, verifications: Verifications, clock: Clock) -> None:
    removed = await verifications.add(a_verification(id="ver_1"))

    await verifications.remove(removed)

    [found] = await store.database[TOMBSTONES].find().to_list(None)
    assert found["expiresAt"] - clock.now == store.resumption + MARGIN > timedelta(days=1)
