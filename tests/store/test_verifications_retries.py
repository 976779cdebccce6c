"""Retries: attempts that follow one another in a chain."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from domain.errors import Conflict
from domain.event import EventType
from domain.verification import RetryRequest, Verification
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.commands import Commands
from tests.factories import (
    INCONCLUSIVE_RESULT,
    NOON,
    WINDOWS,
    a_final_verification,
    an_id,
    retried,
)
from tests.histories import noting, opening, versions
from tests.storing import encode, stored_verifications, storing


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


async def test_a_retry_that_cannot_be_stored_leaves_the_previous_attempt_unchanged(database_uri: str, clock: Clock) -> None:
    async with storing(database_uri, clock, patience_seconds=0.5) as store:
        verifications = store.within("acme")
        failed = await verifications.add(a_final_verification())

        def with_reused_provider_id(verification: Verification, at: datetime) -> tuple[Verification, Verification]:
            """A rule whose retry has the same provider id as an existing verification."""
            return verification.retried(an_id(), RetryRequest(), failed.provider, WINDOWS, at)

        with pytest.raises(Conflict):
            await verifications.retry(failed.id, with_reused_provider_id)

        assert await stored_verifications(store) == [failed]


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


async def test_more_chains_than_mongodb_can_merge_are_sorted_by_attempt(store: Store, verifications: Verifications) -> None:
    firsts = [a_final_verification() for _ in range(300)]
    await store.collection.insert_many([encode(attempt) for first in firsts for attempt in retried(first)])

    found = await verifications.chains([first.id for first in firsts])

    assert [attempt.attempt for attempt in found] == [1] * 300 + [2] * 300
