"""What happens to verifications by itself: deadlines that passed are applied, and personal data are removed after their retention.

Every process sweeps. Compare-and-set decides, and no process leads.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from domain.errors import BadDocument, Unavailable
from lifecycle.changes import Changes
from store.due import Due
from store.verifications import Store

logger = logging.getLogger(__name__)

BATCH = 200
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Chore:
    """A change that time brings: which verifications are due, a batch at a time behind the last one, and the change itself.

    `done` completes the sentence "the verification could not be …". `change` returns whether this process made the change.
    """

    done: str
    due: Callable[[Due | None], Awaitable[list[Due]]]
    change: Callable[[str, str], Awaitable[bool]]


def chores(store: Store, changes: Changes, retention: timedelta | None) -> list[Chore]:
    """All chores. Without a retention, personal data are kept."""
    expiry = Chore("expired", lambda after: store.overdue(BATCH, after), changes.expire)
    if retention is None:
        return [expiry]
    forgetting = Chore("anonymized", lambda after: store.not_anonymized(store.now() - retention, BATCH, after), changes.forget)
    return [expiry, forgetting]


async def sweeping(chore: Chore, every_seconds: float) -> None:
    """Sweep until cancelled."""
    while True:
        try:
            await sweep(chore)
        except Unavailable:
            logger.warning("verifications to be %s wait for MongoDB", chore.done)
        await asyncio.sleep(every_seconds * random.uniform(0.8, 1.2))


async def sweep(chore: Chore) -> int:
    """Make the change to all verifications that are due. Returns how many of them this process changed.

    Each batch begins behind the one before, so that a verification which can't be changed does not block the others.
    """
    changed, last = 0, None
    while batch := await chore.due(last):
        last = batch[-1]
        changed += await _settle(chore, batch)
    return changed


async def _settle(chore: Chore, batch: list[Due]) -> int:
    # In random order, so that processes which sweep at the same time seldom meet.
    random.shuffle(batch)
    places = asyncio.Semaphore(AT_ONCE)

    async def settle(due: Due) -> bool:
        async with places:
            return await chore.change(due.workspace, due.id)

    # A verification that can't be changed must not keep the others from their change.
    outcomes = await asyncio.gather(*map(settle, batch), return_exceptions=True)
    for due, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Unavailable):
            raise outcome
        # What can't be read was logged when it was read.
        if isinstance(outcome, Exception) and not isinstance(outcome, BadDocument):
            logger.error("%s could not be %s (%s)", due.id, chore.done, type(outcome).__name__)
    return sum(outcome is True for outcome in outcomes)
