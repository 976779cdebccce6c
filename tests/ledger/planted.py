"""Starts `gateway serve` with a bug that the ledger must find: this shows that the ledger can find bugs of this kind.

python -m tests.ledger.planted NAME
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import store.driver
import store.feed
from domain.verification import Verification
from gateway.__main__ import main
from resolvers import followed_verification
from store.feed import Feed
from store.feeds.listeners import Listeners
from store.indexes import VERIFICATIONS
from store.listener import Listener

EVERY = 5
LATE_SECONDS = 1.0


def drops_changes() -> None:
    """The bug: the feed loses every fifth change, counted over all verifications."""
    module: Any = store.feed
    complete = module.changes

    async def with_gaps(*args: Any, **options: Any) -> AsyncIterator[Any]:
        number = 0
        async for change in complete(*args, **options):
            verification = isinstance(change, dict) and change["ns"].get("coll") == VERIFICATIONS
            number += verification
            if not verification or number % EVERY:
                yield change

    module.changes = with_gaps


def listens_late() -> None:
    """The bug: a subscription reads the current state first, and listens for changes only later. Changes between the two are lost."""
    feeds: Any = Feed
    listeners: Any = Listener
    listen, changes = feeds.listen, listeners.changes
    late: dict[int, Callable[[], None]] = {}

    @contextmanager
    def listening_late(feed: Feed, *args: Any, **options: Any) -> Iterator[Listener]:
        with listen(feed, *args, **options) as listener:
            places = [place for place in feed._listeners.values() if listener in place]

            def begin() -> None:
                for place in places:
                    place.add(listener)

            for place in places:
                place.discard(listener)
            late[id(listener)] = begin
            yield listener

    async def changes_from_now(listener: Listener, *args: Any) -> Any:
        if begin := late.pop(id(listener), None):
            await asyncio.sleep(LATE_SECONDS)
            begin()
        return await changes(listener, *args)

    feeds.listen, listeners.changes = listening_late, changes_from_now


def acknowledges_early() -> None:
    """The bug: a write is acknowledged as soon as the primary has executed it, before a majority of the members has it."""
    module: Any = store.driver
    client = module.AsyncIOMotorClient
    module.AsyncIOMotorClient = lambda uri, **options: client(uri, **{**options, "w": 1, "journal": False})


def ignores_late_verdicts() -> None:
    """The bug: a verdict of the provider does not replace an outcome that the gateway concluded from a deadline."""
    rules: Any = Verification
    rules._open_to = lambda verification, result: not verification.status.final


def forgets_cursors() -> None:
    """The bug: a subscription that resumes with a cursor sends the events of all attempts again."""
    resolver: Any = followed_verification
    decode = resolver.decode_chain_cursor
    resolver.decode_chain_cursor = lambda cursor, argument: decode(cursor, argument)._replace(seen=((1, 0),))


def hides_deletions() -> None:
    """The bug: subscribers are not informed that a verification was deleted."""
    listeners: Any = Listeners
    listeners.deleted = lambda registry, id: None


BUGS = {
    "drops-changes": drops_changes,
    "listens-late": listens_late,
    "acknowledges-early": acknowledges_early,
    "ignores-late-verdicts": ignores_late_verdicts,
    "forgets-cursors": forgets_cursors,
    "hides-deletions": hides_deletions,
}

if __name__ == "__main__":
    BUGS[sys.argv.pop()]()
    sys.argv.append("serve")
    main()
