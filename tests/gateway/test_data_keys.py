"""The keys of personal data, as they are set and as a developer's own machine makes them."""

import json
from base64 import b64encode
from pathlib import Path

from gateway.data_keys import made_for_development, parsed
from gateway.development.keys import KEYS, keys

ONE, OTHER = bytes(range(32)), bytes(range(100, 132))


def written(key: bytes) -> str:
    return b64encode(key).decode()


def test_the_first_key_that_is_written_is_the_first() -> None:
    found = parsed(f"2026-11:{written(OTHER)}, 2026-03:{written(ONE)}")

    assert [*found.items()] == [("2026-11", OTHER), ("2026-03", ONE)]


def test_keys_for_development_are_made_at_random() -> None:
    [(id, one)], [(_, other)] = (parsed(made_for_development()).items() for _ in range(2))

    assert id == "development"
    assert one != other


def test_a_data_directory_keeps_its_keys(tmp_path: Path) -> None:
    made = keys(tmp_path)

    assert made.keys() == {*KEYS}
    assert keys(tmp_path) == made


def test_a_data_directory_from_before_there_was_a_key_gets_that_one_and_keeps_the_others(tmp_path: Path) -> None:
    made = keys(tmp_path)
    before = {name: key for name, key in made.items() if name != "data_keys"}
    (tmp_path / "keys.json").write_text(json.dumps(before))

    added = keys(tmp_path)

    assert added.items() > before.items()
    assert added["data_keys"] not in (made["data_keys"], "")
    assert keys(tmp_path) == added
