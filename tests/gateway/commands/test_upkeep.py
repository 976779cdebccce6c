"""Tests the commands `gateway migrate` and `gateway keys rotate`, against a real MongoDB. `tests/processes/test_upkeep.py` kills them."""

from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from domain.verification import Verification
from gateway.commands import upkeep
from gateway.commands.upkeep import UpkeepError, migrate, rotate_keys
from gateway.settings import Settings
from store.upkeep.rounds import all_states
from store.verifications import Store
from tests.factories import VERIFIED_RESULT, a_final_verification
from tests.serving import KEYS, settings_for_tests
from tests.store.test_inbox import UNREACHABLE
from tests.storing import encode, stored_documents

NEW_KEY = b64encode(sha256(b"new").digest()).decode()
OTHER_KEY = b64encode(sha256(b"other").digest()).decode()
ROTATED = f"new:{NEW_KEY},{KEYS['data_keys']}"


def settings_with(database_uri: str, **changed: Any) -> Settings:
    """The settings of a command that uses this database. `changed`: other values for settings."""
    return settings_for_tests(database_uri, 0, **changed)


async def stored(store: Store) -> Verification:
    """Store a verification with personal data. Returns the verification."""
    return await store.within("acme").add(a_final_verification(VERIFIED_RESULT))


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the pause before a second round. The pause lets changes of other processes end, and in these tests there are none."""
    monkeypatch.setattr(upkeep, "pause_of", lambda settings: 0)


async def test_keys_are_rotated_and_the_progress_is_printed(store: Store, database_uri: str) -> None:
    await stored(store)
    printed: list[str] = []

    line = await rotate_keys(settings_with(database_uri, data_keys=ROTATED), printed.append)

    assert line == "all personal data are encrypted under the key new; 1 verifications were rewritten"
    assert printed[0] == "round 1: passed 1 of about 1 verifications; 1 rewritten"
    assert [document["declared"]["key"] for document in await stored_documents(store)] == ["new"]


async def test_personal_data_that_no_key_opens_are_reported(store: Store, database_uri: str) -> None:
    added = await stored(store)
    await store.collection.update_one({"_id": added.id}, {"$set": {"extracted.key": "lost"}})

    with pytest.raises(UpkeepError, match="1 verifications hold personal data that no key"):
        await rotate_keys(settings_with(database_uri, data_keys=ROTATED), lambda line: None)


async def test_documents_are_migrated(store: Store, database_uri: str) -> None:
    document = encode(a_final_verification())
    del document["schema"]
    await store.collection.insert_one(document)

    line = await migrate(settings_with(database_uri), lambda line: None)

    assert line == "all documents have schema version 2; 1 were migrated"
    assert await migrate(settings_with(database_uri), lambda line: None) == "all documents have schema version 2; 0 were migrated"


async def test_a_rotation_to_another_key_ends_the_first_one(store: Store, database_uri: str) -> None:
    await stored(store)

    other = settings_with(database_uri, data_keys=f"other:{NEW_KEY},{ROTATED.replace(NEW_KEY, OTHER_KEY)}")
    await rotate_keys(other, lambda line: None)
    [state] = await all_states(store.database)

    assert state.target == "other"
    with pytest.raises(UpkeepError, match="no key in GATEWAY_DATA_KEYS opens"):
        await rotate_keys(settings_with(database_uri, data_keys=ROTATED), lambda line: None)


async def test_without_mongodb_the_command_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "PAUSE_AFTER_FAILURE_SECONDS", 0)
    printed: list[str] = []

    with pytest.raises(UpkeepError, match="run the command again"):
        await migrate(settings_with(UNREACHABLE, database_seconds=0.1), printed.append)

    assert printed == ["MongoDB does not answer; trying again"] * (upkeep.MAX_FAILURES - 1)
