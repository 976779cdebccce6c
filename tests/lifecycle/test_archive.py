"""Tests the archive, in which verifications are recorded before they are deleted."""

import asyncio
import json
import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.event import ClosingNote
from domain.verification import Verification
from lifecycle.archive import Archive
from tests.factories import NOON, VERIFIED_RESULT, a_final_verification, a_verification
from tests.histories import KEY
from tests.storing import decode, encode


def stored(verification: Verification) -> Verification:
    """The verification as it would be after it was stored in MongoDB and read from there."""
    return decode(encode(verification))


def files(directory: Path) -> list[Path]:
    """The files of an archive."""
    return sorted(directory.iterdir())


def lines(directory: Path) -> list[dict[str, Any]]:
    """The lines of all files of an archive."""
    return [json.loads(line) for path in files(directory) for line in path.read_text().splitlines()]


async def test_the_archive_has_the_history_and_no_personal_data(tmp_path: Path) -> None:
    verification = stored(a_final_verification(VERIFIED_RESULT, idempotency=KEY))

    await Archive(tmp_path).write([verification], NOON, erasing_references=False)

    [line] = lines(tmp_path)
    archived = line["verification"]
    assert line["archivedAt"] == "2026-03-02T12:00:00.000Z"
    assert (archived["_id"], archived["status"], archived["version"], archived["reference"]) == (verification.id, "verified", 2, "order-1")
    assert [event["type"] for event in archived["events"]] == ["created", "status_changed"]
    assert archived["provider"] == {"name": "sandbox", "id": verification.provider.id}
    assert archived["idempotency"] == {"key": KEY.key}
    assert archived.keys().isdisjoint({"declared", "extracted", "closingNote", "due"})


async def test_references_are_left_out_if_anonymization_removes_them(tmp_path: Path) -> None:
    await Archive(tmp_path).write([stored(a_final_verification())], NOON, erasing_references=True)

    [line] = lines(tmp_path)
    assert "reference" not in line["verification"]
    assert line["verification"]["redirectionUrl"] == "https://shop.example"


async def test_the_note_of_a_closed_verification_is_left_out(tmp_path: Path) -> None:
    closed = a_verification().closed_by_integrator(ClosingNote("Jeanne gave up"), NOON)

    await Archive(tmp_path).write([stored(closed)], NOON, erasing_references=False)

    assert "Jeanne" not in json.dumps(lines(tmp_path))
    assert "closingNote" not in lines(tmp_path)[0]["verification"]


async def test_fields_of_other_releases_are_left_out(tmp_path: Path) -> None:
    document = encode(a_final_verification()) | {"nickname": "Jeanne"}
    document["provider"]["contact"] = document["events"][0]["contact"] = "Jeanne"

    await Archive(tmp_path).write([decode(document)], NOON, erasing_references=False)

    assert "Jeanne" not in json.dumps(lines(tmp_path))


async def test_only_the_user_of_the_gateway_can_read_the_files(tmp_path: Path) -> None:
    await Archive(tmp_path).write([stored(a_final_verification())], NOON, erasing_references=False)

    [path] = files(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_each_process_and_each_day_has_a_file_of_its_own(tmp_path: Path) -> None:
    one, other = Archive(tmp_path), Archive(tmp_path)
    for archive, at in ((one, NOON), (one, NOON), (other, NOON), (one, NOON + timedelta(days=1))):
        await archive.write([stored(a_final_verification())], at, erasing_references=False)

    assert sorted(len(path.read_text().splitlines()) for path in files(tmp_path)) == [1, 1, 2]
    assert {path.name[:24] for path in files(tmp_path)} == {"verifications-2026-03-02", "verifications-2026-03-03"}


async def test_writes_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    archive, found = Archive(tmp_path), [stored(a_final_verification()) for _ in range(40)]

    await asyncio.gather(*(archive.write([each], NOON, erasing_references=False) for each in found))

    assert {line["verification"]["_id"] for line in lines(tmp_path)} == {each.id for each in found}


async def test_after_an_error_lines_go_to_a_new_file(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    await archive.write([stored(a_final_verification())], NOON, erasing_references=False)
    [first] = files(tmp_path)
    first.rename(tmp_path / "kept")
    first.mkdir()

    with pytest.raises(IsADirectoryError):
        await archive.write([stored(a_final_verification())], NOON, erasing_references=False)
    await archive.write([stored(a_final_verification())], NOON, erasing_references=False)

    assert {path.name for path in files(tmp_path)} == {"kept", first.name, first.name.replace("-1.jsonl", "-2.jsonl")}


def test_a_directory_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError) as error:
        Archive(tmp_path / "missing")

    assert error.value.filename == os.fspath(tmp_path / "missing")
