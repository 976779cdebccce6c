"""Tests the erasure of everything that is stored under a reference."""

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from domain.event import Actor
from domain.request import RetryRequest
from domain.verification import Verification
from store.driver import Document
from store.indexes import DELIVERIES, ERASURES, INBOX, TOMBSTONES
from store.queues.deliveries import NewEvents, StoredDeliveries
from store.upkeep import erasure
from store.upkeep.erasure import StillPending, erase
from store.upkeep.json_lines import json_line
from store.verifications import Store, Verifications
from tests.clock import Clock
from tests.factories import FAILED_RESULT, NOON, a_final_verification, a_verification, retried
from tests.store.test_inbox import a_webhook
from tests.storing import changes, stored_documents

PERSON = "person-1"


@pytest.fixture
def clock() -> Clock:
    """A clock that starts at the real time. With an earlier clock, MongoDB, which uses its own clock, would delete tombstones too soon."""
    return Clock(datetime.now(UTC).replace(microsecond=0))


def hidden(text: str) -> str:
    """A hash that stands for the HMAC of a gateway."""
    return sha256(b"key" + text.encode()).hexdigest()


async def erased(store: Store, workspace: str = "acme", reference: str = PERSON) -> list[Document]:
    """Erase what is stored under a reference. Returns the receipts, which say how much was erased."""
    return await erase(store.client, store.database, workspace, reference, hidden, store.now(), timedelta(days=1))


async def stored_ids(store: Store) -> set[str]:
    """The ids of all stored verifications."""
    return {document["_id"] for document in await stored_documents(store)}


async def a_person(store: Store, workspace: str = "acme", reference: str = PERSON) -> list[Verification]:
    """Store two attempts of one chain with this reference, and entries about the first one. Returns the attempts."""
    verifications = store.within(workspace)
    failed = await verifications.add(a_final_verification(FAILED_RESULT, workspace=workspace, reference=reference))
    retry = await verifications.retry(failed.id, retried)
    final = await verifications.change(retry.id, lambda old, at: old.concluded(FAILED_RESULT, at))
    await StoredDeliveries(store).record(workspace, [NewEvents(failed.id, 1, 0, NOON)])
    event_id = f"{workspace}-{reference}"
    assert await store.inbox.add(a_webhook(event_id, workspace, provider_id=failed.provider.id, received_at=store.now()), 5)
    return [failed, final]


async def test_everything_under_the_reference_is_erased_and_nothing_else(store: Store) -> None:
    await a_person(store)
    others = [*await a_person(store, "other"), *await a_person(store, reference="person-2")]

    await erased(store)

    assert await stored_ids(store) == {each.id for each in others}
    assert await store.database[DELIVERIES].count_documents({}) == 2
    assert {found["_id"] async for found in store.database[INBOX].find()} == {"other/other-person-1", "acme/acme-person-2"}
    assert await store.database[TOMBSTONES].count_documents({"workspace": "acme"}) == 2


async def test_the_receipt_says_what_was_erased_without_personal_data(store: Store) -> None:
    attempts = await a_person(store)
    content = b"".join(sorted(json_line(document) for document in await stored_documents(store)))

    [receipt] = await erased(store)

    assert receipt == {
        "_id": receipt["_id"],
        "workspace": "acme",
        "erasedAt": store.now(),
        "referenceHash": hidden('["acme","person-1"]'),
        "chains": 1,
        "statuses": {"failed": 2},
        "verifications": 2,
        "webhooks": 1,
        "deliveries": 1,
        "queries": 0,
        "starts": 0,
        "contentHash": f"sha256:{sha256(content).hexdigest()}",
    }
    text = json_line(receipt).decode()
    assert not [secret for secret in (PERSON, "Moreau", *(attempt.id for attempt in attempts)) if secret in text]


async def test_a_repeated_erasure_returns_the_receipt_again(store: Store) -> None:
    await a_person(store)
    first = await erased(store)

    assert await erased(store) == first
    await a_person(store)
    assert len(await erased(store)) == 2
    assert await erased(store, "other") == []


async def test_attempts_whose_reference_was_removed_are_erased_with_their_chain(store: Store, verifications: Verifications) -> None:
    failed, _ = await a_person(store)
    await verifications.change(failed.id, lambda old, at: old.anonymized(Actor.INTEGRATOR, at, erasing_references=True))

    await erased(store)

    assert await stored_ids(store) == set()


async def test_pending_verifications_are_refused_and_nothing_is_erased(store: Store, verifications: Verifications) -> None:
    attempts = await a_person(store)
    pending = await verifications.add(a_verification(reference=PERSON))

    with pytest.raises(StillPending) as error:
        await erased(store)

    assert error.value.ids == [pending.id]
    assert await stored_ids(store) == {pending.id, *(each.id for each in attempts)}
    assert await store.database[ERASURES].count_documents({}) == 0


async def test_damaged_documents_are_erased_too(store: Store) -> None:
    failed, _ = await a_person(store)
    damage: Document = {"$set": {"status": ["failed"], "provider": 7}, "$unset": {"version": "", "chain": "", "createdAt": ""}}
    await store.collection.update_one({"_id": failed.id}, damage)
    await store.collection.insert_one({"_id": 7, "workspace": "acme", "reference": PERSON, "chain": {"a": 1}})

    await erased(store)

    assert await stored_ids(store) == set()


async def test_a_reference_with_many_verifications_has_several_receipts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "MAX_ERASED", 4)
    for _ in range(5):
        await a_person(store)
        await store.inbox._collection.delete_many({})

    receipts = await erased(store)

    assert sum(receipt["verifications"] for receipt in receipts) == 10
    assert len(receipts) > 1
    assert await stored_ids(store) == set()


async def test_a_retry_at_the_same_time_is_not_left_behind(store: Store) -> None:
    for _ in range(10):
        _, final = await a_person(store)
        await store.inbox._collection.delete_many({})

        outcomes = await asyncio.gather(erased(store), changes(store).retry("acme", final.id, RetryRequest()), return_exceptions=True)

        left = await stored_documents(store)
        if isinstance(outcomes[0], StillPending):
            # The retry was stored first. It is pending, so nothing of its chain was erased.
            assert len(left) == 3
        else:
            assert left == []
        await store.collection.delete_many({})


async def test_erasures_at_the_same_time_have_one_receipt(store: Store) -> None:
    await a_person(store)

    receipts = await asyncio.gather(*(erased(store) for _ in range(4)))

    assert await store.database[ERASURES].count_documents({}) == 1
    assert all(len(each) == 1 for each in receipts)
