"""Decides whether the process is ready, and checks what it depends on: the database, the indexes, the clock, the issuer's keys and the feed."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat

from domain.errors import Unavailable
from gateway.callers.keys import IssuerKeys
from gateway.process.drain import Drain
from store.driver import ping, why
from store.feed import Feed
from store.outage import Outage
from store.verifications import Store

logger = logging.getLogger(__name__)

# How long a check waits for MongoDB. This time is shorter than the store's timeout, because probes give up sooner than the store does.
PROBE_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 0.05
MAX_FEED_AGE_SECONDS = 5.0
MAX_CLOCK_DIFFERENCE_SECONDS = 5.0

# For each dependency, by its name, why it does not work; None if it works.
Causes = dict[str, str | None]


@dataclass
class Health:
    """The state of the process and of its dependencies. Also repairs the indexes.

    A process is ready once it has started, until it announces its end. It has started when all dependencies worked at the same time. A dependency
    that fails later does not make the process unready. All processes share MongoDB: if its failure made them unready, proxies would send requests to
    none of them. It is better that a request reaches a process and waits there for a new primary, because it is then answered within its deadline.
    """

    store: Store
    feed: Feed
    drain: Drain
    published: IssuerKeys | None = None
    prepared: bool = field(default=False)
    started: bool = field(default=False)
    outage: Outage = field(default_factory=lambda: Outage(logger, "MongoDB answers"))

    async def prepare(self) -> None:
        """Build the missing indexes. An index that can't be built does not prevent the process from being ready. Raises: Unavailable."""
        await self.store.index_repair.round()
        self.prepared = True
        self.outage.over()

    def wait_for_mongo(self, error: Unavailable) -> None:
        """Log why the process waits for MongoDB, unless the log says so already."""
        self.outage.failed(f"waiting for MongoDB: {why(error)}")

    async def ready(self) -> None:
        """Wait until `troubles` finds no reason why the process is not ready."""
        for _ in repeat(None):
            if not await self.troubles():
                return
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def troubles(self) -> list[str]:
        """The reasons why the process is not ready, without secrets; empty if it is ready. Checks the dependencies until the process has started."""
        if self.drain.announced:
            return ["the process is about to end"]
        causes = {} if self.started else await self.dependencies()
        # Without MongoDB, the indexes and the feed can't work either.
        without_mongo = causes.get("mongodb")
        return [without_mongo] if without_mongo else [cause for cause in causes.values() if cause]

    async def dependencies(self) -> Causes:
        """Check all dependencies. Once all of them work, the process has started. No cause contains a secret, or the name of a host.

        If MongoDB does not answer, the clocks can't be compared; the result then reports no trouble with the clock.
        """
        sent_at = self.store.now()
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                database_time: datetime | None = await ping(self.store.database)
        except (Unavailable, TimeoutError):
            database_time = None
        causes = {
            "mongodb": None if database_time else "MongoDB does not answer",
            "clock": self._clock(sent_at, database_time) if database_time else None,
            "indexes": None if self.prepared else "the indexes are not created yet",
            "issuer_keys": self._issuer_keys(),
            "feed": self._feed(),
        }
        self.started = self.started or not any(causes.values())
        return causes

    @property
    def warnings(self) -> list[str]:
        """What an operator should repair although the process is ready: indexes that are missing. The log says why they can't be built."""
        missing = sorted(self.store.index_repair.missing or ())
        return [f"the index {name} is missing" for name in missing] if self.prepared else []

    def _clock(self, sent_at: datetime, database_time: datetime) -> str | None:
        difference = max((sent_at - database_time).total_seconds(), (database_time - self.store.now()).total_seconds())
        too_large = difference > MAX_CLOCK_DIFFERENCE_SECONDS
        return f"the clock differs from MongoDB's by {difference:.0f} s; synchronize it" if too_large else None

    def _issuer_keys(self) -> str | None:
        missing = self.published and not self.published.loaded
        return "the issuer's keys are not fetched yet from GATEWAY_TOKEN_JWKS_URL" if missing else None

    def _feed(self) -> str | None:
        age = self.feed.age_seconds
        late = age is None or age > MAX_FEED_AGE_SECONDS
        return "the feed has not received its heartbeat" + ("" if age is None else f" for {age:.0f} s") if late else None
