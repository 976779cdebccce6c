"""Tests that the sweeper deletes verifications some time after their outcome, and that it first records them in the archive."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.errors import NotFound
from lifecycle.archive import Archive
from lifecycle.sweeper import Chore, sweep
from store.feed import Feed
from store.indexes import TOMBSTONES
from store.listener import Listener
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.factories import FAILED_RESULT, VERIFIED_RESULT, a_verification, retried
from tests.storing import GENEROUS_SECONDS, chores_of, encode, stored_documents

DELETION = timedelta(hours=1)


@pytest.fixture
def clock() -> Clock:
    """A clock that starts at the real time. With an earlier clock, MongoDB, which uses its own clock, would delete tombstones too soon."""
    return Clock(datetime.now(UTC).replace(microsecond=0))


def deleting(store: Store, archive: Archive | None = None) -> Chore:
    """The sweeper's chore that deletes verifications an hour after their outcome."""
    [chore] = [chore for chore in chores_of(store, deletion=DELETION, archive=archive) if chore.done == "deleted"]
    return chore


async def stored_ids(store: Store) -> set[str]:
    """The ids of all stored verifications."""
    return {document["_id"] for document in await stored_documents(store)}


async def all_changes(listener: Listener) -> None:
    """Receive the changes of a listener until none comes for GENEROUS_SECONDS, or until its subscription ends with an error."""
    while await listener.changes(GENEROUS_SECONDS):
        pass


def archived(directory: Path) -> list[dict[str, Any]]:
    """The verifications in an archive."""
    return [json.loads(line)["verification"] for path in directory.iterdir() for line in path.read_text().splitlines()]


async def test_only_verifications_whose_outcome_is_old_enough_are_deleted(store: Store, clock: Clock) -> None:
    long_ago, lately = clock.now - DELETION, clock.now - DELETION + timedelta(seconds=1)
    old, young = [a_verification(at=at).concluded(FAILED_RESULT, at) for at in (long_ago, lately)]
    foreign = a_verification(at=long_ago, workspace="other").concluded(VERIFIED_RESULT, long_ago)
    pending = a_verification(at=long_ago)
    await store.collection.insert_many([encode(it) for it in (old, young, foreign, pending)])

    assert await sweep(deleting(store)) == 2
    assert await stored_ids(store) == {young.id, pending.id}
    assert {found["_id"] async for found in store.database[TOMBSTONES].find()} == {old.id, foreign.id}


async def test_a_chain_is_deleted_as_a_whole_after_the_outcome_of_its_last_attempt(store: Store, verifications: Verifications, clock: Clock) -> None:
    failed = await verifications.add(a_verification(at=clock.now).concluded(FAILED_RESULT, clock.now))
    retry = await verifications.retry(failed.id, retried)
    clock.now += 2 * DELETION

    assert await sweep(deleting(store)) == 0
    await verifications.change(retry.id, lambda old, at: old.concluded(VERIFIED_RESULT, at))
    assert await sweep(deleting(store)) == 0
    clock.now += DELETION
    assert await sweep(deleting(store)) == 2


async def test_a_batch_ends_within_a_workspace_and_goes_on_there(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifecycle.sweeper.SWEEP_BATCH", 3)
    at = clock.now - DELETION
    pending_chains = [a_verification(at=at, workspace=name).concluded(FAILED_RESULT, at) for name in ("a", "b") for _ in range(4)]
    followed = [retried(each, at) for each in pending_chains]
    last = a_verification(at=at, workspace="c").concluded(FAILED_RESULT, at)
    await store.collection.insert_many([encode(each) for pair in followed for each in pair] + [encode(last)])

    # None of the verifications before the last one can be deleted, because their retries are pending.
    assert await sweep(deleting(store)) == 1
    assert last.id not in await stored_ids(store)


async def test_followers_receive_not_found_and_feeds_the_removed_id(feed: Feed, store: Store, verifications: Verifications, clock: Clock) -> None:
    failed = await verifications.add(a_verification(at=clock.now).concluded(FAILED_RESULT, clock.now))
    with feed.listen("acme", chain=failed.chain) as follower, feed.listen("acme") as everything, feed.listen("other") as theirs:
        feed.register_attempts("acme", failed.chain, [failed.id])
        clock.now += DELETION

        assert await sweep(deleting(store)) == 1

        with pytest.raises(NotFound):
            await all_changes(follower)
        removed: list[str] = []
        while not removed:
            await everything.changes(GENEROUS_SECONDS)
            removed = everything.removals()
        assert removed == [failed.id]
        assert theirs.removals() == []


async def test_a_deleted_chain_is_in_the_archive(tmp_path: Path, store: Store, verifications: Verifications, clock: Clock) -> None:
    failed = await verifications.add(a_verification(at=clock.now).concluded(FAILED_RESULT, clock.now))
    retry = await verifications.retry(failed.id, retried)
    await verifications.change(retry.id, lambda old, at: old.concluded(VERIFIED_RESULT, at))
    clock.now += DELETION

    assert await sweep(deleting(store, Archive(tmp_path))) == 2
    assert [(each["_id"], each["version"], each["status"]) for each in archived(tmp_path)] == [(failed.id, 3, "failed"), (retry.id, 2, "verified")]
    assert "Moreau" not in json.dumps(archived(tmp_path))


async def test_nothing_is_deleted_while_the_archive_cannot_be_written(tmp_path: Path, store: Store, clock: Clock) -> None:
    at = clock.now - DELETION
    await store.collection.insert_many([encode(a_verification(at=at).concluded(FAILED_RESULT, at)) for _ in range(3)])
    directory = tmp_path / "archive"
    directory.mkdir()
    archive = Archive(directory)
    directory.rmdir()

    with pytest.raises(FileNotFoundError):
        await sweep(deleting(store, archive))
    assert len(await stored_ids(store)) == 3

    directory.mkdir()
    assert await sweep(deleting(store, archive)) == 3
    assert len(archived(directory)) == 3


async def test_without_the_setting_nothing_is_deleted(store: Store) -> None:
    assert "deleted" not in [chore.done for chore in chores_of(store, DELETION, DELETION)]
