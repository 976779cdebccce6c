"""Tests of adding and reading verifications, of idempotency keys, and of reading recent changes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from bson.timestamp import Timestamp
from pymongo.errors import DuplicateKeyError

from domain.errors import NotFound, ProviderIdTaken, Unavailable
from domain.event import Actor, Progress
from domain.filter import Filter
from domain.request import Idempotency, ProviderReference
from domain.status import Phase, Status
from store import indexes
from store.driver import Document, close_client, connect, ping
from store.feeds.stored_changes import STAMPING
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
from tests.histories import KEY, noted, opening, progressing
from tests.security.test_confinement import NOT_FOUND
from tests.store.test_documents import values
from tests.storing import DATA_KEYS, ORDINARY, encode, stored_documents, stored_verifications, storing


async def test_a_verification_is_read_as_it_was_added(verifications: Verifications) -> None:
    added = await verifications.add(a_verification(idempotency=KEY))

    assert await verifications.get(added.id) == added
    assert await verifications.require(added.id) == added
    assert await verifications.with_key("key-1") == added


async def test_a_verification_that_was_never_added_does_not_exist(verifications: Verifications) -> None:
    assert await verifications.get("ver_unknown") is None
    assert await verifications.with_key("key-1") is None
    with pytest.raises(NotFound, match="ver_unknown") as refusal:
        await verifications.require("ver_unknown", "id")
    assert refusal.value.field == "id"


async def test_a_replaced_verification_is_read_in_its_new_state(verifications: Verifications) -> None:
    pending = await verifications.add(a_verification())

    replaced = await verifications.replace(pending, opening(pending, later(minutes=1)))

    assert await verifications.get(pending.id) == replaced


async def test_concurrent_creations_with_one_idempotency_key_make_one_verification(
    database_uri: str, store: Store, verifications: Verifications
) -> None:
    async with storing(database_uri, store.now) as other:
        both = [verifications, other.within("acme")]
        added = await asyncio.gather(*(both[number % 2].add(a_verification(idempotency=KEY)) for number in range(20)))

    assert len({verification.id for verification in added}) == 1
    assert await stored_verifications(store) == [added[0]]


async def test_each_creation_without_a_key_makes_a_verification(store: Store, verifications: Verifications) -> None:
    await asyncio.gather(*(verifications.add(a_verification()) for _ in range(20)))

    assert await verifications.count(Filter()) == 20


async def test_an_idempotency_key_is_valid_in_its_own_workspace_only(store: Store, verifications: Verifications) -> None:
    ours = await verifications.add(a_verification(idempotency=KEY))
    theirs = await store.within("other").add(a_verification(workspace="other", idempotency=KEY))

    assert await verifications.with_key("key-1") == ours
    assert await store.within("other").with_key("key-1") == theirs


async def test_an_idempotency_key_finds_its_verification_in_its_current_state(verifications: Verifications) -> None:
    added = await verifications.add(a_final_verification(idempotency=KEY))
    anonymized = await verifications.change(added.id, lambda verification, at: verification.anonymized(Actor.INTEGRATOR, at))

    assert await verifications.add(a_verification(idempotency=KEY)) == anonymized


async def test_a_providers_id_is_unique(verifications: Verifications) -> None:
    first = await verifications.add(a_verification())

    with pytest.raises(ProviderIdTaken):
        await verifications.add(a_verification(provider=first.provider))
    with pytest.raises(ProviderIdTaken):
        await verifications.add(a_verification(provider=first.provider, idempotency=KEY))
    assert await verifications.count(Filter()) == 1


async def test_a_duplicate_of_another_kind_is_not_reported_as_a_taken_id(verifications: Verifications) -> None:
    first = await verifications.add(a_verification())

    with pytest.raises(DuplicateKeyError):
        await verifications.add(a_verification(id=first.id))


async def test_verifications_without_a_providers_id_do_not_exclude_each_other(store: Store, verifications: Verifications) -> None:
    nameless = ProviderReference("external", None, "https://provider.example")
    added = [await verifications.add(a_verification(provider=nameless)) for _ in range(2)]

    assert [await verifications.get(each.id) for each in added] == added
    assert [document["provider"] for document in await stored_documents(store)] == [{"name": "external", "url": "https://provider.example"}] * 2


async def test_a_providers_id_is_unique_in_its_own_workspace_only(store: Store, verifications: Verifications) -> None:
    first = await verifications.add(a_verification())

    await store.within("other").add(a_verification(workspace="other", provider=first.provider))


async def test_of_concurrent_creations_with_one_providers_id_one_succeeds(database_uri: str, store: Store, verifications: Verifications) -> None:
    reference = ProviderReference("external", "session-1", "https://provider.example")
    async with storing(database_uri, store.now) as other:
        both = [verifications, other.within("acme")]
        creations = (both[number % 2].add(a_verification(provider=reference)) for number in range(20))
        outcomes = await asyncio.gather(*creations, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ProviderIdTaken"] * 19 + ["Verification"]
    assert len(await stored_verifications(store)) == 1


@pytest.mark.parametrize("rebuilt", ["workspace_1_idempotency.key_1", "workspace_1_provider.id_1"])
async def test_a_repeated_creation_returns_the_verification_although_its_providers_id_is_taken(
    database_uri: str, store: Store, verifications: Verifications, rebuilt: str
) -> None:
    # If a write violates two unique indexes, MongoDB reports only the older index. This test runs twice: each time, another index is the newer one.
    await store.collection.drop_index(rebuilt)
    await indexes.ensure(store.database)
    reference = ProviderReference("external", "session-1", "https://provider.example")
    async with storing(database_uri, store.now) as other:
        both = [verifications, other.within("acme")]
        added = await asyncio.gather(*(both[number % 2].add(a_verification(idempotency=KEY, provider=reference)) for number in range(20)))

    assert await stored_verifications(store) == [added[0]]
    assert len({verification.id for verification in added}) == 1


async def test_changes_are_returned_in_the_order_in_which_mongodb_stored_them(store: Store, verifications: Verifications) -> None:
    began = await ping(store.database)
    added = [await verifications.add(a_verification(at=later(minutes=-number))) for number in range(12)]
    changed = [await verifications.change(it.id, lambda it, at: noted(it, "event", at)) for it in reversed(added[:6])]

    assert [it async for it in verifications.changed_since(began, Filter())] == [*added[6:], *changed]


async def test_changes_are_read_page_by_page(store: Store, verifications: Verifications) -> None:
    began = await ping(store.database)
    stamped = [a_verification(at=later(minutes=number // 100)) for number in range(1_201)]
    unstamped = [a_verification(at=began + timedelta(minutes=number // 100)) for number in range(1_201)]
    await store.collection.insert_many([encode(verification) for verification in stamped])
    await store.collection.insert_many([without_stamp(encode(verification)) for verification in unstamped])

    assert [it async for it in verifications.changed_since(began, Filter())] == [*stamped, *unstamped]


async def test_changes_by_older_releases_are_found_by_their_instant(store: Store, verifications: Verifications) -> None:
    """When an older release changes a document, it does not update the stamp (`storedAt`), which stays that of the previous change."""
    began = await ping(store.database)
    now = datetime.now(UTC)
    never, earlier, long_ago = a_verification(at=now), a_verification(at=now), a_verification(at=now - timedelta(minutes=5))
    old_stamp = Timestamp(int(began.timestamp()) - 3600, 1)
    await store.collection.insert_many(
        [without_stamp(encode(never)), encode(earlier) | {"storedAt": old_stamp}, encode(long_ago) | {"storedAt": old_stamp}]
    )

    assert [it async for it in verifications.changed_since(began, Filter())] == [never, earlier]


async def test_changes_are_found_whatever_the_clock_of_their_writer_shows(store: Store, verifications: Verifications, clock: Clock) -> None:
    began = await ping(store.database)
    changed = []
    for minutes in (0, -2, -600, 5, 600):
        clock.now = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=minutes)
        added = await verifications.add(a_verification(at=clock.now))
        changed.append(await verifications.change(added.id, lambda it, at: noted(it, "event", at)))

    assert [it async for it in verifications.changed_since(began, Filter())] == changed


async def test_only_changes_since_then_are_returned(store: Store, verifications: Verifications) -> None:
    await verifications.add(a_verification())
    await store.within("other").add(a_verification(workspace="other"))
    later_on = await ping(store.database) + STAMPING + timedelta(seconds=2)

    assert [it async for it in verifications.changed_since(later_on, Filter())] == []


async def test_changes_ignore_conditions_on_attributes_that_may_have_changed(store: Store, verifications: Verifications) -> None:
    began = await ping(store.database)
    filter = Filter(statuses=(Status.PENDING,), phases=(Phase.CAPTURING,), reference="order-7")
    await verifications.add(a_final_verification())
    was_pending = await verifications.add(a_final_verification(reference="order-7"))

    assert [it async for it in verifications.changed_since(began, filter)] == [was_pending]


def without_stamp(document: Document) -> Document:
    """The document without `storedAt`, as older releases store it."""
    return {name: value for name, value in document.items() if name != "storedAt"}


async def test_missing_values_are_never_stored_as_null(store: Store, verifications: Verifications) -> None:
    for number in range(3):
        added = await verifications.add(a_verification(reference=None, idempotency=Idempotency(f"key-{number}", None)))
        for progress in [*Progress][:number]:
            await verifications.change(added.id, progressing(progress))
    without_link = await verifications.add(a_verification(provider=ProviderReference("sandbox", "bare", None)))
    await verifications.change(without_link.id, lambda it, at: it.expired(it.expires_at))
    retry = await verifications.retry(without_link.id, retried)
    await verifications.change(retry.id, lambda it, at: it.concluded(VERIFIED_RESULT, at))
    await verifications.change(retry.id, lambda it, at: it.concluded(FAILED_RESULT, at))
    await verifications.change(retry.id, lambda it, at: it.anonymized(Actor.INTEGRATOR, at))

    stored = await stored_documents(store)

    assert len(stored) == 5
    assert [value for value in values(stored) if value is None] == []


async def test_every_call_is_unavailable_if_mongodb_does_not_answer_and_no_error_reveals_its_address(
    clock: Clock, free_tcp_port_factory: Callable[[], int]
) -> None:
    port = free_tcp_port_factory()
    client = connect(f"mongodb://127.0.0.1:{port}/gateway", timeout_seconds=0.3)
    store, verification = Store(client, DATA_KEYS, clock), a_verification(idempotency=KEY)
    verifications = store.within("acme")
    calls: list[Awaitable[object]] = [call(verifications, verification) for call, _ in NOT_FOUND.values()]
    calls += [
        verifications.add(verification),
        store.overdue(ORDINARY, 1),
        store.not_anonymized(NOON, 1),
        ping(store.database),
        indexes.ensure(store.database),
        indexes.missing(store.database),
    ]

    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    close_client(client)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * len(calls)
    assert not any("127.0.0.1" in str(outcome) or str(port) in str(outcome) for outcome in outcomes)
