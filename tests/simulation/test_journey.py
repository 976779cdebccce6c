"""Tests single lives (a verification with its retries) that the simulation plays against a real gateway."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from simulation.client import Client
from simulation.credentials import Credentials
from simulation.journey import Journey
from simulation.parties import Integrator, Provider
from simulation.people import person
from simulation.steps import Attempt, Lifecycle, Progress, Result, Step
from simulation.tally import Tally
from tests.simulation.stored import stored_verifications

OPENED, STARTED = Progress(1.0, "LINK_OPENED"), Progress(1.0, "CAPTURE_STARTED")
PERSON = person(Random(1))
VERIFIED = Result(1.0, "VERIFIED", document=PERSON.document)
# The catalogue recommends a retry after this reason code.
INTERRUPTED = Result(1.0, "INCONCLUSIVE", ("IDVV_1314",))


def an_attempt(*steps: Step, late: tuple[Step, ...] = ()) -> Attempt:
    return Attempt(steps, late, retry_after_seconds=1.0, reluctance=0.0)


def a_life(*attempts: Attempt, anonymized_after_seconds: float | None = None, closed_after_seconds: float | None = None) -> Lifecycle:
    after_seconds = anonymized_after_seconds, closed_after_seconds
    return Lifecycle(0, 0.0, PERSON, "order-1", "https://shop.example/welcome", False, attempts, *after_seconds)


@pytest.fixture
async def journey(credentials: Credentials) -> AsyncIterator[Journey]:
    """A journey with clients of the test's gateway. Each test replaces `life` by the plan that it needs."""
    tally = Tally()
    async with Client(credentials.graphql, patience_seconds=5, on_fault=tally.fault) as client, asyncio.TaskGroup() as group:
        integrator, provider = Integrator(client, credentials.tokens.integrator), Provider(client, credentials.tokens.provider)
        yield Journey(a_life(), integrator, provider, tally, "test", 1000.0, in_background=group.create_task)


def statuses(verifications: list[dict[str, Any]]) -> list[str]:
    return sorted(verification["status"] for verification in verifications)


async def test_a_life_with_a_result_ends_with_its_outcome(journey: Journey, credentials: Credentials) -> None:
    await replace(journey, life=a_life(an_attempt(OPENED, STARTED, VERIFIED))).go()

    [verification] = await stored_verifications(credentials)
    assert (verification["status"], verification["version"]) == ("VERIFIED", 4)


async def test_a_life_without_a_result_is_left_to_its_deadline(journey: Journey, credentials: Credentials) -> None:
    await replace(journey, life=a_life(an_attempt(OPENED))).go()

    assert statuses(await stored_verifications(credentials)) == ["PENDING"]
    assert (journey.tally.left, journey.tally.closed) == (1, 0)


async def test_a_life_without_a_result_may_be_closed_and_then_anonymized(journey: Journey, credentials: Credentials) -> None:
    await replace(journey, life=a_life(an_attempt(OPENED), closed_after_seconds=1.0, anonymized_after_seconds=1.0)).go()

    [verification] = await stored_verifications(credentials)
    assert (verification["status"], verification["version"], bool(verification["anonymizedAt"])) == ("INCONCLUSIVE", 4, True)
    assert (journey.tally.left, journey.tally.closed, journey.tally.anonymized) == (0, 1, 1)


async def test_an_inconclusive_attempt_is_retried(journey: Journey, credentials: Credentials) -> None:
    await replace(journey, life=a_life(an_attempt(STARTED, INTERRUPTED), an_attempt(STARTED, VERIFIED))).go()

    assert statuses(await stored_verifications(credentials)) == ["INCONCLUSIVE", "VERIFIED"]
    assert journey.tally.attempts == 2


async def test_a_repeated_result_changes_nothing(journey: Journey, credentials: Credentials) -> None:
    await replace(journey, life=a_life(an_attempt(STARTED, VERIFIED, late=(VERIFIED,)))).go()
    while not journey.tally.repeated:
        await asyncio.sleep(0.01)

    [verification] = await stored_verifications(credentials)
    assert verification["version"] == 3


async def test_a_life_can_end_with_its_anonymization(journey: Journey, credentials: Credentials) -> None:
    await replace(journey, life=a_life(an_attempt(STARTED, VERIFIED), anonymized_after_seconds=1.0)).go()

    [verification] = await stored_verifications(credentials)
    assert verification["anonymizedAt"]
    assert journey.tally.anonymized == 1
