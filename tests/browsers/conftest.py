"""The fixtures with the browser and the board, and the time limit of the tests in this folder."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.browsers.board import BoardProcess, a_board
from tests.browsers.chromium import MISSING, chromium_path, running_chromium
from tests.prerequisites import missing
from tests.serving import ISSUER, Gateway, serving

# How long a test may take. Playwright itself waits without a limit for a script that a page evaluates, for a new tab, and for a browser that hangs.
MAX_TEST_SECONDS = 240


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Give each asynchronous test of this folder a time limit."""
    for item in items:
        if isinstance(item, pytest.Function) and Path(__file__).parent in item.path.parents and inspect.iscoroutinefunction(item.obj):
            item.obj = limited(item.obj)


def limited(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """The test with a time limit: it fails with TimeoutError at the place where it waits."""

    @wraps(test)
    async def limited_test(*arguments: Any, **fixtures: Any) -> None:
        async with asyncio.timeout(MAX_TEST_SECONDS):
            await test(*arguments, **fixtures)

    return limited_test


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A running Chromium. Without Chromium, the test is skipped; in CI, it fails."""
    path = chromium_path()
    if not path:
        missing(MISSING)
    async with running_chromium(path) as running:
        yield running


@pytest.fixture(scope="module")
async def shared_gateway(shared_database_uri: str) -> AsyncIterator[Gateway]:
    """A second gateway, which the browser does not use. The companies write through it, also while the browser's gateway is down."""
    async with serving(shared_database_uri, token_issuer=ISSUER) as running:
        yield running


@pytest.fixture(scope="module")
async def board(shared_database_uri: str, tmp_path_factory: pytest.TempPathFactory, shared_gateway: Gateway) -> AsyncIterator[BoardProcess]:
    """The process of the gateway that serves the board to the browser."""
    async with a_board(shared_database_uri, tmp_path_factory.mktemp("board")) as process:
        yield process
