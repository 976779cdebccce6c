"""Fixtures for the tests of libraries' internals."""

from collections.abc import AsyncGenerator

import pytest

from tests.internals.connections import Connections


@pytest.fixture
async def connections() -> AsyncGenerator[Connections, None]:
    """Opens connections of uvicorn for one test, and closes them after it."""
    made = Connections()
    yield made
    await made.close()
