"""Tests of tombstones, by which feeds report verifications that the gateway removed."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import Lagged, NotFound
from domain.filter import Filter, Order
from store import verifications as store_verifications
from store.driver import ping
from store.feed import Feed
from store.feeds.stored_changes import STAMPING, stamp
from store.feeds.tombstones import MARGIN
from store.indexes import TOMBSTONES
from store.listener import Listener
from store.pages import PageRequest
from store.verifications import RESUMPTION, Stale, Store, Verifications
from tests.clock import Clock
from tests.factories import a_verification, an_anonymized_verification
from tests.histories import KEY, noted
from tests.storing import GENEROUS_SECONDS, encode, stored_documents


@pytest.fixture
def clock() -> Clock:
    """A clock that starts at the real time. With an earlier clock, MongoDB, which uses its own clock, would delete tombstones too soon."""
    return Clock(datetime.now(UTC).replace(microsecond=0))


async def test_a_removed_verification_is_gone_from_every_read(store: Store, verifications: Verifications) -> None:
    removed = await verifications.add(a_verification(idempotency=KEY))

    await verifications.remove(removed)

    assert await verifications.get(removed.id) is None
    assert await verifications.with_key(KEY.key) is None
    assert await verifications.chains([removed.chain]) == []
    assert (await verifications.page(Filter(), PageRequest(Order.CREATED_NEWEST, 10))).rows == ()
    assert (await verifications.count(Filter()), (await verifications.statistics(Filter())).total) == (0, 0)
    assert await stored_documents(store) == []


async def test_a_tombstone_holds_no_data_of_the_verification_and_outlives_the_cursors_of_feeds(
    store: Store, verifications: Verifications, clock: Clock
) -> None:
    began = stamp(await ping(store.database))
    removed = await verifications.add(a_verification(id="ver_1"))

    await verifications.remove(removed)

    [found] = await store.database[TOMBSTONES].find().to_list(None)
    assert found == {"_id": "ver_1", "workspace": "acme", "removedAt": found["removedAt"], "expiresAt": clock.now + RESUMPTION + MARGIN}
    assert found["removedAt"] >= began


async def test_a_verification_that_changed_meanwhile_is_not_removed_and_leaves_no_tombstone(store: Store, verifications: Verifications) -> None:
    read = await verifications.add(a_verification())
    changed = await verifications.replace(read, noted(read, "faster"))

    with pytest.raises(Stale):
        await verifications.remove(read)

    assert await verifications.get(read.id) == changed
    assert await store.database[TOMBSTONES].count_documents({}) == 0


async def test_of_concurrent_removals_one_succeeds(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())

    outcomes = await asyncio.gather(*(verifications.remove(added) for _ in range(5)), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", *["Stale"] * 4]
    assert await store.database[TOMBSTONES].count_documents({}) == 1


async def test_removals_since_then_are_found_in_their_workspace_only(store: Store, verifications: Verifications) -> None:
    began = await ping(store.database)
    for number in range(3):
        await verifications.remove(await verifications.add(a_verification(id=f"ver_{number}")))
    foreign = store.within("other")
    await foreign.remove(await foreign.add(a_verification(workspace="other")))

    assert await verifications.removed_since(began) == ["ver_0", "ver_1", "ver_2"]
    assert await verifications.removed_since(began + STAMPING + timedelta(seconds=60)) == []


async def test_too_many_removals_are_refused_as_lagged(store: Store, verifications: Verifications, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_verifications, "MAX_REMOVALS", 2)
    began = await ping(store.database)
    for expected in (1, 2):
        await verifications.remove(await verifications.add(a_verification()))
        assert len(await verifications.removed_since(began)) == expected

    await verifications.remove(await verifications.add(a_verification()))
    with pytest.raises(Lagged):
        await verifications.removed_since(began)


async def until_lost(listener: Listener) -> None:
    """Wait until the listener's subscription ends with NotFound."""
    with suppress(NotFound):
        while True:
            await listener.changes()


async def test_a_removal_reaches_the_feeds_of_its_workspace_and_ends_its_followers(feed: Feed, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(an_anonymized_verification(id="ver_1"))
    with (
        feed.listen("acme") as ours,
        feed.listen("other") as theirs,
        feed.listen("acme", id="ver_1") as by_id,
        feed.listen("acme", chain="ver_1") as by_chain,
        feed.listen("other", chain="ver_2") as stranger,
    ):
        await verifications.remove(added)
        async with asyncio.timeout(GENEROUS_SECONDS):
            removed: list[str] = []
            while not removed:
                await ours.changes()
                removed = ours.removals()
            for listener in (by_id, by_chain):
                await until_lost(listener)
        assert removed == ["ver_1"]

        await store.collection.insert_one(encode(added))
        async with asyncio.timeout(GENEROUS_SECONDS):
            assert [change.verification for change in await ours.changes()] == [added]
        assert ours.removals() == theirs.removals() == []
        assert await theirs.changes(timeout_seconds=0) == await stranger.changes(timeout_seconds=0) == []
