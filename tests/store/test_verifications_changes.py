"""Tests of changing and retrying verifications: of several concurrent changes, none is lost."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest
from pymongo import MongoClient

from domain.errors import Conflict, NotFound, NotRetryable, ProviderIdTaken, Unavailable
from domain.event import EventType
from domain.request import ProviderReference, RetryRequest
from domain.verification import Verification
from store.driver import Document
from store.indexes import VERIFICATIONS
from store.verifications import RetryRule, Stale, Store, Verifications
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
    an_id,
    later,
    retried,
)
from tests.histories import noted, noting, opening, versions
from tests.storing import encode, stored_verifications, storing


async def test_a_second_result_for_the_same_version_is_refused_as_stale(verifications: Verifications) -> None:
    pending = await verifications.add(a_verification())

    verified = await verifications.replace(pending, pending.concluded(VERIFIED_RESULT, NOON))

    with pytest.raises(Stale):
        await verifications.replace(pending, pending.concluded(FAILED_RESULT, NOON))
    assert await verifications.get(pending.id) == verified


async def test_a_rule_receives_the_time_of_the_stores_clock(verifications: Verifications, clock: Clock) -> None:
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


async def test_a_refused_change_is_not_written(store: Store, verifications: Verifications) -> None:
    pending = await verifications.add(a_verification())

    with pytest.raises(NotRetryable):
        await verifications.retry(pending.id, retried)

    assert await stored_verifications(store) == [pending]


async def test_a_missing_verification_is_not_changed(verifications: Verifications) -> None:
    with pytest.raises(NotFound):
        await verifications.change("ver_unknown", opening)
    with pytest.raises(NotFound):
        await verifications.retry("ver_unknown", retried)


async def test_none_of_fifty_concurrent_writes_is_lost(verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    writers = [f"writer-{number}" for number in range(50)]

    await asyncio.gather(*(verifications.change(added.id, noting(writer)) for writer in writers))

    after = await verifications.require(added.id)
    assert versions(after) == [*range(1, 52)]
    assert {event.source_id for event in after.events[1:]} == {*writers}


async def test_writers_of_one_process_queue_instead_of_racing(store: Store, verifications: Verifications, commands: Commands) -> None:
    added = await verifications.add(a_verification())

    with commands.sent(store.database.name) as sent:
        await asyncio.gather(*(verifications.change(added.id, noting("event")) for _ in range(20)))

    assert [next(iter(command)) for command in sent].count("update") == 20


async def test_none_of_fifty_concurrent_writes_in_two_processes_is_lost(database_uri: str, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    writers = [f"writer-{number}" for number in range(50)]

    async with storing(database_uri, store.now, patience_seconds=120) as other:
        both = [verifications, other.within("acme")]
        await asyncio.gather(*(both[number % 2].change(added.id, noting(writer)) for number, writer in enumerate(writers)))

    after = await verifications.require(added.id)
    assert versions(after) == [*range(1, 52)]
    assert {event.source_id for event in after.events[1:]} == {*writers}


async def test_a_writer_that_loses_every_race_gets_a_conflict(database_uri: str, clock: Clock) -> None:
    async with storing(database_uri, clock, patience_seconds=0.5) as store:
        verifications = store.within("acme")
        added = await verifications.add(a_verification())
        faster: MongoClient[Document]
        with MongoClient(database_uri) as faster:

            def beaten(verification: Verification, at: datetime) -> Verification:
                """A rule that is always too late: while it runs, another process writes the verification."""
                faster[store.database.name][VERIFICATIONS].replace_one({"_id": verification.id}, encode(noted(verification, "faster")))
                return noted(verification, "slower", at)

            with pytest.raises(Conflict):
                await verifications.change(added.id, beaten)

        after = await verifications.require(added.id)
        assert after.version > 1
        assert "slower" not in [event.source_id for event in after.events]


async def test_with_a_patience_of_zero_a_change_is_unavailable_and_writes_nothing(database_uri: str, clock: Clock) -> None:
    async with storing(database_uri, clock, patience_seconds=0) as store:
        added = await store.within("acme").add(a_verification())

        with pytest.raises(Unavailable):
            await store.within("acme").change(added.id, opening)

        assert await stored_verifications(store) == [added]


async def test_a_writer_whose_turn_does_not_come_is_unavailable_and_writes_nothing(database_uri: str, clock: Clock) -> None:
    async with storing(database_uri, clock, patience_seconds=0.2) as store:
        verifications = store.within("acme")
        added = await verifications.add(a_verification())

        async with store.turns.of(added.id, 0):
            outcomes = await asyncio.gather(*(verifications.change(added.id, noting("event")) for _ in range(5)), return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 5
        assert await stored_verifications(store) == [added]


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


async def test_a_repeated_retry_returns_the_existing_one_in_its_current_state(verifications: Verifications) -> None:
    failed = await verifications.add(a_final_verification())
    retry = await verifications.retry(failed.id, retried)
    opened = await verifications.change(retry.id, opening)

    assert await verifications.retry(failed.id, retried) == opened


async def test_twenty_concurrent_callers_get_the_same_retry(database_uri: str, store: Store, verifications: Verifications) -> None:
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


def with_provider(provider: ProviderReference) -> RetryRule:
    """A rule that creates a retry with this reference to a provider."""
    return lambda verification, at: verification.retried(an_id(), RetryRequest(), provider, WINDOWS, at)


async def test_a_retry_with_a_taken_providers_id_leaves_the_previous_attempt_unchanged(store: Store, verifications: Verifications) -> None:
    failed = await verifications.add(a_final_verification())

    with pytest.raises(ProviderIdTaken):
        await verifications.retry(failed.id, with_provider(failed.provider))

    assert await stored_verifications(store) == [failed]


async def test_concurrent_retries_of_one_attempt_with_one_providers_id_return_the_same_verification(
    database_uri: str, store: Store, verifications: Verifications
) -> None:
    failed = await verifications.add(a_final_verification())
    rule = with_provider(ProviderReference("external", "session-2", "https://provider.example"))

    async with storing(database_uri, store.now) as other:
        both = [verifications, other.within("acme")]
        retries = await asyncio.gather(*(both[number % 2].retry(failed.id, rule) for number in range(10)))

    assert {retry.id for retry in retries} == {(await verifications.require(failed.id)).next}


async def test_of_concurrent_retries_of_several_attempts_with_one_providers_id_one_succeeds(
    database_uri: str, store: Store, verifications: Verifications
) -> None:
    failed = [await verifications.add(a_final_verification()) for _ in range(6)]
    rule = with_provider(ProviderReference("external", "session-2", "https://provider.example"))

    async with storing(database_uri, store.now) as other:
        both = [verifications, other.within("acme")]
        retries = (both[number % 2].retry(each.id, rule) for number, each in enumerate(failed))
        outcomes = await asyncio.gather(*retries, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ProviderIdTaken"] * 5 + ["Verification"]
    assert len([each for each in await stored_verifications(store) if each.next]) == 1


async def test_a_retry_and_concurrent_late_results_are_all_stored(database_uri: str, store: Store, verifications: Verifications) -> None:
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


async def test_chains_are_returned_with_all_their_attempts(verifications: Verifications) -> None:
    chains = []
    for _ in range(3):
        failed = await verifications.add(a_final_verification())
        retry = await verifications.retry(failed.id, retried)
        chains.append([await verifications.require(failed.id), retry])

    found = await verifications.chains([chains[0][0].chain, chains[2][0].chain, "ver_unknown"])

    assert sorted(found, key=lambda it: it.id) == [*chains[0], *chains[2]]
    assert [attempt.attempt for attempt in found] == [1, 1, 2, 2]


async def test_attempts_are_sorted_even_for_too_many_chains_for_mongodb_to_sort(store: Store, verifications: Verifications) -> None:
    firsts = [a_final_verification() for _ in range(300)]
    await store.collection.insert_many([encode(attempt) for first in firsts for attempt in retried(first)])

    found = await verifications.chains([first.id for first in firsts])

    assert [attempt.attempt for attempt in found] == [1] * 300 + [2] * 300
