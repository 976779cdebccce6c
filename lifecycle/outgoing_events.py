"""Records the events that must be delivered to the integrator's backend: reads the changes of a workspace, and writes them to the deliveries.

One process at a time does this for a workspace. The position of the workspace is a time of MongoDB up to which all changes are recorded. The position
moves only to a time up to which the change stream has shown all changes (see `Feed.watermark`), and only after these changes are recorded. A process
that takes the lease of the workspace first reads the changes since the position from the database. So neither a crash nor a lost oplog loses one.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from datetime import datetime
from time import monotonic

from domain.errors import Lagged, Unavailable
from domain.filter import Filter
from domain.verification import Verification
from store.feed import Feed
from store.feeds.delivery_positions import DeliveryPosition, DeliveryPositions
from store.listener import Listener
from store.queues.deliveries import StoredDeliveries, new_events
from store.verifications import Store

logger = logging.getLogger(__name__)

# How often the process that reads the changes of a workspace extends its lease and stores its position.
RENEWAL_SECONDS = 4.0
# How long a process waits before it tries again to take the lease of a workspace.
PAUSE_SECONDS = 3.0
RECORDED_TOGETHER = 200


class OutgoingEvents:
    """Records the events of one workspace. `recorded` is called whenever events were recorded."""

    def __init__(
        self, store: Store, feed: Feed, deliveries: StoredDeliveries, positions: DeliveryPositions, workspace: str, recorded: Callable[[], None]
    ) -> None:
        self._store = store
        self._feed = feed
        self._deliveries = deliveries
        self._positions = positions
        self._workspace = workspace
        self._recorded = recorded
        self._renewed_at = 0.0

    async def run(self) -> None:
        """Record events until cancelled."""
        try:
            while True:
                try:
                    await self._read()
                except Lagged as lagged:
                    logger.warning("the changes of the workspace %s are read from the database: %s", self._workspace, lagged)
                    continue
                except Unavailable:
                    logger.warning("MongoDB is unavailable; the events of the workspace %s will be delivered later", self._workspace)
                await asyncio.sleep(PAUSE_SECONDS * random.uniform(0.8, 1.2))
        finally:
            await self._leave()

    async def _read(self) -> None:
        """Record events as long as this process holds the lease. Returns at once if another process holds it. Raises: Lagged, Unavailable."""
        await self._feed.opened()
        position = await self._positions.taken(self._workspace, self._feed.watermark)
        if not position:
            return
        self._renewed_at = monotonic()
        # Listen before reading: otherwise, a change that is written after the read, but before this process listens, would be lost.
        with self._feed.listen(self._workspace) as listener:
            watermark = self._feed.watermark
            if await self._caught_up(position) and await self._renewed(watermark):
                await self._follow(listener, position.since)

    async def _caught_up(self, position: DeliveryPosition) -> bool:
        """Record the changes since the position. Returns whether this process still holds the lease."""
        await self._store.barrier.passed()
        verifications = self._store.within(self._workspace)
        try:
            await self._deliveries.drop(await verifications.removed_since(position.at))
        except Lagged:
            logger.warning("more verifications of the workspace %s were removed than can be read", self._workspace)
        found: list[Verification] = []
        async for verification in verifications.changed_since(position.at, Filter()):
            found.append(verification)
            if len(found) == RECORDED_TOGETHER:
                await self._record(found, position.since)
                found = []
                if not await self._renewed():
                    return False
        await self._record(found, position.since)
        return True

    async def _follow(self, listener: Listener, since: datetime) -> None:
        """Record the changes that the feed delivers, until another process has taken the lease. Raises: Lagged, Unavailable.

        `since`: the time of MongoDB at which the deliveries of the workspace begin.
        """
        while True:
            changes = await listener.changes(RENEWAL_SECONDS)
            # Read the watermark together with the changes. Later, it may have passed changes that still wait in the listener and are not recorded.
            watermark = self._feed.watermark
            await self._deliveries.drop(listener.removals())
            await self._record([change.verification for change in changes], since)
            if not await self._renewed(watermark):
                return

    async def _record(self, verifications: Iterable[Verification], since: datetime) -> None:
        events = [found for verification in verifications if (found := new_events(verification, since))]
        await self._deliveries.record(self._workspace, events)
        if events:
            self._recorded()

    async def _renewed(self, watermark: datetime | None = None) -> bool:
        """Extend the lease, and move the position to `watermark` if that is passed. Does nothing within RENEWAL_SECONDS after the last extension.

        Returns whether this process still holds the lease.
        """
        if monotonic() - self._renewed_at < RENEWAL_SECONDS:
            return True
        self._renewed_at = monotonic()
        return await self._positions.advance(self._workspace, watermark)

    async def _leave(self) -> None:
        try:
            await self._positions.release(self._workspace)
        except Unavailable:
            logger.info("the lease of the workspace %s ends by itself", self._workspace)
