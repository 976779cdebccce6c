"""The sweeper: it applies deadlines that have passed, and removes personal data after their retention.

Every process sweeps; no process leads. If two make the same change, compare-and-set lets one of them win.
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
MAX_CONCURRENT_CHANGES = 8


@dataclass(frozen=True, slots=True)
class Chore:
    """A kind of change that becomes due with time.

    `due` returns the next batch of due verifications behind the given one. `change` makes the change to one of them, and returns whether this
    process made it. `done` completes the sentence "the verification could not be …".
    """

    done: str
    due: Callable[[Due | None], Awaitable[list[Due]]]
    change: Callable[[str, str], Awaitable[bool]]


def chores(store: Store, changes: Changes, retention: timedelta | None) -> list[Chore]:
    """All chores. Without a retention, personal data are never removed."""
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
            logger.warning("MongoDB is unavailable; verifications will be %s later", chore.done)
        await asyncio.sleep(every_seconds * random.uniform(0.8, 1.2))


async def sweep(chore: Chore) -> int:
    """Make the chore's change to all verifications that are due. Returns how many of them this process changed.

    Each batch begins behind the previous one, so that a verification that can't be changed does not block the others.
    """
    changed, last = 0, None
    while batch := await chore.due(last):
        last = batch[-1]
        changed += await _change_all(chore, batch)
    return changed


async def _change_all(chore: Chore, batch: list[Due]) -> int:
    # In random order, so that processes that sweep at the same time rarely race for the same verification.
    random.shuffle(batch)
    slots = asyncio.Semaphore(MAX_CONCURRENT_CHANGES)

    async def change(due: Due) -> bool:
        async with slots:
            return await chore.change(due.workspace, due.id)

    # Errors are returned, so that a verification that can't be changed does not block the others.
    outcomes = await asyncio.gather(*map(change, batch), return_exceptions=True)
    for due, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, Unavailable):
            raise outcome
        # Unreadable documents were logged when they were read.
        if isinstance(outcome, Exception) and not isinstance(outcome, BadDocument):
            logger.error("%s could not be %s (%s)", due.id, chore.done, type(outcome).__name__)
    return sum(outcome is True for outcome in outcomes)
