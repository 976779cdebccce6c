"""Tests of `gateway check --provider WORKSPACE --live`, against a fake of Yousign."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.commands import live_check as module
from gateway.commands.live_check import live_check, pause_seconds
from providers.file import YousignSection
from tests.fakes.yousign import FakeYousign, Fault, fake_yousign, providers_file
from tests.providers.test_yousign import section
from tests.serving import settings_for_tests
from tests.storing import GENEROUS_SECONDS


@pytest.fixture
async def fake() -> AsyncIterator[FakeYousign]:
    """A running fake of Yousign."""
    async with fake_yousign() as running:
        yield running


async def checked(file: Path, lines: list[str], workspace: str = "acme") -> bool:
    """Run the check. Appends the lines that it shows to `lines`. Returns whether the verification got an outcome."""
    return await live_check(settings_for_tests("mongodb://unused", 0, providers_file=file), workspace, lines.append)


@pytest.fixture
def frequent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the check read the verification more often than Yousign allows, so that the tests are quick. The fake has no such limit."""
    monkeypatch.setattr(module, "MINUTE_SECONDS", 0.1)
    monkeypatch.setattr(module, "HOUR_SECONDS", 0.1)


@pytest.mark.usefixtures("frequent")
async def test_a_verification_is_read_until_it_has_an_outcome(fake: FakeYousign, tmp_path: Path) -> None:
    fake.order("GET", Fault.AWAY)
    lines: list[str] = []
    checking = asyncio.create_task(checked(providers_file(tmp_path, fake), lines))
    async with asyncio.timeout(GENEROUS_SECONDS):
        while "Read: pending." not in lines:
            await asyncio.sleep(0.005)
    [id] = fake.videos
    fake.decide(id, "failed", ["IDVV_2101"], {"full_name": "Jeanne Specimen"})

    assert await checking

    assert lines[0] == f"Created the verification {id} of Jeanne Specimen."
    assert fake.videos[id]["verification_url"] in lines[1]
    assert "The provider could not be read: status 503." in lines
    assert lines[-2:] == [
        "Read: failed [IDVV_2101] with the data of a document.",
        "Seen: pending, then failed [IDVV_2101] with the data of a document.",
    ]
    assert [secret for secret in (fake.api_key, fake.secret) if secret in "\n".join(lines)] == []


async def test_an_interruption_prints_what_was_seen(fake: FakeYousign, tmp_path: Path) -> None:
    lines: list[str] = []
    checking = asyncio.create_task(checked(providers_file(tmp_path, fake), lines))
    async with asyncio.timeout(GENEROUS_SECONDS):
        while "Read: pending." not in lines:
            await asyncio.sleep(0.005)

    checking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checking

    assert lines[-1] == "Seen: pending."


async def test_a_refused_key_is_named(fake: FakeYousign, tmp_path: Path) -> None:
    file = providers_file(tmp_path, fake)
    fake.api_key = "another-key"
    lines: list[str] = []

    assert not await checked(file, lines)
    assert lines == ["The verification could not be created: the API key is not accepted (status 401)."]


async def test_a_workspace_without_such_a_provider_is_named(fake: FakeYousign, tmp_path: Path) -> None:
    lines: list[str] = []

    assert not await checked(providers_file(tmp_path, fake), lines, "other")
    assert lines[0].startswith("The workspace other has no provider that can be queried")


@pytest.mark.parametrize(("budget", "pause"), [({}, 24), ({"reads_per_minute": 2}, 30), ({"reads_per_hour": 3600}, 3)])
def test_the_pauses_keep_both_budgets(budget: dict[str, int], pause: float) -> None:
    chosen: YousignSection = section(FakeYousign(url="http://127.0.0.1:1"), **budget)

    assert pause_seconds(chosen) == pause
