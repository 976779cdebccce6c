"""Fixtures of the tests of internals."""

from collections.abc import AsyncGenerator

import pytest

from tests.internals.connections import Connections


@pytest.fixture
async def connections() -> AsyncGenerator[Connections, None]:
    """The connections of one test."""
    made = Connections()
    yield made
    await made.close()
