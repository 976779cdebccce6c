"""What happens to verifications by itself: deadlines that passed are applied, and personal data do not outstay their time.

Every process sweeps; compare-and-set decides, and nobody leads.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from domain.errors import BadDocument, Unavailable
from domain.event import Actor
from store.due import Due
from store.verifications import Rule, Stale, Store

logger = logging.getLogger(__name__)

BATCH = 200
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Chore:
    """What is done to verifications whose time has come: a batch of them behind one of them, and the rule for each."""

    done: str
    due: Callable[[Due | None], Awaitable[list[Due]]]
    rule: Rule


def chores(store: Store, retention: timedelta | None) -> list[Chore]:
    """All that is to be done; personal data are kept where there is no retention time."""
    expiry = Chore("expired", lambda after: store.overdue(BATCH, after), lambda verification, at: verification.expired(at))
    if retention is None:
        return [expiry]
    forgetting = Chore(
        "anonymized",
        lambda after: store.not_anonymized(store.now() - retention, BATCH, after),
        lambda verification, at: verification.anonymized(Actor.SYSTEM, at),
    )
    return [expiry, forgetting]


async def sweeping(store: Store, chore: Chore, every_seconds: float) -> None:
    """Sweep until cancelled."""
    while True:
        try:
            await sweep(store, chore)
        except Unavailable:
            logger.warning("what is to be %s waits for MongoDB", chore.done)
        await asyncio.sleep(every_seconds * random.uniform(0.8, 1.2))


async def sweep(store: Store, chore: Chore) -> int:
    """Do it to all whose time has come, and tell to how many this process did it.

    Each batch begins behind the one before, so that those to which it can't be done are in nobody's way.
    """
    done, last = 0, None
    while batch := await chore.due(last):
        last = batch[-1]
        done += await _settle(store, chore, batch)
    return done


async def _settle(store: Store, chore: Chore, batch: list[Due]) -> int:
    # In an order of its own, so that processes which sweep at the same time seldom meet; whoever comes second leaves it at that.
    random.shuffle(batch)
    places = asyncio.Semaphore(AT_ONCE)

    async def settle(due: Due) -> bool:
        async with places:
            verifications = store.within(due.workspace)
            found = await verifications.get(due.id)
            if not found or (changed := chore.rule(found, store.now())) is found:
                return False
            try:
                await verifications.replace(found, changed)
            except Stale:
                return False
            return True

    # One to which it can't be done must not keep the others from it.
    outcomes = await asyncio.gather(*map(settle, batch), return_exceptions=True)
    for due, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Unavailable):
            raise outcome
        # What can't be read was logged when it was read.
        if isinstance(outcome, Exception) and not isinstance(outcome, BadDocument):
            logger.error("%s could not be %s (%s)", due.id, chore.done, type(outcome).__name__)
    return sum(outcome is True for outcome in outcomes)
