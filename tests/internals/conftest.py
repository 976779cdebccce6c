"""Fixtures for the tests of libraries' internals."""

from collections.abc import AsyncGenerator

import pytest

from tests.internals.connections import Connections


@pytest.fixture
async def connections() -> AsyncGenerator[Connections, None]:
    """An object that opens connections of uvicorn for one test. They are closed after the test."""
    made = Connections()
    yield made
    await made.close()
