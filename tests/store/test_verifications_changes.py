"""Changes by rules: concurrent changes of a verification are all stored, one after the other."""

import asyncio
from datetime import datetime

import pytest
from pymongo import MongoClient

from domain.errors import Conflict, NotFound, NotRetryable
from domain.verification import Verification
from store.driver import Document
from store.indexes import VERIFICATIONS
from store.verifications import Stale, Store, Verifications
from tests.clock import Clock
from tests.commands import Commands
from tests.factories import (
    FAILED_RESULT,
    NOON,
    VERIFIED_RESULT,
    a_verification,
    later,
    retried,
)
from tests.histories import noted, noting, opening, versions
from tests.storing import encode, stored_verifications, storing


async def test_two_results_at_once_leave_one_winner(verifications: Verifications) -> None:
    pending = await verifications.add(a_verification())

    verified = await verifications.replace(pending, pending.concluded(VERIFIED_RESULT, NOON))

    with pytest.raises(Stale):
        await verifications.replace(pending, pending.concluded(FAILED_RESULT, NOON))
    assert await verifications.get(pending.id) == verified


async def test_a_change_applies_its_rule_at_the_time_of_the_store(verifications: Verifications, clock: Clock) -> None:
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
                """A rule during which another process writes."""
                faster[store.database.name][VERIFICATIONS].replace_one({"_id": verification.id}, encode(noted(verification, "faster")))
                return noted(verification, "slower", at)

            with pytest.raises(Conflict):
                await verifications.change(added.id, beaten)

        after = await verifications.require(added.id)
        assert after.version > 1
        assert "slower" not in [event.source_id for event in after.events]


async def test_without_patience_nothing_is_attempted(database_uri: str, clock: Clock) -> None:
    async with storing(database_uri, clock, patience_seconds=0) as store:
        added = await store.within("acme").add(a_verification())

        with pytest.raises(Conflict):
            await store.within("acme").change(added.id, opening)

        assert await stored_verifications(store) == [added]
