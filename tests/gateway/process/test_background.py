"""Background tasks are restarted after a failure."""

import asyncio
import logging

import pytest

from gateway.process import background
from gateway.process.background import restarted


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the pause between a failure and the restart, so that the tests are quick."""
    monkeypatch.setattr(background, "RESTART_SECONDS", 0.0)


async def test_a_task_that_fails_is_restarted_and_logged_without_the_text_of_the_error(caplog: pytest.LogCaptureFixture) -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ValueError("a secret")

    await restarted("sweeper", work)

    assert runs == 3
    assert caplog.messages == ["the sweeper failed (ValueError) and is restarted"] * 2
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


async def test_a_task_that_is_cancelled_is_not_restarted() -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        await asyncio.Event().wait()

    task = asyncio.create_task(restarted("feed", work))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert runs == 1
