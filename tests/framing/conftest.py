"""A gateway whose reads are observed, and callers of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from gateway.protocol import Patience
from store.indexes import VERIFICATIONS
from tests.commands import Commands
from tests.framing.connections import Peer, observed
from tests.framing.exchanges import Callers, Exchange, executed, hold
from tests.serving import Gateway, serving

# A proxy may keep a connection for as long as a test takes.
PATIENT = Patience(head_seconds=600, body_seconds=600, idle_seconds=600)
UNLIMITED = 10**9


@dataclass(frozen=True, slots=True)
class Framing:
    """A gateway, a peer of its own in this process, callers, and the number of verifications in its database."""

    gateway: Gateway
    peer: Peer
    callers: Callers
    count_verifications: Any

    async def hold(self, exchanges: list[Exchange], peer: Peer, at_once: int = 1) -> None:
        """Hold exchanges, so many at a time, after which exactly their own operations were executed."""
        before, waiting = await executed(self.gateway), iter(exchanges)

        async def work() -> None:
            for exchange in waiting:
                await hold(exchange, peer)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())

        after = await executed(self.gateway)
        assert after["query"] - before["query"] == sum(exchange.queries for exchange in exchanges)
        assert after["mutation"] == 0
        assert self.count_verifications() == 0


@pytest.fixture(scope="module")
async def framing(shared_database_uri: str, mongo: MongoClient[dict[str, Any]], commands: Commands) -> AsyncIterator[Framing]:
    """A gateway for all requests of a module, none of which changes anything."""
    collection = mongo[urlsplit(shared_database_uri).path[1:]][VERIFICATIONS]
    with observed() as reads:
        async with serving(shared_database_uri, patience=PATIENT, rate_cost_per_second=UNLIMITED, rate_burst_cost=UNLIMITED) as gateway:
            peer = Peer(urlsplit(gateway.url).port or 0, reads)
            yield Framing(gateway, peer, Callers(gateway), lambda: collection.count_documents({}))
