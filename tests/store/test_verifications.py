"""What is added is read as it was added, under one key once; and what else is asked of all of them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pymongo.errors import DuplicateKeyError

from domain.errors import NotFound, Unavailable
from domain.event import Actor, Progress
from domain.filter import Filter
from domain.status import Status
from domain.verification import Idempotency, Provider
from store import indexes
from store.driver import close, connect, ping
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.factories import (
    FAILED_RESULT,
    NOON,
    VERIFIED_RESULT,
    a_final_verification,
    a_verification,
    later,
    retried,
)
from tests.histories import KEY, opening, progressing
from tests.store.test_documents import values
from tests.store.test_verifications_confinement import NOT_THERE
from tests.storing import DATA_KEYS, encode, stored_documents, stored_verifications, storing


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


async def test_one_idempotency_key_makes_one_verification_however_many_ask_at_once(
    database_uri: str, store: Store, verifications: Verifications
) -> None:
    async with storing(database_uri, store.now) as other:
        both = [verifications, other.within("acme")]
        made = await asyncio.gather(*(both[number % 2].add(a_verification(idempotency=KEY)) for number in range(20)))

    assert len({verification.id for verification in made}) == 1
    assert await stored_verifications(store) == [made[0]]


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

    stored = await stored_documents(store)

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
