"""Tests that a file with the issuer's keys is read again when it changes. If its new content can't be used, the earlier keys stay in use."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from joserfc.jwk import ECKey, Key

from gateway.callers.keys import KeyFile
from tests.wire import GENEROUS_SECONDS

OLD = ECKey.generate_key("P-256", {"kid": "old"})
NEW = ECKey.generate_key("P-256", {"kid": "new"})


def write(path: Path, *keys: Key) -> None:
    path.write_bytes(orjson.dumps({"keys": [key.as_dict(private=False) for key in keys]}))


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not holds():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def watched(path: Path) -> AsyncIterator[tuple[KeyFile, Sequence[None]]]:
    """A context in which the file is watched. Yields the keys that were read from it, and a list that gets one element at each change of the keys."""
    keys = KeyFile(path, pause_seconds=0.01)
    changes: list[None] = []
    running = asyncio.create_task(keys.run(lambda: changes.append(None)))
    try:
        yield keys, changes
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    write(file, OLD)
    async with watched(file) as (keys, changes):
        write(file, OLD, NEW)
        await eventually(lambda: len(changes) == 1)
        assert await keys.key("new")

        write(file, NEW)
        await eventually(lambda: len(changes) == 2)
        assert await keys.key("old") is None


async def test_a_file_that_is_replaced_through_a_link_is_read_again(tmp_path: Path) -> None:
    """Kubernetes replaces a mounted secret this way: the path of the file contains a link to a directory, and the link is replaced."""
    for name, key in (("one", OLD), ("two", NEW)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "keys.json", key)
    (tmp_path / "current").symlink_to("one")
    async with watched(tmp_path / "current" / "keys.json") as (keys, changes):
        (tmp_path / "next").symlink_to("two")
        os.replace(tmp_path / "next", tmp_path / "current")

        await eventually(lambda: len(changes) == 1)
        assert await keys.key("new")


@pytest.mark.parametrize("content", ["", "{}", '{"keys": []}', '{"keys": 7}', "[]", None])
async def test_a_file_that_cannot_be_used_leaves_the_last_keys_in_use(tmp_path: Path, content: str | None, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "keys.json"
    write(file, OLD)
    async with watched(file) as (keys, changes):
        file.unlink() if content is None else file.write_text(content)
        await eventually(lambda: "can't be used" in caplog.text)
        assert await keys.key("old")
        assert keys.failures >= 1

        write(file, NEW)
        await eventually(lambda: len(changes) == 1)

    assert await keys.key("new")


async def test_a_file_is_read_at_once_on_request_and_an_equal_one_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    write(file, OLD)
    keys = KeyFile(file)

    write(file, NEW)
    keys.reread()

    assert await keys.key("new")
