"""Applies the deadlines that passed. Every process sweeps; compare-and-set decides, and nobody leads."""

import asyncio
import logging
import random

from domain.errors import Unavailable
from store.verifications import Stale, Store

logger = logging.getLogger(__name__)

BATCH = 200
AT_ONCE = 8


async def sweeping(store: Store, every_seconds: float) -> None:
    """Sweep until cancelled."""
    while True:
        try:
            # Where others took part of a batch, the rest of it is theirs too, or waits for the next round.
            while await sweep(store) == BATCH:
                pass
        except Unavailable:
            logger.warning("deadlines wait for MongoDB")
        await asyncio.sleep(every_seconds * random.uniform(0.8, 1.2))


async def sweep(store: Store) -> int:
    """Expire a batch of what is overdue, and tell how many this process expired.

    In an order of its own, so that processes which sweep at the same time seldom meet; whoever comes second leaves it at that.
    """
    overdue = await store.overdue(BATCH)
    random.shuffle(overdue)
    places = asyncio.Semaphore(AT_ONCE)

    async def expire(workspace: str, id: str) -> bool:
        async with places:
            verifications = store.within(workspace)
            found = await verifications.get(id)
            if not found or (expired := found.expired(store.now())) is found:
                return False
            try:
                await verifications.replace(found, expired)
            except Stale:
                return False
            return True

    # One that can't be expired must not keep the others from it.
    outcomes = await asyncio.gather(*(expire(workspace, id) for workspace, id in overdue), return_exceptions=True)
    for (_, id), outcome in zip(overdue, outcomes, strict=True):
        if isinstance(outcome, Unavailable):
            raise outcome
        if isinstance(outcome, Exception):
            logger.error("%s could not be expired (%s)", id, type(outcome).__name__)
    return sum(outcome is True for outcome in outcomes)
