"""Background tasks: how they are restarted after a failure, and which figures they give to the metrics."""

import asyncio
import logging
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from domain.errors import Unavailable
from domain.event import Progress
from domain.query_budget import QueryBudget
from domain.verification import Verification
from gateway.process import background
from gateway.process.background import counting, reporting, restarted, showing_budgets
from gateway.process.metrics import Providing
from store.verifications import Store
from tests.clock import Clock
from tests.factories import FAILED_RESULT, NOON, WINDOWS, a_verification, a_verification_after, later
from tests.storing import encode


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the pause between a failure and the restart, so that the tests are quick."""
    monkeypatch.setattr(background, "RESTART_SECONDS", 0.0)


async def test_a_task_that_fails_is_restarted_and_each_kind_of_failure_is_logged_once_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    failures = [ValueError("a secret"), ValueError("another secret"), KeyError("a secret"), ValueError("a secret")]

    async def work() -> None:
        if failures:
            raise failures.pop(0)

    await restarted("sweeper", work)

    assert caplog.messages == [f"the sweeper failed ({kind}) and is restarted" for kind in ("ValueError", "KeyError")]
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


async def test_verifications_that_wait_too_long_for_a_result_are_counted(store: Store, clock: Clock) -> None:
    def captured(minutes: int) -> Verification:
        return a_verification(at=NOON).progressed(Progress.CAPTURE_COMPLETED, WINDOWS, later(minutes=minutes))

    others = [a_verification(), a_verification_after(Progress.CAPTURE_STARTED), captured(0).concluded(FAILED_RESULT, later(minutes=1))]
    await store.collection.insert_many([*map(encode, [captured(0), captured(5), captured(10), *others])])
    counts: asyncio.Queue[int] = asyncio.Queue()
    task = asyncio.create_task(counting(store, timedelta(hours=1), counts.put_nowait, every_seconds=0.01))

    found = []
    for minutes in (59, 60, 65, 90):
        clock.now = later(minutes=minutes)
        # Take the third report: the earlier reports may be from counts that began before this test set the clock.
        found.append([await counts.get() for _ in range(3)][-1])
    task.cancel()

    assert found == [0, 1, 2, 3]


async def test_the_budgets_of_queries_are_shown() -> None:
    registry = CollectorRegistry()
    budgets = iter([{"acme": QueryBudget(3, 70)}, {"other": QueryBudget(0, 1)}])

    async def left() -> dict[str, QueryBudget]:
        if not (found := next(budgets, None)):
            raise Unavailable
        return found

    def shown(workspace: str) -> list[float | None]:
        return [registry.get_sample_value("gateway_query_budget_left", {"workspace": workspace, "within": each}) for each in ("minute", "hour")]

    found = []
    task = asyncio.create_task(showing_budgets(left, Providing(registry), every_seconds=0))
    for _ in range(2):
        await asyncio.sleep(0)
        found.append([shown("acme"), shown("other")])
    await asyncio.sleep(0)
    still_running = not task.done()
    task.cancel()

    assert (found, still_running) == ([[[3, 70], [None, None]], [[None, None], [0, 1]]], True)


async def test_the_verifications_that_are_not_started_yet_are_reported() -> None:
    registry = CollectorRegistry()
    counts = iter([(3, 12.5), (0, 0.0)])

    async def unfinished() -> tuple[int, float]:
        if not (found := next(counts, None)):
            raise Unavailable
        return found

    shown = []
    task = asyncio.create_task(reporting(unfinished, Providing(registry), every_seconds=0))
    for _ in range(2):
        await asyncio.sleep(0)
        shown.append((registry.get_sample_value("gateway_unfinished_creations"), registry.get_sample_value("gateway_oldest_creation_seconds")))
    await asyncio.sleep(0)
    still_running = not task.done()
    task.cancel()

    assert (shown, still_running) == ([(3, 12.5), (0, 0.0)], True)
