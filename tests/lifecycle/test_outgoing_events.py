"""Tests that the events of a workspace are recorded, whatever happens to the process, to the change stream, or to the writers' clocks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from domain.delivery import WebhookDelivery
from domain.event import Progress
from domain.verification import Verification
from lifecycle import outgoing_events
from lifecycle.outgoing_events import OutgoingEvents
from store.driver import Document
from store.feed import Feed
from store.feeds.delivery_positions import READING_LEASE, DeliveryPositions
from store.indexes import DELIVERIES, DELIVERY_POSITIONS
from store.queues.deliveries import StoredDeliveries
from store.verifications import Store, utc_now
from tests.clock import Clock
from tests.factories import VERIFIED_RESULT, WINDOWS, a_verification
from tests.storing import a_feed, encode, feeding


@pytest.fixture
def clock() -> Clock:
    """A clock that is a minute ahead of MongoDB's clock. So all events by this clock are later than the time at which the deliveries begin."""
    return Clock(utc_now() + timedelta(minutes=1))


@asynccontextmanager
async def recording_events(store: Store, feed: Feed, owner: str = "this process", leaves: bool = True) -> AsyncIterator[None]:
    """A context in which a process records the events of the workspace `acme`. Without `leaves`, it keeps its lease at the end, as after a crash."""
    positions = DeliveryPositions(store.database, store.now, owner)
    events = OutgoingEvents(store, feed, StoredDeliveries(store), positions, "acme", lambda: None)
    running = asyncio.create_task(events.run())
    try:
        async with asyncio.timeout(30):
            while not await store.database[DELIVERY_POSITIONS].count_documents({"_id": "acme"}) or not feed.subscribers:
                await asyncio.sleep(0.01)
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if not leaves:
            await store.database[DELIVERY_POSITIONS].update_one({"_id": "acme"}, {"$set": {"by": owner, "until": store.now() + READING_LEASE}})


async def recorded(store: Store, id: str, condition: Callable[[WebhookDelivery], bool] = lambda found: True) -> WebhookDelivery:
    """Wait until the events of a verification are recorded and meet the condition. The test fails if that takes too long."""
    async with asyncio.timeout(30):
        while not ((found := await StoredDeliveries(store).get(id)) and condition(found)):
            await asyncio.sleep(0.02)
    return found


async def position(store: Store) -> Document:
    """The stored position of the workspace `acme`."""
    found = await store.database[DELIVERY_POSITIONS].find_one({"_id": "acme"})
    assert found
    return found


def opened(old: Verification, now: datetime) -> Verification:
    """The verification after its link was opened."""
    return old.progressed(Progress.LINK_OPENED, WINDOWS, now)


async def test_a_change_is_recorded_once(store: Store, feed: Feed) -> None:
    async with recording_events(store, feed):
        verification = await store.within("acme").add(a_verification(at=store.now()))
        stranger = await store.within("other").add(a_verification(workspace="other", at=store.now()))
        first = await recorded(store, verification.id)
        await store.within("acme").change(verification.id, opened)
        second = await recorded(store, verification.id, lambda found: found.version == 2)

    assert (first.version, first.settled, second.settled) == (1, 0, 0)
    assert await StoredDeliveries(store).get(stranger.id) is None


async def test_only_events_after_the_beginning_are_recorded(store: Store, feed: Feed) -> None:
    long_ago = utc_now() - timedelta(hours=1)
    before = await store.within("acme").add(a_verification(at=long_ago))
    silent = await store.within("acme").add(a_verification(at=long_ago))
    # The deliveries of a workspace begin at the time of the last heartbeat, rounded down to seconds. Wait until that time is later than the events
    # above, which must not be delivered.
    await asyncio.sleep(2.5)
    async with recording_events(store, feed):
        await store.within("acme").change(before.id, opened)
        await store.within("acme").change(before.id, lambda old, now: old.concluded(VERIFIED_RESULT, now))
        found = await recorded(store, before.id, lambda found: found.version == 3)

    assert found.settled == 1
    assert await StoredDeliveries(store).get(silent.id) is None


async def test_changes_while_no_process_runs_are_recorded_later(store: Store, database_uri: str) -> None:
    async with a_feed(database_uri, store) as feed, feeding(feed), recording_events(store, feed):
        pass
    async with a_feed(database_uri, store) as feed:
        verification = await store.within("acme").add(a_verification(at=store.now()))
        await store.within("acme").change(verification.id, opened)
        async with feeding(feed), recording_events(store, feed):
            found = await recorded(store, verification.id)

    assert (found.version, found.settled) == (2, 0)


async def test_another_process_takes_over_when_the_lease_has_ended(store: Store, feed: Feed, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing_events, "PAUSE_SECONDS", 0.05)
    async with recording_events(store, feed, "first", leaves=False):
        pass
    verification = await store.within("acme").add(a_verification(at=store.now()))
    second = OutgoingEvents(store, feed, StoredDeliveries(store), DeliveryPositions(store.database, store.now, "second"), "acme", lambda: None)
    running = asyncio.create_task(second.run())
    try:
        await asyncio.sleep(1)
        assert await StoredDeliveries(store).get(verification.id) is None

        clock.now += READING_LEASE
        await recorded(store, verification.id)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_position_moves_behind_what_was_recorded(store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing_events, "RENEWAL_SECONDS", 0.2)
    async with recording_events(store, feed):
        began = (await position(store))["at"]
        async with asyncio.timeout(30):
            while (await position(store))["at"] <= began + timedelta(seconds=1):
                await asyncio.sleep(0.05)

        assert (await position(store))["at"] <= feed.watermark
        assert (await position(store))["since"] == began


async def test_the_position_stays_while_nothing_can_be_recorded(store: Store, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing_events, "RENEWAL_SECONDS", 0.2)
    monkeypatch.setattr(outgoing_events, "PAUSE_SECONDS", 0.05)
    async with recording_events(store, feed):
        # MongoDB refuses every write to the deliveries from now on.
        await store.database.command("collMod", DELIVERIES, validator={"impossible": {"$exists": True}})
        verification = await store.within("acme").add(a_verification(at=store.now()))
        await asyncio.sleep(1)
    held = (await position(store))["at"]
    document = await store.collection.find_one({"_id": verification.id})
    await store.database.command("collMod", DELIVERIES, validator={})
    async with recording_events(store, feed):
        await recorded(store, verification.id)

    assert document
    assert held <= document["storedAt"].as_datetime() + timedelta(seconds=1)


async def test_a_write_with_an_earlier_stamp_is_recorded(store: Store, feed: Feed) -> None:
    """A write may be stamped long before it is committed. So a process that begins also reads changes from before its position."""
    async with recording_events(store, feed):
        pass
    now = utc_now()
    await store.database[DELIVERY_POSITIONS].update_one({"_id": "acme"}, {"$set": {"since": now - timedelta(hours=1), "at": now}})
    late = a_verification(at=now - timedelta(seconds=90))
    document = encode(late)
    # Write the document with a stamp of 90 seconds ago, as if MongoDB had stamped the write then, and committed it only now.
    stamp = document.pop("storedAt").__class__(int((now - timedelta(seconds=90)).timestamp()), 1)
    identifier = document.pop("_id")
    await store.collection.update_one({"_id": identifier}, {"$set": {**document, "storedAt": stamp}}, upsert=True)

    async with recording_events(store, feed):
        await recorded(store, late.id)


async def test_changes_behind_a_gap_in_the_stream_are_recorded(store: Store, feed: Feed) -> None:
    async with recording_events(store, feed):
        verification = await store.within("acme").add(a_verification(at=store.now()))
        await recorded(store, verification.id)
        # Act as if the oplog were lost: the change stream does not deliver version 2 to the listeners, and then the feed reads the database again.
        feed._versions_read[verification.id] = 2
        await store.within("acme").change(verification.id, opened)
        await asyncio.sleep(0.5)
        await feed._read_again(replaced=False)
        await recorded(store, verification.id, lambda found: found.version == 2)


async def test_the_deliveries_of_a_removed_verification_are_deleted(store: Store, feed: Feed) -> None:
    async with recording_events(store, feed):
        verification = await store.within("acme").add(a_verification(at=store.now()))
        await recorded(store, verification.id)
        await store.within("acme").remove(verification)
        async with asyncio.timeout(30):
            while await StoredDeliveries(store).get(verification.id):
                await asyncio.sleep(0.02)
