"""Tests the commands `gateway export` and `gateway erase`, against a real MongoDB."""

import json

import pytest

from domain.status import Status
from gateway.commands.personal_data import PersonalDataError, erase_reference, export, found_under
from gateway.settings import Settings
from store.indexes import ERASURES
from store.verifications import Store, Verifications
from tests.factories import a_final_verification, a_verification
from tests.serving import settings_for_tests
from tests.store.test_inbox import UNREACHABLE
from tests.storing import stored_documents, stored_verifications


@pytest.fixture
def settings(database_uri: str) -> Settings:
    """The settings of a gateway with the database of the test."""
    return settings_for_tests(database_uri, 0)


async def test_a_workspace_or_a_reference_is_exported(settings: Settings, verifications: Verifications) -> None:
    for reference in ("person-1", "person-2"):
        await verifications.add(a_final_verification(reference=reference))
    lines: list[bytes] = []

    assert await export(settings, "acme", None, lines.append) == 2
    assert await export(settings, "acme", "person-2", lines.append) == 1
    assert await export(settings, "other", None, lines.append) == 0

    assert [json.loads(line)["verification"]["reference"] for line in lines] == ["person-1", "person-2", "person-2"]
    assert json.loads(lines[0])["verification"]["declared"]["lastName"] == "Moreau"


async def test_an_export_without_some_data_fails_after_its_last_line(settings: Settings, store: Store, verifications: Verifications) -> None:
    damaged = await verifications.add(a_final_verification())
    await verifications.add(a_final_verification())
    await store.collection.update_one({"_id": damaged.id}, {"$set": {"declared.key": "lost"}})
    lines: list[bytes] = []

    with pytest.raises(PersonalDataError, match="1 values can't be decrypted"):
        await export(settings, "acme", None, lines.append)

    assert len(lines) == 2


async def test_a_reference_is_erased_with_a_receipt_that_is_printed_again(settings: Settings, store: Store, verifications: Verifications) -> None:
    added = await verifications.add(a_final_verification(reference="person-1"))
    assert await found_under(settings, "acme", "person-1") == [f"{added.id}\tfailed"]

    [line] = await erase_reference(settings, "acme", "person-1", close=False)

    receipt = json.loads(line)
    assert (receipt["workspace"], receipt["verifications"], receipt["statuses"]) == ("acme", 1, {"failed": 1})
    assert receipt["receipt"] == (await store.database[ERASURES].find_one({}) or {})["_id"]
    assert "person-1" not in line.decode()
    assert await stored_documents(store) == []
    assert await erase_reference(settings, "acme", "person-1", close=False) == [line]


async def test_a_pending_verification_is_closed_first_only_on_request(settings: Settings, store: Store, verifications: Verifications) -> None:
    pending = await verifications.add(a_verification(reference="person-1"))

    with pytest.raises(PersonalDataError, match=rf"{pending.id}; close these verifications, or pass --close"):
        await erase_reference(settings, "acme", "person-1", close=False)
    assert [each.status for each in await stored_verifications(store)] == [Status.PENDING]

    [line] = await erase_reference(settings, "acme", "person-1", close=True)
    assert json.loads(line)["statuses"] == {"inconclusive": 1}


async def test_an_unknown_reference_is_an_error(settings: Settings, store: Store) -> None:
    with pytest.raises(PersonalDataError, match="no verification of this workspace"):
        await erase_reference(settings, "acme", "person-1", close=True)


async def test_without_mongodb_the_commands_end_with_an_error() -> None:
    unreachable = settings_for_tests(UNREACHABLE, 0, database_seconds=0.1)

    with pytest.raises(PersonalDataError, match="MongoDB did not answer"):
        await erase_reference(unreachable, "acme", "person-1", close=False)
    with pytest.raises(PersonalDataError, match="MongoDB did not answer"):
        await export(unreachable, "acme", None, lambda line: None)
