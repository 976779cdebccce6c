"""Tests that after a gap in the change stream, listeners receive the changes that they missed. Listeners to a workspace receive no change twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from domain.errors import NotFound
from domain.verification import Verification
from store.feed import Feed
from store.feeds.stored_changes import stamp
from store.listener import Change, Listener
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.factories import FAILED_RESULT, a_final_verification, a_verification, retried
from tests.histories import noted
from tests.storing import GENEROUS_SECONDS, a_feed, encode, feeding, until


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.now(UTC))


@pytest.fixture
async def stopped(database_uri: str, store: Store) -> AsyncIterator[Feed]:
    """A feed that is not running. It runs only in contexts of `open_feed`, so its change stream misses the changes between two such contexts."""
    async with a_feed(database_uri, store) as feed:
        yield feed


@asynccontextmanager
async def open_feed(feed: Feed) -> AsyncIterator[None]:
    """A context in which the feed runs. At its end, the context waits until the feed has delivered all changes that were made in the context."""
    async with feeding(feed):
        yield
        changed_at = monotonic()
        await until(lambda: feed.age_seconds is not None and feed.age_seconds < monotonic() - changed_at)


async def stored_long_ago(store: Store, verification: Verification) -> Verification:
    """Store a verification. Its stamp is the instant of its last change, as if MongoDB had stored it at that instant."""
    await store.collection.insert_one(encode(verification) | {"storedAt": stamp(verification.updated_at)})
    return verification


def received(listener: Listener) -> list[tuple[str, int]]:
    """The ids and versions of the verifications that the listener has received since the last call."""
    return [(change.verification.id, change.verification.version) for change in listener.taken()]


async def test_a_feed_receives_each_state_once_whatever_else_is_followed(stopped: Feed, verifications: Verifications) -> None:
    await verifications.add(a_verification(id="ver_1"))
    with (
        stopped.listen("acme") as everything,
        stopped.listen("acme", id="ver_1") as by_id,
        stopped.listen("acme", chain="ver_1") as by_chain,
    ):
        async with open_feed(stopped):
            await verifications.change("ver_1", lambda it, at: noted(it, "event", at))
            await verifications.add(a_verification(id="ver_2"))
        assert sorted(received(everything)) == [("ver_1", 2), ("ver_2", 1)]
        assert received(by_id) == received(by_chain) == [("ver_1", 2)]

        await verifications.change("ver_2", lambda it, at: noted(it, "missed", at))
        await verifications.add(a_verification(id="ver_3", at=datetime.now(UTC)))
        async with open_feed(stopped):
            pass

        assert sorted(received(everything)) == [("ver_2", 2), ("ver_3", 1)]
        assert received(by_id) == received(by_chain) == [("ver_1", 2)]

        for _ in range(3):
            async with open_feed(stopped):
                pass
        assert received(everything) == []


async def test_an_old_state_is_sent_to_its_followers_alone(stopped: Feed, store: Store) -> None:
    old = await stored_long_ago(store, a_verification(id="ver_1", at=datetime.now(UTC) - timedelta(days=3)))

    with stopped.listen("acme") as everything, stopped.listen("acme", id=old.id) as by_id, stopped.listen("other", id=old.id) as stranger:
        for _ in range(2):
            async with open_feed(stopped):
                pass

        assert received(by_id) == [("ver_1", 1)]
        assert received(everything) == received(stranger) == []


async def test_only_recent_changes_are_read_again_for_a_workspace(stopped: Feed, store: Store, verifications: Verifications) -> None:
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    await stored_long_ago(store, a_verification(at=an_hour_ago))
    old = await stored_long_ago(store, a_verification(at=an_hour_ago))
    async with open_feed(stopped):
        pass

    with stopped.listen("acme") as everything:
        changed = await verifications.change(old.id, lambda it, at: it.concluded(FAILED_RESULT, at))
        async with open_feed(stopped):
            pass

        # After a gap, all events count as new (`since` is 0): the instants of events come from the clocks of gateways, and clocks differ.
        assert everything.taken() == [Change(changed, 0)]


async def test_a_change_is_not_missed_in_a_gap_whatever_the_clock_of_its_writer_shows(
    stopped: Feed, store: Store, verifications: Verifications, clock: Clock
) -> None:
    old = await stored_long_ago(store, a_verification(at=datetime.now(UTC) - timedelta(hours=1)))
    async with open_feed(stopped):
        pass

    with stopped.listen("acme") as everything:
        clock.now = datetime.now(UTC) - timedelta(minutes=30)
        await verifications.change(old.id, lambda it, at: noted(it, "late", at))
        async with open_feed(stopped):
            pass

        assert received(everything) == [(old.id, 2)]


async def test_a_state_that_was_restored_during_a_gap_is_received(stopped: Feed, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification(id="ver_1", at=datetime.now(UTC)))
    with stopped.listen("acme") as everything:
        async with open_feed(stopped):
            await verifications.change(added.id, lambda it, at: noted(it, "undone", at))
        received(everything)

        await store.collection.delete_one({"_id": added.id})
        await store.collection.insert_one(encode(added))
        async with open_feed(stopped):
            pass

        assert received(everything) == [("ver_1", 1)]


async def test_followers_are_warned_of_a_state_that_was_restored_during_a_gap(stopped: Feed, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification(id="ver_1", at=datetime.now(UTC)))
    with stopped.listen("acme", id="ver_1") as by_id, stopped.listen("acme", chain="ver_1") as by_chain:
        async with open_feed(stopped):
            await verifications.change(added.id, lambda it, at: noted(it, "undone", at))
        assert received(by_id) == received(by_chain) == [("ver_1", 2)]

        await store.collection.replace_one({"_id": "ver_1"}, encode(added))
        async with open_feed(stopped):
            pass

        assert [(change.restored, change.found) for change in (*by_id.taken(), *by_chain.taken())] == [(None, 1), (None, 1)]


async def test_followers_learn_of_deletions_that_the_stream_missed(stopped: Feed, store: Store, verifications: Verifications) -> None:
    first = await verifications.add(a_final_verification(id="ver_1"))
    retry = await verifications.retry(first.id, retried)
    kept = await verifications.add(a_verification(id="ver_2"))

    with (
        stopped.listen("acme") as everything,
        stopped.listen("acme", id=retry.id) as by_id,
        stopped.listen("acme", chain=first.id) as by_chain,
        stopped.listen("acme", id=kept.id) as by_another_id,
        stopped.listen("acme", chain=kept.id) as by_another_chain,
    ):
        stopped.register_attempts("acme", first.id, [first.id, retry.id])
        await store.collection.delete_one({"_id": retry.id})
        async with open_feed(stopped):
            pass

        assert received(by_chain) == [("ver_1", 3)]
        for lost in (by_id, by_chain):
            with pytest.raises(NotFound, match=retry.id):
                await lost.changes(GENEROUS_SECONDS)
        for listener in (by_another_id, by_another_chain):
            assert received(listener) == [("ver_2", 1)]
            assert received(listener) == []
        received(everything)
        assert received(everything) == []


async def test_a_removal_during_a_gap_is_received_once(stopped: Feed, verifications: Verifications) -> None:
    seen = await verifications.add(a_verification(id="ver_1"))
    missed = await verifications.add(a_verification(id="ver_2"))
    with stopped.listen("acme") as everything, stopped.listen("other") as theirs:
        async with open_feed(stopped):
            await verifications.remove(seen)
        assert everything.removals() == ["ver_1"]

        await verifications.remove(missed)
        for _ in range(2):
            async with open_feed(stopped):
                pass

        assert everything.removals() == ["ver_2"]
        assert theirs.removals() == []
