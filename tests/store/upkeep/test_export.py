"""Tests exports of what is stored about a workspace, or about one person."""

import json
from typing import Any

import pytest

from domain.event import ClosingNote
from store.queues.deliveries import NewEvents, StoredDeliveries
from store.upkeep import export
from store.upkeep.export import Export
from store.verifications import Store, Verifications
from tests.factories import NOON, VERIFIED_RESULT, a_final_verification, a_verification
from tests.histories import KEY
from tests.store.test_inbox import a_webhook


async def exported(store: Store, workspace: str = "acme", reference: str | None = None) -> list[dict[str, Any]]:
    """The lines of an export, parsed from JSON. The export is of a workspace, or of one reference if `reference` is set."""
    made = Export(store.database, store.keys)
    lines = made.of_workspace(workspace) if reference is None else made.of_reference(workspace, reference)
    return [json.loads(line) async for line in lines]


async def test_an_export_has_the_decrypted_personal_data_and_the_history(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_final_verification(VERIFIED_RESULT, idempotency=KEY))

    [line] = await exported(store, reference="order-1")

    found = line["verification"]
    assert found["_id"] == added.id
    assert found["declared"] == {"firstName": "Jeanne", "lastName": "Moreau"}
    assert found["extracted"]["fullName"] == "Jeanne Moreau"
    assert [event["type"] for event in found["events"]] == ["created", "status_changed"]
    assert found["createdAt"] == "2026-03-02T12:00:00.000Z"
    assert found["idempotency"] == {"key": "key-1"}


async def test_the_note_of_a_closed_verification_is_exported(store: Store, verifications: Verifications) -> None:
    await verifications.add(a_verification().closed_by_integrator(ClosingNote("gave up"), NOON))

    [line] = await exported(store)

    assert line["verification"]["closingNote"] == {"text": "gave up"}


@pytest.mark.parametrize("rows", [1, 2, 200])
async def test_a_workspace_is_exported_with_webhooks_and_deliveries(store: Store, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(export, "EXPORT_ROWS", rows)
    for workspace in ("acme", "other"):
        for number in range(3):
            added = await store.within(workspace).add(a_final_verification(id=f"ver_{workspace}{number}", workspace=workspace))
            await StoredDeliveries(store).record(workspace, [NewEvents(added.id, 1, 0, NOON)])
        await store.inbox.add(a_webhook(workspace=workspace), 5)

    lines = await exported(store)

    ids = [f"ver_acme{number}" for number in range(3)]
    assert [line["verification"]["_id"] for line in lines if "verification" in line] == ids
    assert [line["delivery"]["_id"] for line in lines if "delivery" in line] == ids
    assert [line["webhook"]["_id"] for line in lines if "webhook" in line] == ["acme/event-1"]


async def test_the_export_of_a_person_has_only_their_webhooks(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_final_verification(reference="person-1"))
    await verifications.add(a_final_verification(reference="person-2"))
    await store.inbox.add(a_webhook("event-1", provider_id=added.provider.id), 5)
    await store.inbox.add(a_webhook("event-2"), 5)

    lines = await exported(store, reference="person-1")

    assert [line["verification"]["_id"] for line in lines if "verification" in line] == [added.id]
    assert [line["webhook"]["eventId"] for line in lines if "webhook" in line] == ["event-1"]


async def test_data_that_cannot_be_decrypted_are_marked_and_counted(store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_final_verification())
    await store.collection.update_one({"_id": added.id}, {"$set": {"declared.key": "lost"}})
    made = Export(store.database, store.keys)

    [line] = [json.loads(line) async for line in made.of_workspace("acme")]

    assert line["verification"]["declared"] == {"unreadable": True}
    assert made.unreadable == 1
