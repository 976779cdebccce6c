"""A gateway that tests observe: which bytes it has read, which operations it has executed, and whether the database has changed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families
from pymongo.collection import Collection

from tests.framing.callers import Callers
from tests.framing.connections import Peer, Reads
from tests.framing.exchanges import Exchange, run
from tests.serving import Gateway


class Watched:
    """An observed gateway. `peer`: the gateway as a server to connect to. `reads`: the record of its reads. `collection`: its verifications."""

    def __init__(self, gateway: Gateway, reads: Reads, collection: Collection[dict[str, Any]]) -> None:
        self.gateway = gateway
        self.reads = reads
        self.peer = Peer(urlsplit(gateway.url).port or 0, reads)
        self.callers = Callers(gateway)
        self._collection = collection

    @asynccontextmanager
    async def executes(self, queries: int) -> AsyncIterator[None]:
        """A context that checks, when it ends, that the gateway has executed exactly `queries` queries and no mutation within it."""
        before = await self._executed()

        yield

        after = await self._executed()
        assert after["query"] - before["query"] == queries
        assert after["mutation"] == 0
        assert self._collection.count_documents({}) == 0

    async def run(self, exchanges: Iterable[Exchange], peer: Peer, at_once: int = 1) -> None:
        """Run exchanges, up to `at_once` at the same time. Check that the gateway executes exactly the operations of these exchanges."""
        exchanges = list(exchanges)
        waiting = iter(exchanges)

        async def work() -> None:
            for exchange in waiting:
                await run(exchange, peer)

        async with self.executes(sum(exchange.queries for exchange in exchanges)), asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())

    async def _executed(self) -> Counter[str]:
        """How many operations the gateway has executed so far, by type."""
        families = text_string_to_metric_families((await self.gateway.client.get("/metrics")).text)
        samples = [sample for family in families for sample in family.samples if sample.name == "gateway_operation_seconds_count"]
        executed = Counter[str]()
        for sample in samples:
            executed[sample.labels["type"]] += int(sample.value)
        return executed
