"""What tests of several packages stand on."""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from gateway.embedded import EmbeddedMongo
from tests.serving import Gateway, serving


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The loop that the gateway runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MongoDB for all tests: the one that GATEWAY_TEST_MONGO_URI names, else an embedded one."""
    if given := os.environ.get("GATEWAY_TEST_MONGO_URI"):
        yield given
        return
    with EmbeddedMongo(tmp_path_factory.mktemp("mongo")) as mongo:
        yield mongo.uri


@pytest.fixture
def database_name() -> str:
    """A database that no other test has."""
    return f"test_{uuid4().hex}"


@pytest.fixture
def database_uri(mongo_uri: str, database_name: str) -> str:
    """The address of a database that no other test has."""
    parts = urlsplit(mongo_uri)
    return urlunsplit(parts._replace(path=f"/{database_name}"))


@pytest.fixture
async def gateway(database_uri: str) -> AsyncIterator[Gateway]:
    """A running gateway over a database of its own."""
    async with serving(database_uri) as running:
        yield running
