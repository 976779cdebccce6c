"""The fixture with the browser."""

import os
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browsers.chromium import MISSING, chromium_path, running_chromium


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A running Chromium. Without Chromium, the test is skipped; in CI, it fails."""
    path = chromium_path()
    if not path:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    async with running_chromium(path) as running:
        yield running
