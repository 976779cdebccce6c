"""The live feed: which listener receives which changes, and when."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import bson
import pytest
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError

from domain.errors import Lagged, NotFound, Unavailable
from domain.event import Progress
from domain.filter import Filter, Order
from domain.verification import Verification
from store.driver import Document, ping
from store.feed import Feed
from store.indexes import HEARTBEATS, VERIFICATIONS
from store.listener import Change
from store.pages import PageRequest
from store.verifications import Store, Verifications
from tests.factories import FAILED_RESULT, VERIFIED_RESULT, WINDOWS, a_final_verification, a_verification, later, retried
from tests.histories import noted, versions
from tests.storing import GENEROUS_SECONDS, a_feed, encode, feeding, next_change, until

WRITES = 6


async def followed(feed: Feed, verifications: Verifications, id: str) -> list[int]:
    """Follow a verification as a subscriber does: listen, read the current state, and receive the changes until the outcome.

    Returns the versions of all received events.
    """
    with feed.listen(verifications.workspace, id=id) as listener:
        current = await verifications.require(id)
        received = versions(current)
        while not current.status.final:
            current = await next_change(listener, newer_than=received[-1])
            received += [event.version for event in current.events_after(received[-1])]
    return received


async def write_until_outcome(verifications: Verifications, id: str, pauses: list[float]) -> None:
    """Add events to a verification, with pauses between them, and then its outcome."""
    for pause in pauses:
        await verifications.change(id, lambda it, at: noted(it, "event", at))
        await asyncio.sleep(pause)
    await verifications.change(id, lambda it, at: it.concluded(VERIFIED_RESULT, at))


async def caught_up(feed: Feed, store: Store) -> None:
    """Wait until the feed has received all earlier writes."""
    with feed.listen("caught-up") as listener:
        last = await store.within("caught-up").add(a_verification(workspace="caught-up"))
        await next_change(listener, lambda it: it.id == last.id)


async def test_a_subscriber_receives_every_event_exactly_once_whenever_it_starts(feed: Feed, verifications: Verifications) -> None:
    chance = random.Random(27)

    async def subscribe_during_writes() -> list[int]:
        added = await verifications.add(a_verification())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write_until_outcome(verifications, added.id, [chance.uniform(0, 0.02) for _ in range(WRITES)]))
            await asyncio.sleep(chance.uniform(0, 0.02 * WRITES))
            return await followed(feed, verifications, added.id)

    received = await asyncio.gather(*(subscribe_during_writes() for _ in range(60)))

    assert received == [[*range(1, WRITES + 3)]] * 60
    assert feed.subscribers == 0


async def test_a_burst_of_changes_arrives_with_all_events(feed: Feed, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    following = asyncio.create_task(followed(feed, verifications, added.id))
    await until(lambda: feed.subscribers == 1)

    await asyncio.gather(*(verifications.change(added.id, lambda it, at: noted(it, "event", at)) for _ in range(199)))
    await verifications.change(added.id, lambda it, at: it.concluded(VERIFIED_RESULT, at))

    assert await following == [*range(1, 202)]


async def test_each_change_is_delivered_as_it_was_written(feed: Feed, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    await caught_up(feed, store)

    with feed.listen("acme", id=added.id) as listener:
        changed = await verifications.change(added.id, lambda it, at: it.progressed(Progress.LINK_OPENED, WINDOWS, at))

        assert await listener.changes(GENEROUS_SECONDS) == [Change(changed, 1)]


async def test_a_workspace_receives_all_its_verifications_and_no_others(feed: Feed, store: Store) -> None:
    with feed.listen("acme") as ours, feed.listen("other") as theirs:
        first = await store.within("acme").add(a_verification())
        foreign = await store.within("other").add(a_verification(workspace="other"))
        second = await store.within("acme").add(a_verification())
        await caught_up(feed, store)

        assert [change.verification for change in await ours.changes(GENEROUS_SECONDS)] == [first, second]
        assert [change.verification for change in await theirs.changes(GENEROUS_SECONDS)] == [foreign]


async def test_a_verification_is_delivered_to_its_own_workspace_only(feed: Feed, store: Store) -> None:
    with feed.listen("other", id="ver_1") as theirs, feed.listen("acme", id="ver_1") as ours, feed.listen("acme", id="ver_2") as another:
        added = await store.within("acme").add(a_verification(id="ver_1"))
        await caught_up(feed, store)

        assert [change.verification for change in await ours.changes(GENEROUS_SECONDS)] == [added]
        assert await theirs.changes(timeout_seconds=0) == []
        assert await another.changes(timeout_seconds=0) == []


async def test_a_chain_receives_all_its_attempts_and_no_others(feed: Feed, store: Store, verifications: Verifications) -> None:
    failed = await verifications.add(a_final_verification(id="ver_1"))

    with (
        feed.listen("acme", chain="ver_1") as ours,
        feed.listen("acme", chain="ver_2") as another,
        feed.listen("other", chain="ver_1") as theirs,
    ):
        retry = await verifications.retry(failed.id, retried)
        before = await verifications.require(failed.id)
        await verifications.add(a_verification())
        await caught_up(feed, store)

        assert {change.verification.id: change.verification for change in await ours.changes(GENEROUS_SECONDS)} == {"ver_1": before, retry.id: retry}
        assert await another.changes(timeout_seconds=0) == []
        assert await theirs.changes(timeout_seconds=0) == []


async def test_all_listeners_of_a_verification_receive_its_changes(feed: Feed, verifications: Verifications) -> None:
    with feed.listen("acme") as one, feed.listen("acme") as two, feed.listen("acme", id="ver_1") as three:
        added = await verifications.add(a_verification(id="ver_1"))

        assert [await next_change(listener) for listener in (one, two, three)] == [added] * 3


async def test_a_listener_is_removed_when_its_context_ends(feed: Feed) -> None:
    with feed.listen("acme"), feed.listen("acme"), feed.listen("acme", id="ver_1"), feed.listen("acme", chain="ver_1"):
        assert feed.subscribers == 4

    with pytest.raises(ZeroDivisionError), feed.listen("acme"):
        raise ZeroDivisionError
    assert feed.subscribers == 0
    assert not feed._listeners.values()
    assert not feed._listeners._topics
    assert not feed._listeners._attempts


@pytest.mark.parametrize("update", [{"$set": {"reference": "order-9"}}, [{"$set": {"reference": {"$concat": ["order-", "9"]}}}]])
async def test_an_update_by_another_program_is_delivered(
    feed: Feed, store: Store, verifications: Verifications, update: dict[str, object] | list[dict[str, object]]
) -> None:
    added = await verifications.add(a_verification())
    await caught_up(feed, store)

    with feed.listen("acme", id=added.id) as listener:
        await store.collection.update_one({"_id": added.id}, update)

        await next_change(listener, lambda it: it.reference == "order-9")


async def test_an_event_added_by_another_program_is_delivered(feed: Feed, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    after = encode(noted(added, "foreign", later(minutes=1)))

    with feed.listen("acme", id=added.id) as listener:
        await store.collection.update_one(
            {"_id": added.id}, {"$set": {"version": 2, "updatedAt": later(minutes=1)}, "$push": {"events": after["events"][1]}}
        )

        assert versions(await next_change(listener, newer_than=1)) == [1, 2]


async def test_no_older_version_follows_one_that_was_read_from_the_database(
    feed: Feed, store: Store, verifications: Verifications, mongo: MongoClient[Document]
) -> None:
    added = await verifications.add(a_verification())
    second = noted(added, "event", later(minutes=1))
    third = noted(second, "event", later(minutes=2))
    await caught_up(feed, store)
    database = mongo[store.database.name]

    with feed.listen("acme") as listener:
        # These writes use a blocking client, so that the feed receives none of them before all are made. The change stream reports the update without
        # the document. So the feed reads the document, which has version 3, and only then receives the heartbeat and version 2 from the stream.
        database[VERIFICATIONS].update_one({"_id": added.id}, {"$set": {"unknown": 1}})
        database[HEARTBEATS].replace_one({"_id": feed._name}, {"beat": feed._last_heartbeat, "at": later()}, upsert=True)
        for changed in (second, third):
            database[VERIFICATIONS].replace_one({"_id": added.id}, encode(changed))
        last = encode(a_verification())
        database[VERIFICATIONS].insert_one(last)

        received: list[int] = []
        async with asyncio.timeout(GENEROUS_SECONDS):
            while True:
                changed_now = [change.verification for change in await listener.changes()]
                received += [each.version for each in changed_now if each.id == added.id]
                if any(each.id == last["_id"] for each in changed_now):
                    break

    assert received == sorted(set(received)), "an older version follows a newer one"
    assert received[-1] == 3


DAMAGED: list[Document] = [
    {},
    {"workspace": "acme", "chain": "ver_1", "version": 2},
    {"workspace": "acme", "version": "2"},
    {"workspace": {}, "chain": [], "version": 2},
    {"version": 2},
    encode(a_verification(id="ver_1")) | {"status": "unheard of"},
    encode(a_verification(id="ver_1")) | {"events": None, "version": 3},
    encode(a_verification(id="ver_1")) | {"provider": "sandbox", "idempotency": "key-1", "version": 4},
    encode(a_verification(id="ver_1")) | {"version": None},
    encode(a_verification(id="ver_1")) | {"extracted": 7},
    encode(a_verification(id="ver_1")) | {"createdAt": DatetimeMS(2**62)},
]


@pytest.mark.parametrize("id", ["ver_1", 7, {"not": "hashable"}])
async def test_a_damaged_document_does_not_end_the_feed(feed: Feed, store: Store, id: object) -> None:
    with feed.listen("acme") as everything, feed.listen("acme", id="ver_1"), feed.listen("acme", chain="ver_1"):
        for damaged in DAMAGED:
            await store.collection.replace_one({"_id": id}, damaged | {"_id": id}, upsert=True)
        await store.collection.update_one({"_id": id}, {"$set": {"reference": "order-9"}})
        await store.collection.delete_one({"_id": id})
        added = await store.within("acme").add(a_verification(id="ver_2"))

        await next_change(everything, lambda it: it.id == added.id)


async def test_heartbeats_arrive_through_the_change_stream(feed: Feed, store: Store) -> None:
    await until(lambda: feed.age_seconds is not None)
    before, heartbeat = feed.watermark, await store.database[HEARTBEATS].find_one()

    await until(lambda: feed.watermark > before)

    assert heartbeat
    assert await store.database[HEARTBEATS].count_documents({}) == 1
    assert feed.age_seconds is not None
    assert feed.age_seconds < GENEROUS_SECONDS


async def test_the_watermark_is_mongodbs_time(feed: Feed, store: Store) -> None:
    assert abs(feed.watermark - await ping(store.database)) < timedelta(seconds=GENEROUS_SECONDS)


async def test_the_watermark_never_passes_an_undelivered_change(feed: Feed, store: Store, verifications: Verifications) -> None:
    with feed.listen("acme") as listener:
        added = await verifications.add(a_verification())
        written_at = await ping(store.database)

        await until(lambda: feed.watermark > written_at)

        assert [change.verification for change in await listener.changes(0)] == [added]


async def test_a_feed_that_is_not_running_is_unavailable(database_uri: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.feed.OPENING_SECONDS", 0.05)

    async with a_feed(database_uri, store) as feed:
        assert feed.age_seconds is None
        with pytest.raises(Unavailable):
            await feed.opened()
        with pytest.raises(Unavailable):
            _ = feed.watermark


async def test_a_listener_receives_changes_made_before_the_stream_opened(database_uri: str, store: Store, verifications: Verifications) -> None:
    first, second = [await verifications.add(a_verification()) for _ in range(2)]

    async with a_feed(database_uri, store) as feed:
        with feed.listen("acme", id=first.id) as one, feed.listen("acme", chain=second.chain) as chain:
            changed = [await verifications.change(it.id, lambda it, at: it.concluded(FAILED_RESULT, at)) for it in (first, second)]
            async with feeding(feed):
                assert [await next_change(listener) for listener in (one, chain)] == changed


async def test_a_deletion_ends_the_followers_of_the_verification_and_reaches_nobody_else(
    feed: Feed, store: Store, verifications: Verifications
) -> None:
    first = await verifications.add(a_final_verification(id="ver_1"))
    retry = await verifications.retry(first.id, retried)
    await verifications.add(a_verification(id="ver_2"))
    foreign = await store.within("other").add(a_verification(workspace="other"))
    await caught_up(feed, store)

    with (
        feed.listen("acme", id=retry.id) as by_id,
        feed.listen("acme", chain=first.id) as by_chain,
        feed.listen("acme", id=first.id) as of_the_first,
        feed.listen("acme", id="ver_2") as another,
        feed.listen("other", id=foreign.id) as stranger,
        feed.listen("acme") as everything,
        feed.listen("other") as all_of_theirs,
    ):
        feed.register_attempts("acme", first.id, [first.id, retry.id])
        await store.collection.delete_one({"_id": retry.id})
        await caught_up(feed, store)

        for lost in (by_id, by_chain):
            with pytest.raises(NotFound, match=retry.id):
                await lost.changes(GENEROUS_SECONDS)
        for listener in (of_the_first, another, stranger, everything, all_of_theirs):
            assert await listener.changes(timeout_seconds=0) == []
            assert listener.removals() == []


async def test_a_verification_that_was_deleted_and_restored_is_delivered_again(feed: Feed, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification(id="ver_1"))
    opened = await verifications.change(added.id, lambda it, at: it.progressed(Progress.LINK_OPENED, WINDOWS, at))
    await caught_up(feed, store)

    with feed.listen("acme") as everything:
        for state in (opened, added):
            await store.collection.delete_one({"_id": added.id})
            await restored(store, state)
            # Wait until the feed has delivered the deletion, which would end a listener that begins before.
            await caught_up(feed, store)
            with feed.listen("acme", id=added.id) as by_id:
                changed = await verifications.change(added.id, lambda it, at: it.concluded(FAILED_RESULT, at))

                assert await next_change(by_id, newer_than=state.version) == changed
                assert await next_change(everything, newer_than=state.version) == changed


async def restored(store: Store, verification: Verification) -> None:
    """Insert a verification again, as the restore of a backup does."""
    await store.collection.insert_one(encode(verification))


async def dropped(store: Store) -> None:
    """Drop the collection of verifications."""
    await store.collection.drop()


async def renamed(store: Store) -> None:
    """Rename the collection of verifications."""
    await store.collection.rename("set_aside")


async def database_dropped(store: Store) -> None:
    """Drop the database, which ends the change stream."""
    await store.client.drop_database(store.database.name)


@pytest.mark.parametrize("disruption", [dropped, renamed, database_dropped])
async def test_the_feed_continues_after_its_collection_disappeared(
    feed: Feed, store: Store, verifications: Verifications, disruption: Callable[[Store], Awaitable[None]]
) -> None:
    added = await verifications.add(a_verification(at=datetime.now(UTC)))
    opened = added.progressed(Progress.LINK_OPENED, WINDOWS, datetime.now(UTC))

    await caught_up(feed, store)
    with feed.listen("acme") as before, feed.listen("other") as theirs:
        await disruption(store)
        for ended in (before, theirs):
            with pytest.raises(Lagged, match="all verifications were replaced"):
                await next_change(ended)

    # The collection of heartbeats may be gone too. Wait until the feed has noticed that.
    beat = feed.heartbeats[0]
    await until(lambda: feed.heartbeats[1] >= beat + 2)
    with feed.listen("acme") as listener:
        await restored(store, added)
        await verifications.replace(added, opened)

        assert await next_change(listener, newer_than=1) == opened


@pytest.mark.parametrize("disruption", [dropped, renamed, database_dropped])
async def test_followers_end_if_their_collection_disappeared(
    feed: Feed, store: Store, verifications: Verifications, disruption: Callable[[Store], Awaitable[None]]
) -> None:
    added = await verifications.add(a_verification())
    await caught_up(feed, store)

    with feed.listen("acme", id=added.id) as by_id, feed.listen("acme", chain=added.chain) as by_chain:
        await disruption(store)

        for ended in (by_id, by_chain):
            with pytest.raises(NotFound, match=added.id):
                await next_change(ended, newer_than=1)


async def test_followers_of_a_verification_in_a_collection_that_replaced_theirs_are_warned(
    feed: Feed, store: Store, verifications: Verifications
) -> None:
    added = await verifications.add(a_verification())
    await store.database["restored"].insert_one(encode(added))
    await caught_up(feed, store)

    with feed.listen("acme", id=added.id) as by_id:
        await store.database["restored"].rename("verifications", dropTarget=True)
        async with asyncio.timeout(GENEROUS_SECONDS):
            [change] = await by_id.changes()

    assert (change.verification, change.restored) == (added, 0)


async def test_followers_are_warned_if_the_database_forgot_an_acknowledged_heartbeat(feed: Feed, store: Store, verifications: Verifications) -> None:
    """The stored heartbeat is replaced by an earlier one, as if a backup of the data files was restored, which the change stream does not report."""
    added = await verifications.add(a_verification())
    await caught_up(feed, store)
    beat = feed.heartbeats[1]

    with feed.listen("acme", id=added.id) as by_id, feed.listen("acme") as everything:
        await store.database[HEARTBEATS].update_one({"_id": feed._name}, {"$set": {"beat": beat - 1}})
        with pytest.raises(Lagged):
            await next_change(everything, newer_than=1)
        async with asyncio.timeout(GENEROUS_SECONDS):
            [change] = await by_id.changes()

    assert change.restored == 0


async def test_a_heartbeat_that_arrives_late_does_not_replace_a_later_one(feed: Feed, store: Store) -> None:
    await caught_up(feed, store)
    stored = await store.database[HEARTBEATS].find_one({"_id": feed._name})
    assert stored

    with pytest.raises(DuplicateKeyError):
        await feed._exchange_heartbeat({"beat": stored["beat"] - 1, "at": stored["at"]})


async def test_text_that_is_not_utf_8_is_read_with_replacement_characters(feed: Feed, store: Store) -> None:
    document = encode(a_verification(id="ver_1", reference="broken-text"))

    with feed.listen("acme") as listener:
        await store.collection.insert_one(RawBSONDocument(bson.encode(document).replace(b"broken-text", b"broke\xff-text")))
        through_the_feed = await next_change(listener)

    page = await store.within("acme").page(Filter(), PageRequest(Order.CREATED_NEWEST, 10))
    alone, with_key = await store.within("acme").get("ver_1"), await store.collection.find_one({"_id": "ver_1"})
    assert alone
    assert with_key
    assert [it.reference for it in (through_the_feed, *page.rows, alone)] == ["broke\ufffd-text"] * 3
    assert with_key["reference"] == "broke\ufffd-text"


async def test_unreadable_documents_are_left_out_of_the_changes(feed: Feed, store: Store, verifications: Verifications) -> None:
    added = [await verifications.add(a_verification()) for _ in range(3)]
    await store.collection.update_one({"_id": added[1].id}, {"$set": {"status": "suspended"}})

    found = [it.id async for it in verifications.changed_since(await ping(store.database), Filter())]

    assert found == [added[0].id, added[2].id]
    assert store.bad_documents.count >= 1


async def test_a_page_without_readable_documents_does_not_end_the_changes(
    store: Store, verifications: Verifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.feeds.stored_changes.PAGE_ROWS", 2)
    added = [await verifications.add(a_verification()) for _ in range(6)]
    await store.collection.update_many({"_id": {"$in": [it.id for it in added[:4]]}}, {"$set": {"status": "suspended"}})

    assert [it.id async for it in verifications.changed_since(await ping(store.database), Filter())] == [added[4].id, added[5].id]
