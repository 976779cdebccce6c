"""The sweeper runs chores, such as applying deadlines that have passed, or removing personal data. `intake.py` and `reconciliation.py` add chores.

Every process runs a sweeper; no process leads. If two processes make the same change, compare-and-set lets only one of them succeed.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from time import time

from domain.deadlines import PROVIDER_PATIENCE
from domain.errors import BadDocument, Unavailable
from lifecycle.changes import Changes, anonymized_by, completed_by
from lifecycle.creation import Creation
from providers.choice import PROVIDER_NAMES, Providers
from store.due import Due
from store.outage import Outage
from store.verifications import Store

logger = logging.getLogger(__name__)

SWEEP_BATCH = 200
MAX_CONCURRENT_CHANGES = 8
SELDOM = 60
LESS_OFTEN = 12


@dataclass(frozen=True, slots=True)
class Chore:
    """One of the sweeper's tasks, such as applying deadlines: a change that many verifications need at some time.

    `due` returns the next batch of verifications to change. Its argument is the last verification of the previous batch, None for the first batch.
    `change` takes a workspace and an id. It changes this verification, and returns how many verifications this process changed.
    `done` is the participle that names the change in the log, such as "expired". `rarity`: how much longer the pauses of this chore are than those of
    the others.
    """

    done: str
    due: Callable[[Due | None], Awaitable[list[Due]]]
    change: Callable[[str, str], Awaitable[int]]
    rarity: int = 1


@dataclass(frozen=True, slots=True)
class Periods:
    """How long verifications are kept. Each is None if nothing is done after it.

    `retention`: after the outcome, the personal data are removed. `deletion`: after the outcome, the verification is deleted. `removal`: after the
    anonymization, the verification is deleted.
    """

    retention: timedelta | None = None
    deletion: timedelta | None = None
    removal: timedelta | None = None


@dataclass(slots=True)
class Backlog:
    """The state of a chore, for the metrics.

    `due`: how many items the last complete sweep found, or the running sweep if it has found more. `changed`: how many items this process changed.
    `swept_at`: when the last sweep ended without an error, in seconds since 1970; None before that.
    """

    due: int = 0
    changed: int = 0
    swept_at: float | None = None


def chores(store: Store, providers: Providers, changes: Changes, creation: Creation, periods: Periods) -> list[Chore]:
    """The chores of the sweeper. If a period is None, its chore is left out."""

    def overdue(after: Due | None) -> Awaitable[list[Due]]:
        queryable = providers.queryable
        return store.overdue([*(name for name in PROVIDER_NAMES if name not in queryable), None], SWEEP_BATCH, after)

    async def overdue_at_queryable(after: Due | None) -> list[Due]:
        queryable = providers.queryable
        return await store.overdue_at_queryable(queryable, store.now() - PROVIDER_PATIENCE, SWEEP_BATCH, after) if queryable else []

    found = [
        Chore("expired", overdue, changes.expire),
        # The query of this chore reads all verifications for whose verdict the gateway waits after a deadline. Most of them are left to the
        # reconciliation (lifecycle/reconciliation.py): only those that their provider has never accepted are concluded here. So it runs seldom.
        Chore("expired without a verdict", overdue_at_queryable, changes.expire, SELDOM),
        Chore("started", lambda after: creation.due(SWEEP_BATCH, after), creation.take_over),
    ]
    return [*found, *clearing(store, changes, periods)]


def clearing(store: Store, changes: Changes, periods: Periods) -> Iterator[Chore]:
    """The chores that remove personal data or whole verifications at the end of these periods."""
    retention, deletion, removal = periods.retention, periods.deletion, periods.removal
    if retention is not None:
        yield Chore("anonymized", lambda after: store.not_anonymized(store.now() - retention, SWEEP_BATCH, after), changes.forget)
    if deletion is not None:
        # In every sweep, the query of this chore looks at every workspace, and finds again the verifications that can't be deleted before their retry
        # has ended. So it runs less often.
        yield Chore(
            "deleted",
            lambda after: store.deletable(store.now() - deletion, SWEEP_BATCH, after),
            lambda workspace, id: changes.remove(workspace, id, lambda each: completed_by(each, store.now() - deletion)),
            LESS_OFTEN,
        )
    if removal is not None:
        yield Chore(
            "removed",
            lambda after: store.removable(store.now() - removal, SWEEP_BATCH, after),
            lambda workspace, id: changes.remove(workspace, id, lambda each: anonymized_by(each, store.now() - removal)),
        )


async def sweeping(chore: Chore, every_seconds: float, backlog: Backlog | None = None) -> None:
    """Make the chore's changes again and again, until the task is cancelled. The pauses are about `every_seconds`, times the chore's rarity."""
    outage = Outage(logger, f"verifications are {chore.done} again")
    while True:
        try:
            await sweep(chore, backlog)
            outage.over()
        except Unavailable:
            outage.failed(f"MongoDB is unavailable; verifications will be {chore.done} later")
        await asyncio.sleep(every_seconds * chore.rarity * random.uniform(0.8, 1.2))


async def sweep(chore: Chore, backlog: Backlog | None = None) -> int:
    """Make the chore's change to all verifications that need it now, and update the backlog. Returns how many of them this process changed.

    Each batch begins behind the previous batch, so that a verification that can't be changed does not block the others.
    """
    backlog = backlog or Backlog()
    found, changed, last = 0, 0, None
    while batch := await chore.due(last):
        last = batch[-1]
        found += len(batch)
        backlog.due = max(backlog.due, found)
        changed_now = await _change_all(chore, batch)
        changed += changed_now
        backlog.changed += changed_now
    backlog.due, backlog.swept_at = found, time()
    return changed


async def _change_all(chore: Chore, batch: list[Due]) -> int:
    # The order is random, so that processes that sweep at the same time rarely race for the same verification.
    random.shuffle(batch)
    slots = asyncio.Semaphore(MAX_CONCURRENT_CHANGES)

    async def change(due: Due) -> int:
        async with slots:
            return await chore.change(due.workspace, due.id)

    # `gather` returns the errors, so that a verification that can't be changed does not block the others.
    outcomes = await asyncio.gather(*map(change, batch), return_exceptions=True)
    for due, outcome in zip(batch, outcomes, strict=True):
        # An archive that can't be written (OSError) concerns all verifications, so that one line in the log is enough.
        if isinstance(outcome, Unavailable | OSError):
            raise outcome
        # An unreadable document was already logged when it was read.
        if isinstance(outcome, Exception) and not isinstance(outcome, BadDocument):
            logger.error("%s could not be %s (%s)", due.id, chore.done, type(outcome).__name__)
    return sum(outcome for outcome in outcomes if isinstance(outcome, int))
