"""The fixture with which tests make uvicorn's connection objects without a network."""

from collections.abc import AsyncGenerator

import pytest

from tests.internals.connections import Connections


@pytest.fixture
async def connections() -> AsyncGenerator[Connections, None]:
    """An object with which one test makes uvicorn's connection objects. After the test, their timers and tasks are stopped."""
    made = Connections()
    yield made
    await made.close()
