"""Tests of the entries that plan when a verification is queried at its provider."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.event import Progress
from domain.request import ProviderReference
from store.due import Due
from store.indexes import PROVIDER_QUERIES
from store.queues.provider_queries import QUERY_LEASE, ProviderQueries
from store.verifications import Store
from tests.clock import Clock
from tests.factories import FAILED_RESULT, NOON, WINDOWS, a_verification, later
from tests.storing import storing

FIRST_AGE = timedelta(seconds=1200)


@pytest.fixture
def queries(store: Store) -> ProviderQueries:
    """Access to the planned queries in a database that only this test uses."""
    return ProviderQueries(store)


async def entries(store: Store) -> list[dict[str, Any]]:
    """The entries of all planned queries, as they are stored."""
    return await store.database[PROVIDER_QUERIES].find().sort("_id").to_list(None)


async def test_planning_again_changes_nothing_and_never_postpones(queries: ProviderQueries, store: Store, clock: Clock) -> None:
    verification = a_verification()
    assert await queries.plan(verification)
    before = await entries(store)

    clock.now = later(hours=2)
    assert await queries.plan(verification)

    assert await entries(store) == before == [{"_id": verification.id, "workspace": "acme", "at": NOON + FIRST_AGE, "tries": 0}]


@pytest.mark.parametrize(
    "verification",
    [
        a_verification(provider=ProviderReference("yousign", None, None)),
        a_verification().concluded(FAILED_RESULT, NOON),
        a_verification().lost(NOON),
    ],
)
async def test_only_a_verification_that_the_provider_can_answer_for_is_planned(queries: ProviderQueries, store: Store, verification: Any) -> None:
    assert not await queries.plan(verification)
    assert await entries(store) == []


async def test_the_longest_due_entry_is_claimed_first_and_only_once(database_uri: str, clock: Clock) -> None:
    async with storing(database_uri, clock) as one, storing(database_uri, clock) as other:
        processes = [ProviderQueries(store) for store in (one, other)]
        planned = [a_verification(at=later(seconds=number)) for number in range(10)]
        for verification in reversed(planned):
            await processes[0].plan(verification)
        await processes[0].plan(a_verification(workspace="other"))
        assert await processes[0].claimed("acme") is None
        clock.now += FIRST_AGE + timedelta(seconds=8)

        first = await processes[0].claimed("acme")
        claims = await asyncio.gather(*(process.claimed("acme") for process in processes * 10))

    assert first
    assert (first.verification_id, first.due, first.tries) == (planned[0].id, NOON + FIRST_AGE, 0)
    assert sorted(claim.verification_id for claim in claims if claim) == [verification.id for verification in planned[1:9]]


async def test_only_the_holder_of_the_lease_settles_and_drops(queries: ProviderQueries, store: Store, clock: Clock) -> None:
    await queries.plan(a_verification())
    clock.now += FIRST_AGE
    ended = await queries.claimed("acme")
    clock.now += QUERY_LEASE
    held = await queries.claimed("acme")
    assert ended
    assert held

    await queries.settle(ended, NOON)
    await queries.drop(ended)
    assert (await entries(store))[0]["lease"] == held.lease
    await queries.settle(held, later(days=1), 2)

    [entry] = await entries(store)
    assert (entry["at"], entry["tries"], "lease" in entry, "until" in entry) == (later(days=1), 2, False, False)
    await queries.drop(held)
    assert len(await entries(store)) == 1


@pytest.mark.parametrize(("settled", "expected"), [(later(hours=2), later(seconds=1260)), (later(seconds=1230), later(seconds=1230))])
async def test_a_query_that_is_planned_during_a_claim_is_kept(
    queries: ProviderQueries, store: Store, clock: Clock, settled: Any, expected: Any
) -> None:
    verification = a_verification()
    await queries.plan(verification)
    clock.now += FIRST_AGE
    claim = await queries.claimed("acme")
    assert claim

    await queries.plan(verification.progressed(Progress.CAPTURE_COMPLETED, WINDOWS, clock.now))
    clock.now += timedelta(seconds=60)
    assert await queries.claimed("acme") is None
    await queries.settle(claim, settled)

    assert [entry["at"] for entry in await entries(store)] == [expected]


async def test_due_workspaces_and_the_age_of_the_oldest(queries: ProviderQueries, clock: Clock) -> None:
    for workspace, minutes in (("acme", 5), ("acme", 1), ("other", 3), ("third", 30)):
        await queries.plan(a_verification(workspace=workspace, at=later(minutes=minutes)))
    clock.now = later(minutes=25)

    assert await queries.due_workspaces() == {"acme": later(minutes=21), "other": later(minutes=23)}
    assert await queries.oldest_due_seconds() == 240


async def test_verifications_without_an_entry_are_found(queries: ProviderQueries) -> None:
    planned, missing = a_verification(), a_verification()
    await queries.plan(planned)

    found = await queries.without_entry([Due(NOON, "acme", planned.id), Due(NOON, "acme", missing.id)])

    assert found == [Due(NOON, "acme", missing.id)]


async def test_queries_that_failed_can_be_made_due_at_once(queries: ProviderQueries, store: Store, clock: Clock) -> None:
    for workspace in ("acme", "acme", "other"):
        await queries.plan(a_verification(workspace=workspace))
    clock.now += FIRST_AGE
    for workspace, tries in (("acme", 1), ("acme", 0), ("other", 1)):
        claim = await queries.claimed(workspace)
        assert claim
        await queries.settle(claim, later(days=1), tries)

    await queries.hurry(["acme"])

    assert [entry["at"] for entry in await entries(store)] == [clock.now, later(days=1), later(days=1)]
