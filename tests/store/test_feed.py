"""The live status: who is told what, and when."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import bson
import pytest
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument

from domain.errors import Unavailable
from domain.event import Progress
from domain.filter import Filter, Order
from domain.verification import Verification
from store.driver import Document, ping
from store.feed import OVERLAP, Feed, version_at
from store.indexes import HEARTBEATS
from store.listener import Change
from store.pages import PageRequest
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.factories import FAILED_RESULT, VERIFIED_RESULT, WINDOWS, a_final_verification, a_verification, later, retried
from tests.histories import noted, versions
from tests.storing import GENEROUS_SECONDS, a_feed, encode, feeding, next_change, until

WRITES = 6


async def followed(feed: Feed, verifications: Verifications, id: str) -> list[int]:
    """The versions of all events that a subscriber sees of a verification until its outcome: listen, read, go on live."""
    with feed.listen(verifications.workspace, id=id) as listener:
        current = await verifications.require(id)
        seen = versions(current)
        while not current.status.final:
            current = await next_change(listener, newer_than=seen[-1])
            seen += [event.version for event in current.events_after(seen[-1])]
    return seen


async def written(verifications: Verifications, id: str, pauses: list[float]) -> None:
    """Write to a verification, with pauses, up to its outcome."""
    for pause in pauses:
        await verifications.change(id, lambda it, at: noted(it, "event", at))
        await asyncio.sleep(pause)
    await verifications.change(id, lambda it, at: it.concluded(VERIFIED_RESULT, at))


async def quiet(feed: Feed, store: Store) -> None:
    """Wait until the feed has heard of all that was written so far."""
    with feed.listen("quiet") as listener:
        last = await store.within("quiet").add(a_verification(workspace="quiet"))
        await next_change(listener, lambda it: it.id == last.id)


async def test_a_subscriber_loses_and_doubles_nothing_whenever_it_comes(feed: Feed, verifications: Verifications) -> None:
    chance = random.Random(27)

    async def once() -> list[int]:
        added = await verifications.add(a_verification())
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(written(verifications, added.id, [chance.uniform(0, 0.02) for _ in range(WRITES)]))
            await asyncio.sleep(chance.uniform(0, 0.02 * WRITES))
            return await followed(feed, verifications, added.id)

    seen = await asyncio.gather(*(once() for _ in range(60)))

    assert seen == [[*range(1, WRITES + 3)]] * 60
    assert feed.subscribers == 0


async def test_a_burst_of_changes_arrives_complete_however_few_the_messages(feed: Feed, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    following = asyncio.create_task(followed(feed, verifications, added.id))
    await until(lambda: feed.subscribers == 1)

    await asyncio.gather(*(verifications.change(added.id, lambda it, at: noted(it, "event", at)) for _ in range(199)))
    await verifications.change(added.id, lambda it, at: it.concluded(VERIFIED_RESULT, at))

    assert await following == [*range(1, 202)]


async def test_each_change_is_told_as_it_was_written(feed: Feed, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    await quiet(feed, store)

    with feed.listen("acme", id=added.id) as listener:
        changed = await verifications.change(added.id, lambda it, at: it.progressed(Progress.LINK_OPENED, WINDOWS, at))

        assert await listener.changes(GENEROUS_SECONDS) == [Change(changed, 1)]


async def test_a_workspace_hears_of_all_its_verifications_and_of_no_other(feed: Feed, store: Store) -> None:
    with feed.listen("acme") as ours, feed.listen("other") as theirs:
        first = await store.within("acme").add(a_verification())
        foreign = await store.within("other").add(a_verification(workspace="other"))
        second = await store.within("acme").add(a_verification())
        await quiet(feed, store)

        assert [change.verification for change in await ours.changes(GENEROUS_SECONDS)] == [first, second]
        assert [change.verification for change in await theirs.changes(GENEROUS_SECONDS)] == [foreign]


async def test_one_verification_is_told_to_its_own_workspace_only(feed: Feed, store: Store) -> None:
    with feed.listen("other", id="ver_1") as theirs, feed.listen("acme", id="ver_1") as ours, feed.listen("acme", id="ver_2") as another:
        added = await store.within("acme").add(a_verification(id="ver_1"))
        await quiet(feed, store)

        assert [change.verification for change in await ours.changes(GENEROUS_SECONDS)] == [added]
        assert await theirs.changes(timeout_seconds=0) == []
        assert await another.changes(timeout_seconds=0) == []


async def test_a_chain_hears_of_all_its_attempts_and_of_no_other(feed: Feed, store: Store, verifications: Verifications) -> None:
    failed = await verifications.add(a_final_verification(id="ver_1"))

    with (
        feed.listen("acme", chain="ver_1") as ours,
        feed.listen("acme", chain="ver_2") as another,
        feed.listen("other", chain="ver_1") as theirs,
    ):
        retry = await verifications.retry(failed.id, retried)
        before = await verifications.require(failed.id)
        await verifications.add(a_verification())
        await quiet(feed, store)

        assert {change.verification.id: change.verification for change in await ours.changes(GENEROUS_SECONDS)} == {"ver_1": before, retry.id: retry}
        assert await another.changes(timeout_seconds=0) == []
        assert await theirs.changes(timeout_seconds=0) == []


async def test_all_who_listen_to_the_same_are_told(feed: Feed, verifications: Verifications) -> None:
    with feed.listen("acme") as one, feed.listen("acme") as two, feed.listen("acme", id="ver_1") as three:
        added = await verifications.add(a_verification(id="ver_1"))

        assert [await next_change(listener) for listener in (one, two, three)] == [added] * 3


async def test_whoever_stops_listening_is_forgotten(feed: Feed) -> None:
    with feed.listen("acme"), feed.listen("acme"), feed.listen("acme", id="ver_1"), feed.listen("acme", chain="ver_1"):
        assert feed.subscribers == 4

    with pytest.raises(ZeroDivisionError), feed.listen("acme"):
        raise ZeroDivisionError
    assert feed.subscribers == 0
    assert not feed._listeners


@pytest.mark.parametrize("update", [{"$set": {"reference": "order-9"}}, [{"$set": {"reference": {"$concat": ["order-", "9"]}}}]])
async def test_an_update_by_somebody_else_is_noticed(
    feed: Feed, store: Store, verifications: Verifications, update: dict[str, object] | list[dict[str, object]]
) -> None:
    added = await verifications.add(a_verification())
    await quiet(feed, store)

    with feed.listen("acme", id=added.id) as listener:
        await store.collection.update_one({"_id": added.id}, update)

        await next_change(listener, lambda it: it.reference == "order-9")


async def test_an_event_that_somebody_else_added_by_an_update_is_told(feed: Feed, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    after = encode(noted(added, "foreign", later(minutes=1)))

    with feed.listen("acme", id=added.id) as listener:
        await store.collection.update_one(
            {"_id": added.id}, {"$set": {"version": 2, "updatedAt": later(minutes=1)}, "$push": {"events": after["events"][1]}}
        )

        assert versions(await next_change(listener, newer_than=1)) == [1, 2]


SPOILED: list[Document] = [
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
async def test_a_document_that_somebody_else_spoiled_ends_nobodys_feed(feed: Feed, store: Store, id: object) -> None:
    with feed.listen("acme") as everything, feed.listen("acme", id="ver_1"), feed.listen("acme", chain="ver_1"):
        for spoiled in SPOILED:
            await store.collection.replace_one({"_id": id}, spoiled | {"_id": id}, upsert=True)
        await store.collection.update_one({"_id": id}, {"$set": {"reference": "order-9"}})
        await store.collection.delete_one({"_id": id})
        added = await store.within("acme").add(a_verification(id="ver_2"))

        await next_change(everything, lambda it: it.id == added.id)


async def test_a_heartbeat_comes_all_the_way_through(feed: Feed, store: Store) -> None:
    await until(lambda: feed.age_seconds is not None)
    before, heard = feed.watermark, await store.database[HEARTBEATS].find_one()

    await until(lambda: feed.watermark > before)

    assert heard
    assert await store.database[HEARTBEATS].count_documents({}) == 1
    assert feed.age_seconds is not None
    assert feed.age_seconds < GENEROUS_SECONDS


async def test_the_watermark_is_mongodbs_time(feed: Feed, store: Store) -> None:
    assert abs(feed.watermark - await ping(store.database)) < timedelta(seconds=GENEROUS_SECONDS)


async def test_the_watermark_is_never_newer_than_a_change_not_yet_told(feed: Feed, store: Store, verifications: Verifications) -> None:
    with feed.listen("acme") as listener:
        added = await verifications.add(a_verification())
        written = await ping(store.database)

        await until(lambda: feed.watermark > written)

        assert [change.verification for change in await listener.changes(0)] == [added]


async def test_a_feed_that_does_not_run_is_not_open(database_uri: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.feed.OPENING_SECONDS", 0.05)

    async with a_feed(database_uri, store) as feed:
        assert feed.age_seconds is None
        with pytest.raises(Unavailable):
            await feed.opened()
        with pytest.raises(Unavailable):
            _ = feed.watermark


async def test_what_changed_before_the_stream_was_open_is_told_to_who_listened(database_uri: str, store: Store, verifications: Verifications) -> None:
    first, second = [await verifications.add(a_verification()) for _ in range(2)]

    async with a_feed(database_uri, store) as feed:
        with feed.listen("acme", id=first.id) as one, feed.listen("acme", chain=second.chain) as chain:
            changed = [await verifications.change(it.id, lambda it, at: it.concluded(FAILED_RESULT, at)) for it in (first, second)]
            async with feeding(feed):
                assert [await next_change(listener) for listener in (one, chain)] == changed


async def upheaved(feed: Feed, store: Store) -> None:
    """Have the feed lose its certainty, in a collection that nobody reads."""
    await store.database["scratch"].insert_one({})
    await store.database["scratch"].drop()
    await quiet(feed, store)


async def test_whoever_listens_is_told_again_where_something_may_have_been_missed(
    feed: Feed, store: Store, verifications: Verifications, clock: Clock
) -> None:
    clock.now = datetime.now(UTC)
    first, second, third = [await verifications.add(a_verification(at=clock.now)) for _ in range(3)]
    foreign = await store.within("other").add(a_verification(workspace="other", at=clock.now))
    await quiet(feed, store)

    with (
        feed.listen("acme", id=first.id) as one,
        feed.listen("acme", chain=second.chain) as chain,
        feed.listen("acme") as everything,
        feed.listen("acme", id=foreign.id) as stranger,
    ):
        await upheaved(feed, store)

        assert [change.verification for change in await one.changes(GENEROUS_SECONDS)] == [first]
        assert [change.verification for change in await chain.changes(GENEROUS_SECONDS)] == [second]
        again = {change.verification.id: change for change in await everything.changes(GENEROUS_SECONDS)}
        assert again == {it.id: Change(it, 0) for it in (first, second, third)}
        assert await stranger.changes(timeout_seconds=0) == []


async def test_a_workspace_is_told_again_of_what_changed_lately_only(feed: Feed, store: Store, verifications: Verifications, clock: Clock) -> None:
    long_ago, lately = datetime.now(UTC) - 10 * OVERLAP, datetime.now(UTC)
    await verifications.add(a_verification(at=long_ago))
    changed = await verifications.add(a_verification(at=long_ago))
    clock.now = lately
    changed = await verifications.change(changed.id, lambda it, at: it.concluded(FAILED_RESULT, at))
    await quiet(feed, store)

    with feed.listen("acme") as everything:
        await upheaved(feed, store)

        assert await everything.changes(GENEROUS_SECONDS) == [Change(changed, 1)]


async def restored(store: Store, verification: Verification) -> None:
    """Put a verification back as a backup would."""
    await store.collection.insert_one(encode(verification))


async def dropped(store: Store) -> None:
    """The collection is gone."""
    await store.collection.drop()


async def renamed(store: Store) -> None:
    """The collection has another name."""
    await store.collection.rename("set_aside")


async def database_dropped(store: Store) -> None:
    """The database is gone, and with it the change stream."""
    await store.client.drop_database(store.database.name)


@pytest.mark.parametrize("upheaval", [dropped, renamed, database_dropped])
async def test_the_feed_goes_on_after_its_collection_is_gone(
    feed: Feed, store: Store, verifications: Verifications, upheaval: Callable[[Store], Awaitable[None]]
) -> None:
    added = await verifications.add(a_verification())
    opened = added.progressed(Progress.LINK_OPENED, WINDOWS, later(minutes=1))

    with feed.listen("acme", id=added.id) as listener:
        await upheaval(store)
        await restored(store, added)
        await verifications.replace(added, opened)

        assert await next_change(listener, newer_than=1) == opened


def test_the_version_that_stood_at_an_instant() -> None:
    verification = noted(noted(a_verification(), "first", later(minutes=1)), "second", later(minutes=2))

    assert [version_at(verification, later(minutes=minutes)) for minutes in (0, 1, 2, 3)] == [0, 1, 2, 3]


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


async def test_one_that_can_not_be_read_is_no_part_of_what_is_read_again(feed: Feed, store: Store, verifications: Verifications) -> None:
    added = [await verifications.add(a_verification()) for _ in range(3)]
    await store.collection.update_one({"_id": added[1].id}, {"$set": {"status": "suspended"}})

    found = [it.id async for it in verifications.updated_since(later(seconds=-1), Filter())]

    assert found == [added[0].id, added[2].id]
    assert store.bad_documents.count >= 1


async def test_a_page_of_nothing_that_can_be_read_ends_no_catching_up(
    store: Store, verifications: Verifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.verifications.CATCH_UP_ROWS", 2)
    added = [await verifications.add(a_verification()) for _ in range(6)]
    await store.collection.update_many({"_id": {"$in": [it.id for it in added[:4]]}}, {"$set": {"status": "suspended"}})

    assert [it.id async for it in verifications.updated_since(later(seconds=-1), Filter())] == [added[4].id, added[5].id]
