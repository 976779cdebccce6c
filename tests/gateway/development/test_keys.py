"""The keys that `gateway dev` creates for a developer's machine."""

import json
from base64 import urlsafe_b64decode
from dataclasses import asdict
from pathlib import Path

from gateway.application import token_reader
from gateway.development.keys import DEVELOPMENT_KEYS, credentials, keys, offline
from gateway.settings import data_keys, read_settings
from store.verifications import utc_now


def test_keys_for_development_are_random(tmp_path: Path) -> None:
    [(id, one)], [(_, other)] = (data_keys(keys(tmp_path / name)["data_keys"]).get_secret_value().items() for name in ("one", "other"))

    assert id == "development"
    assert one != other


def test_a_data_directory_keeps_its_keys(tmp_path: Path) -> None:
    created = keys(tmp_path)

    assert created.keys() == {*DEVELOPMENT_KEYS}
    assert keys(tmp_path) == created


def test_a_missing_key_is_added_and_the_others_are_kept(tmp_path: Path) -> None:
    created = keys(tmp_path)
    before = {name: key for name, key in created.items() if name != "data_keys"}
    (tmp_path / "keys.json").write_text(json.dumps(before))

    added = keys(tmp_path)

    assert added.items() > before.items()
    assert added["data_keys"] not in (created["data_keys"], "")
    assert keys(tmp_path) == added


def test_tokens_are_valid_for_a_day(tmp_path: Path) -> None:
    keys(tmp_path)
    made = credentials("http://127.0.0.1:8000", token_reader(read_settings(offline(tmp_path)), utc_now))

    claims = [json.loads(urlsafe_b64decode(token.split(".")[1] + "==")) for token in asdict(made.tokens).values()]

    assert [each["exp"] - each["iat"] for each in claims] == [86_400] * 4
