"""Starts `gateway serve` with a bug that the soak must find: this shows that the soak can find bugs of this kind.

python -m tests.soak.planted NAME
"""

import asyncio
import sys
from contextlib import suppress
from dataclasses import replace
from typing import Any

from domain.errors import Unavailable
from domain.verification import Verification
from gateway.__main__ import main
from lifecycle import deliveries
from lifecycle.intake import Intake
from lifecycle.outgoing_events import OutgoingEvents
from lifecycle.reconciliation import Reconciliation
from providers.rate_limits import RateLimits
from store.due import Due
from store.inbox import CLAIM, Inbox
from store.queues.starts import Starts, UnfinishedStart

LATE_SECONDS = 1.0


async def nothing(*_: object) -> list[Any]:
    """Stands in for a function that finds work for a chore. It finds none."""
    return []


def drops_the_sweep() -> None:
    """The bug: the sweep of the inbox finds nothing, so a webhook that a killed process had accepted is never applied."""
    intake: Any = Intake
    chore = intake.chore.fget
    intake.chore = property(lambda self: replace(chore(self), due=nothing))


def never_queries() -> None:
    """The bug: providers are not queried, so a lost webhook leaves a verification pending."""
    reconciliation: Any = Reconciliation
    reconciliation.due = nothing


def answers_too_early() -> None:
    """The bug: a webhook is answered before it is written to the inbox."""
    inbox: Any = Inbox
    add = inbox.add
    writing = set()

    async def add_later(self: Inbox, webhook: Any, within_seconds: float) -> Any:
        async def write() -> None:
            await asyncio.sleep(LATE_SECONDS)
            with suppress(Unavailable):
                await add(self, webhook, within_seconds)

        task = asyncio.create_task(write())
        writing.add(task)
        task.add_done_callback(writing.discard)
        return replace(webhook, next=webhook.received_at + CLAIM)

    inbox.add = add_later


def forgets_early_webhooks() -> None:
    """The bug: a webhook that arrives before the provider's id is written is not tried again."""
    intake: Any = Intake
    unmatched = intake._unmatched
    intake._unmatched = lambda self, entry: replace(unmatched(self, entry), next=None)


def records_every_verdict() -> None:
    """The bug: each copy of a verdict is recorded as a new outcome."""
    verification: Any = Verification
    verification._open_to = lambda self, result: True


def ignores_leases() -> None:
    """The bug: a process takes over starts although another process works on them."""
    starts: Any = Starts

    async def due(self: Any, limit: int, after: Due | None = None) -> list[Due]:
        entries = [] if after else await self._collection.find({}).limit(limit).to_list(None)
        return [Due(entry["until"], entry["workspace"], entry["_id"]) for entry in entries]

    async def taken_over(self: Any, id: str) -> UnfinishedStart | None:
        entry = await self._collection.find_one({"_id": id})
        return entry and UnfinishedStart(entry["workspace"], id, entry["since"], entry["until"], entry["unanswered"])

    starts.due, starts.taken_over = due, taken_over


def ignores_retry_after() -> None:
    """The bug: the gateway does not wait as long as the provider demands."""
    limits: Any = RateLimits
    limits.retry_after_seconds = lambda self, headers: None


def delivers_out_of_order() -> None:
    """The bug: if several events of a verification wait, the second is delivered before the first."""
    module: Any = deliveries
    event_of = module.event_of

    def swapped(verification: Verification, version: int) -> Any:
        other = version + 1 if version % 2 else version - 1
        return event_of(verification, other if other <= verification.version else version)

    module.event_of = swapped


def gives_up_at_once() -> None:
    """The bug: an event that the backend did not accept is not sent again."""
    module: Any = deliveries
    module.pause_after = lambda tries: None


def skips_the_gap() -> None:
    """The bug: a process that takes over the deliveries of a workspace reads only later changes, and not those since its predecessor ended."""
    events: Any = OutgoingEvents

    async def caught_up(self: OutgoingEvents, position: object) -> bool:
        return True

    events._caught_up = caught_up


BUGS = {
    "answers-too-early": answers_too_early,
    "delivers-out-of-order": delivers_out_of_order,
    "drops-the-sweep": drops_the_sweep,
    "forgets-early-webhooks": forgets_early_webhooks,
    "gives-up-at-once": gives_up_at_once,
    "ignores-leases": ignores_leases,
    "ignores-retry-after": ignores_retry_after,
    "never-queries": never_queries,
    "records-every-verdict": records_every_verdict,
    "skips-the-gap": skips_the_gap,
}

if __name__ == "__main__":
    BUGS[sys.argv.pop()]()
    sys.argv.append("serve")
    main()
