"""Tests of reading single verifications: simultaneous requests share one read."""

import asyncio

import pytest

from domain.errors import BadDocument, Unavailable
from store.driver import close_client, connect
from store.partial_verification import NotRead
from store.point_reads import MAX_BATCH
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.commands import Commands
from tests.factories import a_verification
from tests.histories import noted
from tests.storing import DATA_KEYS, encode, until


async def test_simultaneous_requests_share_one_read(store: Store, verifications: Verifications, commands: Commands) -> None:
    added = [await verifications.add(a_verification()) for _ in range(20)]

    with commands.sent(store.database.name) as sent:
        read = await asyncio.gather(*(verifications.get(it.id) for it in added for _ in range(3)))

    assert read == [it for it in added for _ in range(3)]
    assert len(sent) == 1


async def test_requests_during_a_read_share_the_next_read(store: Store, verifications: Verifications, commands: Commands) -> None:
    added = [await verifications.add(a_verification()) for _ in range(20)]

    with commands.sent(store.database.name) as sent:
        first = asyncio.create_task(verifications.get(added[0].id))
        await until(lambda: len(sent) == 1)
        read = await asyncio.gather(*(verifications.get(it.id) for it in added))

    assert [await first, *read] == [added[0], *added]
    assert len(sent) == 2


async def test_more_requests_than_one_batch_are_all_answered(store: Store, verifications: Verifications, commands: Commands) -> None:
    crowd = [a_verification() for _ in range(2 * MAX_BATCH + 1)]
    await store.collection.insert_many([encode(it) for it in crowd])

    with commands.sent(store.database.name) as sent:
        read = await asyncio.gather(*(verifications.get(it.id) for it in crowd))

    assert read == crowd
    assert [next(iter(command)) for command in sent].count("find") == 3


async def test_a_shared_read_is_confined_to_each_callers_workspace_and_chain(store: Store) -> None:
    ours = await store.within("acme").add(a_verification(id="ver_1"))
    theirs = await store.within("other").add(a_verification(id="ver_2", workspace="other"))
    requests = [(workspace, chain, id) for workspace in ("acme", "other") for chain in (None, "ver_1", "ver_2") for id in ("ver_1", "ver_2")]

    read = await asyncio.gather(*(store.within(workspace, chain).get(id) for workspace, chain, id in requests))

    assert {key: found for key, found in zip(requests, read, strict=True) if found} == {
        ("acme", None, "ver_1"): ours,
        ("acme", "ver_1", "ver_1"): ours,
        ("other", None, "ver_2"): theirs,
        ("other", "ver_2", "ver_2"): theirs,
    }


async def test_a_read_never_starts_before_its_request(verifications: Verifications) -> None:
    added = await verifications.add(a_verification())

    async def write_and_read(number: int) -> None:
        changed = await verifications.change(added.id, lambda it, at: noted(it, f"event-{number}", at))
        read = await verifications.require(added.id)
        assert read.version >= changed.version

    await asyncio.gather(*(write_and_read(number) for number in range(50)))


async def test_an_unreadable_verification_does_not_affect_the_other_requests(store: Store, verifications: Verifications) -> None:
    added = [await verifications.add(a_verification()) for _ in range(3)]
    await store.collection.insert_one(encode(a_verification(id="ver_damaged")) | {"status": "unfamiliar"})

    reads = [verifications.get(id) for id in (added[0].id, "ver_damaged", added[1].id, "\ud800", added[2].id)]
    first, damaged, second, impossible, third = await asyncio.gather(*reads, return_exceptions=True)

    assert [first, second, third] == added
    assert isinstance(damaged, BadDocument)
    assert isinstance(impossible, UnicodeEncodeError)


async def test_a_cancelled_request_does_not_affect_the_others(verifications: Verifications) -> None:
    added = await verifications.add(a_verification())
    impatient, patient = [asyncio.create_task(verifications.get(added.id)) for _ in range(2)]
    await asyncio.sleep(0)

    impatient.cancel()

    assert await patient == added
    assert await verifications.get(added.id) == added


async def test_all_waiting_requests_fail_if_mongodb_does_not_answer(clock: Clock) -> None:
    client = connect("mongodb://127.0.0.1:1/gateway", timeout_seconds=0.2)
    verifications = Store(client, DATA_KEYS, clock).within("acme")

    outcomes = await asyncio.gather(*(verifications.get(f"ver_{number}") for number in range(10)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 10
    with pytest.raises(Unavailable):
        await verifications.get("ver_1")
    close_client(client)


async def test_requests_that_share_a_read_all_get_the_attributes_they_need(verifications: Verifications) -> None:
    added = [await verifications.add(a_verification(reference=f"order-{number}")) for number in range(3)]
    needs: list[frozenset[str] | None] = [frozenset({"status"}), frozenset({"reference", "phase"}), None, frozenset()]

    found = await asyncio.gather(*(verifications.get(each.id, need) for each in added for need in needs))
    alone = [await verifications.get(added[0].id, need) for need in needs]

    assert [row.id for row in found if row] == [each.id for each in added for _ in needs]
    assert [(row.status, row.reference, row.events) for row in found if row] == [
        (each.status, each.reference, each.events) for each in added for _ in needs
    ]
    assert [row.id for row in alone if row] == [added[0].id] * len(needs)
    assert alone[0] is not None
    assert alone[0].status is added[0].status
    with pytest.raises(NotRead, match="reference"):
        assert alone[0].reference
