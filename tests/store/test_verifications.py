"""What a workspace's requests can read and write, and what they can't."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

import pytest
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError

from domain.errors import Conflict, NotFound, NotRetryable, Unavailable
from domain.event import Actor, EventType, Progress
from domain.filter import Filter, Order
from domain.status import Status
from domain.verification import Idempotency, Provider, RetryRequest, Verification
from store import indexes
from store.driver import Document, close, connect, ping
from store.due import Due
from store.indexes import VERIFICATIONS
from store.pages import PageRequest
from store.verifications import Rule, Stale, Store, Verifications
from tests.clock import Clock
from tests.commands import Commands
from tests.factories import (
    FAILED_RESULT,
    INCONCLUSIVE_RESULT,
    NOON,
    VERIFIED_RESULT,
    WINDOWS,
    a_final_verification,
    a_verification,
    an_anonymized_verification,
    an_id,
    later,
    retried,
)
from tests.store.histories import noted, versions
from tests.store.test_documents import values
from tests.storing import DATA_KEYS, decode, encode, storing

Call = Callable[[Verifications, Verification], Awaitable[object]]

KEY = Idempotency("key-1", "fingerprint")
EVERYTHING = PageRequest(Order.CREATED_OLDEST, 100)


def due(verification: Verification) -> Due:
    """What the store says of a verification that is overdue."""
    assert verification.due
    return Due(verification.due, verification.workspace, verification.id)


def progressing(progress: Progress) -> Rule:
    """The rule of a step of the individual."""
    return lambda verification, at: verification.progressed(progress, WINDOWS, at)


opening = progressing(Progress.LINK_OPENED)


def noting(source_id: str) -> Rule:
    """A rule that always adds an event."""
    return lambda verification, at: noted(verification, source_id, at)


async def documents(store: Store) -> list[Document]:
    """All that is stored."""
    return await store.collection.find().sort("_id").to_list(None)


async def stored(store: Store) -> list[Verification]:
    """The same, decoded."""
    return [*map(decode, await documents(store))]


async def test_a_verification_is_read_as_it_was_added(verifications: Verifications) -> None:
    added = await verifications.add(a_verification(idempotency=KEY))

    assert await verifications.get(added.id) == added
    assert await verifications.require(added.id) == added
    assert await verifications.with_key("key-1") == added


async def test_what_was_never_added_is_not_there(verifications: Verifications) -> None:
    assert await verifications.get("ver_unknown") is None
    assert await verifications.with_key("key-1") is None
    with pytest.raises(NotFound, match="ver_unknown") as refusal:
        await verifications.require("ver_unknown", "id")
    assert refusal.value.field == "id"


async def test_a_replaced_verification_is_read_as_it_is_now(verifications: Verifications) -> None:
    pending = await verifications.add(a_verification())

    replaced = await verifications.replace(pending, opening(pending, later(minutes=1)))

    assert await verifications.get(pending.id) == replaced


async def test_two_results_at_once_leave_one_winner(verifications: Verifications) -> None:
    pending = await verifications.add(a_verification())

    verified = await verifications.replace(pending, pending.concluded(VERIFIED_RESULT, NOON))

    with pytest.raises(Stale):
        await verifications.replace(pending, pending.concluded(FAILED_RESULT, NOON))
    assert await verifications.get(pending.id) == verified


async def test_a_change_is_made_by_its_rule_at_the_time_of_the_store(verifications: Verifications, clock: Clock) -> None:
    pending = await verifications.add(a_verification())
    clock.now = later(minutes=3)

    changed = await verifications.change(pending.id, opening)

    assert changed == opening(pending, later(minutes=3))
    assert await verifications.get(pending.id) == changed


async def test_a_rule_that_changes_nothing_writes_nothing(store: Store, verifications: Verifications, commands: Commands) -> None:
    opened = await verifications.add(opening(a_verification(), NOON))

    with commands.sent(store.database.name) as sent:
        assert await verifications.change(opened.id, opening) == opened

    assert [next(iter(command)) for command in sent] == ["find"]


async def test_what_a_rule_refuses_is_not_written(store: Store, verifications: Verifications) -> None:
    pending = await verifications.add(a_verification())

    with pytest.raises(NotRetryable):
        await verifications.retry(pending.id, retried)

    assert await stored(store) == [pending]


async def test_what_is_not_there_is_not_changed(verifications: Verifications) -> None:
    with pytest.raises(NotFound):
        await verifications.change("ver_unknown", opening)
    with pytest.raises(NotFound):
        await verifications.retry("ver_unknown", retried)


async def test_of_fifty_writers_at_once_nobody_is_lost(verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    writers = [f"writer-{number}" for number in range(50)]

    await asyncio.gather(*(verifications.change(added.id, noting(writer)) for writer in writers))

    after = await verifications.require(added.id)
    assert versions(after) == [*range(1, 52)]
    assert {event.source_id for event in after.events[1:]} == {*writers}


async def test_writers_of_one_process_wait_for_one_another_and_do_not_race(store: Store, verifications: Verifications, commands: Commands) -> None:
    added = await verifications.add(a_verification())

    with commands.sent(store.database.name) as sent:
        await asyncio.gather(*(verifications.change(added.id, noting("event")) for _ in range(20)))

    assert [next(iter(command)) for command in sent].count("update") == 20


async def test_of_fifty_writers_in_two_processes_nobody_is_lost(database_uri: str, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    writers = [f"writer-{number}" for number in range(50)]

    async with storing(database_uri, store.now, patience_seconds=120) as other:
        both = [verifications, other.within("acme")]
        await asyncio.gather(*(both[number % 2].change(added.id, noting(writer)) for number, writer in enumerate(writers)))

    after = await verifications.require(added.id)
    assert versions(after) == [*range(1, 52)]
    assert {event.source_id for event in after.events[1:]} == {*writers}


async def test_whoever_loses_every_race_is_told_of_the_conflict(database_uri: str, clock: Clock) -> None:
    async with storing(database_uri, clock, patience_seconds=0.5) as store:
        verifications = store.within("acme")
        added = await verifications.add(a_verification())
        faster: MongoClient[Document]
        with MongoClient(database_uri) as faster:

            def beaten(verification: Verification, at: datetime) -> Verification:
                """A rule during which another process writes."""
                faster[store.database.name][VERIFICATIONS].replace_one({"_id": verification.id}, encode(noted(verification, "faster")))
                return noted(verification, "slower", at)

            with pytest.raises(Conflict):
                await verifications.change(added.id, beaten)

        after = await verifications.require(added.id)
        assert after.version > 1
        assert "slower" not in [event.source_id for event in after.events]


async def test_without_patience_nothing_is_tried(database_uri: str, clock: Clock) -> None:
    async with storing(database_uri, clock, patience_seconds=0) as store:
        added = await store.within("acme").add(a_verification())

        with pytest.raises(Conflict):
            await store.within("acme").change(added.id, opening)

        assert await stored(store) == [added]


async def test_one_idempotency_key_makes_one_verification_however_many_ask_at_once(
    database_uri: str, store: Store, verifications: Verifications
) -> None:
    async with storing(database_uri, store.now) as other:
        both = [verifications, other.within("acme")]
        made = await asyncio.gather(*(both[number % 2].add(a_verification(idempotency=KEY)) for number in range(20)))

    assert len({verification.id for verification in made}) == 1
    assert await stored(store) == [made[0]]


async def test_without_a_key_each_request_makes_a_verification(store: Store, verifications: Verifications) -> None:
    await asyncio.gather(*(verifications.add(a_verification()) for _ in range(20)))

    assert await verifications.count(Filter()) == 20


async def test_a_key_serves_its_own_workspace_only(store: Store, verifications: Verifications) -> None:
    ours = await verifications.add(a_verification(idempotency=KEY))
    theirs = await store.within("other").add(a_verification(workspace="other", idempotency=KEY))

    assert await verifications.with_key("key-1") == ours
    assert await store.within("other").with_key("key-1") == theirs


async def test_a_key_finds_its_verification_as_it_is_now(verifications: Verifications) -> None:
    added = await verifications.add(a_final_verification(idempotency=KEY))
    anonymized = await verifications.change(added.id, lambda verification, at: verification.anonymized(Actor.INTEGRATOR, at))

    assert await verifications.add(a_verification(idempotency=KEY)) == anonymized


async def test_a_provider_verifies_under_one_id_once(verifications: Verifications) -> None:
    first = await verifications.add(a_verification())

    with pytest.raises(DuplicateKeyError):
        await verifications.add(a_verification(provider=first.provider))


async def test_a_retry_links_both_attempts(store: Store, verifications: Verifications) -> None:
    failed = await verifications.add(a_final_verification())

    retry = await verifications.retry(failed.id, retried)

    before = await verifications.require(failed.id)
    assert (before.next, before.version, before.events[-1].type) == (retry.id, 3, EventType.RETRY_CREATED)
    assert (retry.previous, retry.chain, retry.attempt) == (failed.id, failed.id, 2)
    assert await verifications.get(retry.id) == retry


async def test_a_retry_is_written_in_one_transaction(store: Store, verifications: Verifications, commands: Commands) -> None:
    failed = await verifications.add(a_final_verification())

    with commands.sent(store.database.name) as sent:
        await verifications.retry(failed.id, retried)

    writes = [command for command in sent if next(iter(command)) in ("insert", "update")]
    assert [command["autocommit"] for command in writes] == [False, False]
    assert writes[0]["txnNumber"] == writes[1]["txnNumber"]


async def test_asking_for_a_retry_again_gives_the_same_one_as_it_is_now(verifications: Verifications) -> None:
    failed = await verifications.add(a_final_verification())
    retry = await verifications.retry(failed.id, retried)
    opened = await verifications.change(retry.id, opening)

    assert await verifications.retry(failed.id, retried) == opened


async def test_of_twenty_callers_at_once_all_get_the_same_retry(database_uri: str, store: Store, verifications: Verifications) -> None:
    failed = await verifications.add(a_final_verification())

    async with storing(database_uri, store.now) as other:
        both = [verifications, other.within("acme")]
        retries = await asyncio.gather(*(both[number % 2].retry(failed.id, retried) for number in range(20)))

    assert len({retry.id for retry in retries}) == 1
    first, second = await verifications.chains([failed.id])
    assert first == replace(retried(failed, NOON)[0], next=second.id)
    assert second == retries[0]


async def test_each_attempt_of_a_long_chain_has_one_successor(verifications: Verifications) -> None:
    attempts = [await verifications.add(a_final_verification())]

    for _ in range(4):
        retry = await verifications.retry(attempts[-1].id, retried)
        attempts.append(await verifications.change(retry.id, lambda it, at: it.concluded(INCONCLUSIVE_RESULT, at)))

    chain = await verifications.chains([attempts[0].id])
    assert [attempt.attempt for attempt in chain] == [1, 2, 3, 4, 5]
    assert [attempt.next for attempt in chain] == [*(attempt.id for attempt in attempts[1:]), None]
    assert [attempt.previous for attempt in chain] == [None, *(attempt.id for attempt in attempts[:-1])]


async def test_where_the_retry_can_not_be_stored_the_attempt_before_it_stays_as_it_was(database_uri: str, clock: Clock) -> None:
    async with storing(database_uri, clock, patience_seconds=0.5) as store:
        verifications = store.within("acme")
        failed = await verifications.add(a_final_verification())

        def taken(verification: Verification, at: datetime) -> tuple[Verification, Verification]:
            """A rule whose retry has an id of the provider's that another verification has."""
            return verification.retried(an_id(), RetryRequest(), failed.provider, WINDOWS, at)

        with pytest.raises(Conflict):
            await verifications.retry(failed.id, taken)

        assert await stored(store) == [failed]


async def test_a_retry_and_a_late_result_at_once_are_both_kept(database_uri: str, store: Store, verifications: Verifications) -> None:
    failed = await verifications.add(a_final_verification())

    async with storing(database_uri, store.now) as other:
        await asyncio.gather(
            verifications.retry(failed.id, retried),
            *(other.within("acme").change(failed.id, noting(f"late-{number}")) for number in range(10)),
        )

    after = await verifications.require(failed.id)
    assert versions(after) == [*range(1, 14)]
    assert [event.type for event in after.events].count(EventType.RETRY_CREATED) == 1
    assert after.next


async def test_chains_come_with_all_their_attempts(verifications: Verifications) -> None:
    chains = []
    for _ in range(3):
        failed = await verifications.add(a_final_verification())
        retry = await verifications.retry(failed.id, retried)
        chains.append([await verifications.require(failed.id), retry])

    found = await verifications.chains([chains[0][0].chain, chains[2][0].chain, "ver_unknown"])

    assert sorted(found, key=lambda it: it.id) == [*chains[0], *chains[2]]
    assert [attempt.attempt for attempt in found] == [1, 1, 2, 2]


async def test_more_chains_than_a_sort_could_merge_come_oldest_attempt_first(store: Store, verifications: Verifications) -> None:
    firsts = [a_final_verification() for _ in range(300)]
    await store.collection.insert_many([encode(attempt) for first in firsts for attempt in retried(first)])

    found = await verifications.chains([first.id for first in firsts])

    assert [attempt.attempt for attempt in found] == [1] * 300 + [2] * 300


async def test_what_changed_since_an_instant_is_read_the_longest_unchanged_first(store: Store, verifications: Verifications) -> None:
    changed = [a_verification(at=later(minutes=number // 3)) for number in range(12)]
    await store.collection.insert_many([encode(verification) for verification in changed])

    since = [verification async for verification in verifications.updated_since(later(minutes=2), Filter())]

    assert since == changed[6:]


async def test_a_slow_reader_of_what_changed_gets_all_of_it_page_by_page(store: Store, verifications: Verifications) -> None:
    changed = [a_verification(at=later(minutes=number // 100)) for number in range(1_201)]
    await store.collection.insert_many([encode(verification) for verification in changed])

    assert [verification async for verification in verifications.updated_since(NOON, Filter())] == changed


async def test_what_changed_is_asked_for_by_what_never_changes_of_a_filter(verifications: Verifications) -> None:
    asked = Filter(statuses=(Status.PENDING,), reason_codes=("IDVV_1101",), reference="order-7")
    await verifications.add(a_final_verification())
    was_pending = await verifications.add(a_final_verification(reference="order-7"))

    assert [verification async for verification in verifications.updated_since(NOON, asked)] == [was_pending]


async def test_the_longest_overdue_come_first(store: Store, verifications: Verifications, clock: Clock) -> None:
    pending = [await verifications.add(a_verification(at=later(minutes=minutes))) for minutes in (2, 0, 1)]
    theirs = await store.within("other").add(a_verification(workspace="other", at=later(minutes=3)))
    await verifications.add(a_verification().progressed(Progress.CAPTURE_COMPLETED, WINDOWS, NOON))
    await verifications.add(a_final_verification())
    clock.now = later(days=7, minutes=3)

    assert await store.overdue(10) == [due(pending[1]), due(pending[2]), due(pending[0]), due(theirs)]
    assert await store.overdue(1) == [due(pending[1])]


async def test_those_behind_one_are_found_even_where_they_are_overdue_since_the_same_instant(
    store: Store, verifications: Verifications, clock: Clock
) -> None:
    pending = [await verifications.add(a_verification(at=later(minutes=minutes))) for minutes in (0, 1, 1, 1, 2)]
    clock.now = later(days=8)

    found, last = [], None
    while batch := await store.overdue(2, last):
        found += batch
        last = batch[-1]

    assert found == [*map(due, pending)]


async def test_those_that_hold_personal_data_of_an_old_outcome_are_found_the_oldest_first(store: Store, verifications: Verifications) -> None:
    completed = [await verifications.add(a_verification().concluded(FAILED_RESULT, later(minutes=minutes))) for minutes in (2, 0, 1, 3)]
    await verifications.add(an_anonymized_verification())
    await verifications.add(a_verification())

    found = await store.not_anonymized(later(minutes=2), 10)

    assert [place.id for place in found] == [completed[index].id for index in (1, 2, 0)]
    assert await store.not_anonymized(later(minutes=2), 10, after=found[1]) == found[2:]
    assert await store.not_anonymized(later(minutes=-1), 10) == []


async def test_nothing_is_overdue_before_its_deadline(store: Store, verifications: Verifications, clock: Clock) -> None:
    opened = await verifications.add(opening(a_verification(), NOON))

    clock.now = later(minutes=15, milliseconds=-1)
    assert await store.overdue(10) == []
    clock.now = later(minutes=15)
    assert await store.overdue(10) == [due(opened)]


async def rows(outside: Verifications) -> object:
    """All rows of the list."""
    return [row.id for row in (await outside.page(Filter(), EVERYTHING)).rows]


async def updated(outside: Verifications) -> object:
    """All that ever changed."""
    return [verification.id async for verification in outside.updated_since(NOON, Filter())]


async def total(outside: Verifications) -> object:
    """What the statistics count."""
    return (await outside.statistics(Filter())).total


# Each public method, asked for somebody else's verification, and what it has to answer.
NOT_THERE: dict[str, tuple[Call, object]] = {
    "get": (lambda outside, inside: outside.get(inside.id), None),
    "require": (lambda outside, inside: outside.require(inside.id), NotFound),
    "with_key": (lambda outside, _: outside.with_key(KEY.key), None),
    "replace": (lambda outside, inside: outside.replace(inside, noted(inside, "stranger")), Stale),
    "change": (lambda outside, inside: outside.change(inside.id, noting("stranger")), NotFound),
    "retry": (lambda outside, inside: outside.retry(inside.id, retried), NotFound),
    "chains": (lambda outside, inside: outside.chains([inside.chain]), []),
    "page": (lambda outside, _: rows(outside), []),
    "updated_since": (lambda outside, _: updated(outside), []),
    "count": (lambda outside, _: outside.count(Filter()), 0),
    "statistics": (lambda outside, _: total(outside), 0),
}


async def answer(call: Call, outside: Verifications, inside: Verification) -> object:
    """What comes of a call: its result, or the kind of error."""
    try:
        return await call(outside, inside)
    except (NotFound, Stale, Unavailable) as error:
        return type(error)


def test_each_method_is_asked_for_what_is_not_there() -> None:
    public = {name for name, member in vars(Verifications).items() if callable(member) and not name.startswith("_")}

    assert public == {*NOT_THERE, "add"}


@pytest.mark.parametrize(("workspace", "chain"), [("other", None), ("acme", "ver_another"), ("other", "ver_1")])
async def test_outside_of_its_workspace_and_chain_a_verification_is_not_there(store: Store, workspace: str, chain: str | None) -> None:
    inside = await store.within("acme").add(a_final_verification(id="ver_1", idempotency=KEY))
    outside = store.within(workspace, chain)

    answers = {method: await answer(call, outside, inside) for method, (call, _) in NOT_THERE.items()}

    assert answers == {method: nothing for method, (_, nothing) in NOT_THERE.items()}
    assert await stored(store) == [inside]


@pytest.mark.parametrize("chain", [None, "ver_1"])
async def test_inside_of_its_workspace_and_chain_a_verification_is_there(store: Store, chain: str | None) -> None:
    for method, (call, nothing) in NOT_THERE.items():
        await store.collection.delete_many({})
        inside = await store.within("acme").add(a_final_verification(id="ver_1", idempotency=KEY))

        assert await answer(call, store.within("acme", chain), inside) != nothing, method


async def test_a_key_that_another_chain_has_brings_nobody_to_that_chain(store: Store) -> None:
    await store.within("acme").add(a_verification(id="ver_1", idempotency=KEY))

    with pytest.raises(DuplicateKeyError):
        await store.within("acme", "ver_2").add(a_verification(id="ver_2", idempotency=KEY))


async def test_a_retry_is_inside_of_its_chain(store: Store) -> None:
    failed = await store.within("acme").add(a_final_verification())
    followed = store.within("acme", failed.chain)

    retry = await followed.retry(failed.id, retried)

    assert await followed.get(retry.id) == retry
    assert [attempt.id for attempt in await followed.chains([failed.chain])] == [failed.id, retry.id]


async def test_nothing_that_is_absent_is_stored_as_null(store: Store, verifications: Verifications) -> None:
    for number in range(3):
        added = await verifications.add(a_verification(reference=None, idempotency=Idempotency(f"key-{number}", None)))
        for progress in [*Progress][:number]:
            await verifications.change(added.id, progressing(progress))
    bare = await verifications.add(a_verification(provider=Provider("sandbox", "bare", None)))
    await verifications.change(bare.id, lambda it, at: it.expired(it.expires_at))
    retry = await verifications.retry(bare.id, retried)
    await verifications.change(retry.id, lambda it, at: it.concluded(VERIFIED_RESULT, at))
    await verifications.change(retry.id, lambda it, at: it.concluded(FAILED_RESULT, at))
    await verifications.change(retry.id, lambda it, at: it.anonymized(Actor.INTEGRATOR, at))

    stored = await documents(store)

    assert len(stored) == 5
    assert [value for value in values(stored) if value is None] == []


async def test_a_mongodb_that_does_not_answer_is_unavailable_and_nobody_learns_where_it_is(
    clock: Clock, free_tcp_port_factory: Callable[[], int]
) -> None:
    port = free_tcp_port_factory()
    client = connect(f"mongodb://127.0.0.1:{port}/gateway", timeout_seconds=0.3)
    store, verification = Store(client, DATA_KEYS, clock), a_verification(idempotency=KEY)
    verifications = store.within("acme")
    calls: list[Awaitable[object]] = [call(verifications, verification) for call, _ in NOT_THERE.values()]
    calls += [
        verifications.add(verification),
        store.overdue(1),
        store.not_anonymized(NOON, 1),
        ping(store.database),
        indexes.ensure(store.database),
        indexes.missing(store.database),
    ]

    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    close(client)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * len(calls)
    assert not any("127.0.0.1" in str(outcome) or str(port) in str(outcome) for outcome in outcomes)
