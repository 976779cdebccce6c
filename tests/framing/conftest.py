"""The gateway of the tests in this folder. The tests check where it ends one request and begins the next, and observe what it reads."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from gateway.transports.http_connection import Patience
from store.indexes import VERIFICATIONS
from tests.commands import Commands
from tests.framing.connections import observed
from tests.framing.watched import Watched
from tests.serving import serving

# Timeouts that are longer than any test. The gateway must not close the connections that nginx keeps open during a test.
PATIENT = Patience(head_seconds=600, body_seconds=600, idle_seconds=600)
UNLIMITED = 10**9


@pytest.fixture(scope="module")
async def watched(shared_database_uri: str, mongo: MongoClient[dict[str, Any]], commands: Commands) -> AsyncIterator[Watched]:
    """An observed gateway, which all tests of a module share.

    The tests send no mutation that may be executed, so each of them can check that the database is still empty (see `Watched.executes`).
    """
    collection = mongo[urlsplit(shared_database_uri).path[1:]][VERIFICATIONS]
    with observed() as reads:
        async with serving(shared_database_uri, patience=PATIENT, rate_cost_per_second=UNLIMITED, rate_burst_cost=UNLIMITED) as gateway:
            yield Watched(gateway, reads, collection)
