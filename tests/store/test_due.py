"""Tests of finding the verifications on which the system must act."""

from domain.event import Progress
from domain.request import ProviderReference
from domain.verification import Verification
from store.due import Due
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.commands import Commands
from tests.factories import (
    FAILED_RESULT,
    NOON,
    WINDOWS,
    a_final_verification,
    a_verification,
    an_anonymized_verification,
    later,
)
from tests.histories import opening
from tests.store.indexes.test_indexes_query_plans import explain, queries
from tests.storing import ORDINARY, encode


def due(verification: Verification) -> Due:
    """The `Due` that the store returns for an overdue verification."""
    assert verification.due
    return Due(verification.due, verification.workspace, verification.id)


async def test_the_longest_overdue_come_first(store: Store, verifications: Verifications, clock: Clock) -> None:
    pending = [await verifications.add(a_verification(at=later(minutes=minutes))) for minutes in (2, 0, 1)]
    theirs = await store.within("other").add(a_verification(workspace="other", at=later(minutes=3)))
    await verifications.add(a_verification().progressed(Progress.CAPTURE_COMPLETED, WINDOWS, NOON))
    await verifications.add(a_final_verification())
    clock.now = later(days=7, minutes=3)

    assert await store.overdue(ORDINARY, 10) == [due(pending[1]), due(pending[2]), due(pending[0]), due(theirs)]
    assert await store.overdue(ORDINARY, 1) == [due(pending[1])]


async def test_the_next_batch_includes_verifications_of_the_same_instant(store: Store, verifications: Verifications, clock: Clock) -> None:
    pending = [await verifications.add(a_verification(at=later(minutes=minutes))) for minutes in (0, 1, 1, 1, 2)]
    clock.now = later(days=8)

    found, last = [], None
    while batch := await store.overdue(ORDINARY, 2, last):
        found += batch
        last = batch[-1]

    assert found == [*map(due, pending)]


async def test_personal_data_of_old_outcomes_are_found_the_oldest_first(store: Store, verifications: Verifications) -> None:
    completed = [await verifications.add(a_verification().concluded(FAILED_RESULT, later(minutes=minutes))) for minutes in (2, 0, 1, 3)]
    await verifications.add(an_anonymized_verification())
    await verifications.add(a_verification())

    found = await store.not_anonymized(later(minutes=2), 10)

    assert [entry.id for entry in found] == [completed[index].id for index in (1, 2, 0)]
    assert await store.not_anonymized(later(minutes=2), 10, after=found[1]) == found[2:]
    assert await store.not_anonymized(later(minutes=-1), 10) == []


async def test_nothing_is_overdue_before_its_deadline(store: Store, verifications: Verifications, clock: Clock) -> None:
    opened = await verifications.add(opening(a_verification(), NOON))

    clock.now = later(minutes=15, milliseconds=-1)
    assert await store.overdue(ORDINARY, 10) == []
    clock.now = later(minutes=15)
    assert await store.overdue(ORDINARY, 10) == [due(opened)]


async def test_verifications_of_other_providers_are_not_read_from_the_index(store: Store, clock: Clock, commands: Commands) -> None:
    others = [a_verification(provider=ProviderReference("yousign", f"video-{number}", None)) for number in range(500)]
    ordinary = [a_verification(at=later(seconds=number)) for number in range(10)]
    await store.collection.insert_many([encode(verification) for verification in [*others, *ordinary]])
    clock.now = later(days=8)

    with commands.sent(store.database.name) as sent:
        batch = await store.overdue(ORDINARY, 5)
        await store.overdue(ORDINARY, 5, batch[-1])
    costs = [(await explain(store, command, "executionStats"))["executionStats"] for command in queries(sent)]

    assert [cost["nReturned"] for cost in costs] == [5, 5]
    # The query names several providers, and MongoDB reads a range of the index for each name. A range may cost up to two keys more than its results.
    assert all(cost["totalKeysExamined"] <= 5 + 2 * len(ORDINARY) for cost in costs)


async def test_deletable_verifications_are_found_by_workspace_in_batches_of_any_size(store: Store) -> None:
    finals = [a_verification(workspace=name).concluded(FAILED_RESULT, later(minutes=minutes)) for name in ("b", "a", "c") for minutes in (2, 0, 1, 1)]
    young, pending = a_verification(workspace="a").concluded(FAILED_RESULT, later(minutes=3)), a_verification(workspace="a")
    await store.collection.insert_many([encode(each) for each in (*finals, young, pending)])
    completed = [(each.workspace, each.completed_at, each.id) for each in finals if each.completed_at]

    for size in range(1, 15):
        found, last = [], None
        while batch := await store.deletable(later(minutes=2), size, last):
            assert len(batch) <= size
            found += batch
            last = batch[-1]

        assert [(each.workspace, each.at, each.id) for each in found] == sorted(completed)


async def test_a_search_for_deletable_verifications_reads_only_what_it_returns(store: Store, commands: Commands) -> None:
    finals = [a_verification(workspace=name).concluded(FAILED_RESULT, later(minutes=minutes)) for name in "abcd" for minutes in range(50)]
    await store.collection.insert_many([*map(encode, finals)])

    with commands.sent(store.database.name) as sent:
        assert len(await store.deletable(later(minutes=4), 100)) == 20
        assert len(await store.deletable(later(minutes=4), 7, Due(later(minutes=2), "a", finals[2].id))) == 7
    costs = [(await explain(store, command, "executionStats"))["executionStats"] for command in queries(sent)]

    # A batch begins after a verification that the test passes. MongoDB examines this verification too.
    assert [cost for cost in costs if cost["totalDocsExamined"] > cost["nReturned"] + 1] == []
    # MongoDB reads one key of the index for each result, and at most two more at the beginning of each of the four workspaces.
    assert [cost for cost in costs if cost["totalKeysExamined"] > cost["nReturned"] + 2 * 4 + 1] == []
