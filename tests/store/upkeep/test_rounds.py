"""Tests rounds over all verifications, which several processes share, and which can be interrupted at any step."""

import asyncio

import pytest

from store.driver import Document
from store.upkeep import rounds
from store.upkeep.rounds import MAX_ROUNDS, Rounds, RoundsState, all_states
from store.verifications import Store
from tests.factories import NOON

OUTDATED: Document = {"mark": {"$exists": False}}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make batches small, so that few documents need several of them."""
    monkeypatch.setattr(rounds, "BATCH_ROWS", 10)


def marking(store: Store, target: str = "one") -> Rounds:
    """The rounds of the work that these tests do: to set the field `mark` of every verification."""
    return Rounds(store.database, "mark", target, OUTDATED, {"_id": 1}, pause_seconds=0)


async def filled(store: Store, count: int = 55) -> None:
    """Store `count` documents without the field `mark`."""
    await store.collection.insert_many([{"_id": f"ver_{number:03}", "workspace": "acme"} for number in range(count)])


async def mark(store: Store, work: Rounds, batch: list[Document]) -> None:
    """Set the field `mark` of the documents of a batch, and record that the batch was written."""
    ids = [document["_id"] for document in batch]
    result = await store.collection.update_many({"_id": {"$in": ids}, **OUTDATED}, {"$set": {"mark": 1}})
    await work.record(result.modified_count, 0)


async def worked(store: Store, work: Rounds) -> int:
    """Do the rest of the work. Returns how many batches this call did."""
    count = 0
    while (batch := await work.claimed(NOON)) is not None:
        await mark(store, work, batch)
        count += 1
    return count


async def state(store: Store) -> RoundsState:
    """The stored state of the rounds. There must be only one kind of work."""
    [found] = await all_states(store.database)
    return found


async def unmarked(store: Store) -> int:
    """How many documents do not have the field `mark`."""
    return await store.collection.count_documents(OUTDATED)


async def test_all_verifications_are_passed_and_the_last_round_finds_nothing(store: Store) -> None:
    await filled(store)
    work = marking(store)
    await work.begin(NOON)

    await worked(store, work)

    found = await state(store)
    assert await unmarked(store) == 0
    assert (found.round, found.passed, found.total, found.found, found.rewritten, found.finished_at) == (2, 55, 55, 0, 55, NOON)


async def test_processes_share_the_batches(store: Store) -> None:
    await filled(store)
    works = [marking(store) for _ in range(3)]
    await asyncio.gather(*(work.begin(NOON) for work in works))

    batches = await asyncio.gather(*(worked(store, work) for work in works))

    assert await unmarked(store) == 0
    # There are at least two rounds of six batches. If a round comes to a batch that another process has claimed and not written yet, one more round
    # follows.
    assert sum(batches) >= 6 + 6
    assert (await state(store)).rewritten == 55


@pytest.mark.parametrize("done", [False, True])
async def test_work_that_was_interrupted_goes_on_where_it_was(store: Store, done: bool) -> None:
    await filled(store)
    killed = marking(store)
    await killed.begin(NOON)
    await mark(store, killed, await killed.claimed(NOON) or [])
    claimed = await killed.claimed(NOON) or []
    if done:
        # Act as if the process was killed after it had written the batch, and before it recorded that the batch was written.
        await store.collection.update_many({"_id": {"$in": [each["_id"] for each in claimed]}}, {"$set": {"mark": 1}})

    resumed = marking(store)
    await resumed.begin(NOON)
    assert (await state(store)).passed == 20
    await worked(store, resumed)

    assert await unmarked(store) == 0
    assert (await state(store)).finished_at == NOON


async def test_the_work_is_not_finished_while_a_batch_may_be_undone(store: Store) -> None:
    await filled(store, 5)
    slow, fast = marking(store), marking(store)
    await slow.begin(NOON)
    batch = await slow.claimed(NOON)
    assert batch

    assert await worked(store, fast) >= 1
    assert await unmarked(store) == 0
    assert (await state(store)).round >= 2


async def test_finished_work_begins_anew_when_it_is_started_again(store: Store) -> None:
    await filled(store)
    for number in range(2):
        work = marking(store)
        await work.begin(NOON)
        await worked(store, work)
        await store.collection.insert_one({"_id": f"ver_later_{number}", "workspace": "acme"})

    assert (await state(store)).rewritten == 1


async def test_work_with_another_target_ends_the_work_that_is_under_way(store: Store) -> None:
    await filled(store)
    first, second = marking(store, "one"), marking(store, "two")
    await first.begin(NOON)
    await first.claimed(NOON)

    await second.begin(NOON)

    assert await first.claimed(NOON) is None
    assert (await state(store)).target == "two"
    await first.record(1, 0)
    assert (await state(store)).rewritten == 0


async def test_the_work_ends_although_something_is_found_in_every_round(store: Store) -> None:
    await filled(store, 1)
    work = marking(store)
    await work.begin(NOON)

    while await work.claimed(NOON) is not None:
        pass

    found = await state(store)
    assert (found.round, found.left, found.finished_at) == (MAX_ROUNDS, 1, NOON)


async def test_what_cannot_be_rewritten_does_not_cause_further_rounds(store: Store) -> None:
    await filled(store, 2)
    work = marking(store)
    await work.begin(NOON)

    while (batch := await work.claimed(NOON)) is not None:
        await work.record(0, len(batch))

    found = await state(store)
    assert (found.round, found.unreadable, found.left) == (1, 2, 0)


async def test_a_damaged_id_blocks_nothing(store: Store) -> None:
    await filled(store, 3)
    await store.collection.insert_many([{"_id": 7}, {"_id": None}])
    work = marking(store)
    await work.begin(NOON)

    await worked(store, work)

    assert await unmarked(store) == 2
    assert (await state(store)).finished_at == NOON
