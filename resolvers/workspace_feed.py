"""The subscription `verificationsUpdated`. It first listens to the feed, then reads the changes since the cursor, then sends the changes."""

from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from datetime import datetime, timedelta
from time import monotonic
from typing import Annotated, NamedTuple

import strawberry

from domain.errors import BadUserInput, Lagged
from domain.filter import Filter
from domain.verification import Verification
from resolvers.context import Context, Info
from resolvers.counting import PagePayment
from resolvers.queries import FilterArgument, permitted
from store.cursor import decode_watermark, encode_watermark
from store.feed import Feed
from store.listener import Change

# While nothing changes, a feed sends an item with a fresh cursor at this interval.
IDLE_SECONDS = 30.0
# A feed resumes at a time that is rounded down to a multiple of SHARED_SECONDS, so that clients who reconnect together share what is read.
SHARED_SECONDS = 15
# How much later a cursor may be than the later one of this process's watermark and its clock. The cursor may come from another process, which has
# received more changes from MongoDB.
MAX_AHEAD = timedelta(minutes=1)


class VerificationFeedItem(NamedTuple):
    """The state of a changed verification, or None, and the cursor from which the subscription resumes after this item.

    `matches`: whether the state matches the filter of the subscription. `removed_id`: the id of a verification that the gateway removed.
    """

    cursor: str
    verification: Verification | None = None
    matches: bool | None = None
    removed_id: str | None = None

    @property
    def mark(self) -> str:
        """The mark from which the subscription resumes after this message."""
        return self.cursor

    @property
    def identity(self) -> Hashable:
        """The key under which subscribers share one encoded message. All subscribers who are up to date have the same cursor and state object."""
        return self.cursor, id(self.verification), self.matches, self.removed_id


async def verifications_updated(
    info: Info,
    filter: FilterArgument = None,
    after: Annotated[
        str | None, strawberry.argument(description="The last cursor that the client received. The changes since that cursor are sent first.")
    ] = None,
) -> AsyncGenerator[VerificationFeedItem, None]:
    """Follow the verifications of the workspace.

    Each changed verification is sent if it matches the filter, or if it matched before the change. In the second case, `matches` is false: remove it
    from your list. Also remove the verification with `removedId`, if there is one. The first item contains only a cursor. To miss no change, receive
    that item first, then read the list, then apply the items that follow. After a resumption, the same state may be sent twice: ignore an item whose
    `id` and `version` you already have.

    Raises: BadUserInput, Forbidden, Lagged.
    """
    context, feed = info.context, info.context.services.feed
    wanted = permitted(context, filter)
    after = context.last_mark or after
    resumed = None if after is None else decode_watermark(after)
    # `info` refers to the whole execution. The generator may live for hours: drop the reference to free the memory.
    del info
    with feed.listen(context.caller.workspace) as listener:
        await feed.opened()
        # Pass the barrier before the first item: a client reads a list after that item, and must find in it all changes that this feed does not send.
        await context.services.store.barrier.passed()
        if resumed and feed.watermark - resumed > context.services.store.resumption:
            raise Lagged("the cursor is too old")
        if resumed and resumed > max(feed.watermark, context.services.store.now()) + MAX_AHEAD:
            raise BadUserInput("after is later than now; take it from the feed's last item, or leave it out and read the list again")
        cursor = encode_watermark(feed.watermark) if after is None else after
        yield VerificationFeedItem(cursor)
        caught_up = CaughtUp()
        if resumed:
            async for earlier in caught_up.items(context, wanted, resumed, cursor):
                yield earlier
                del earlier
        sent_at = monotonic()
        while True:
            changes = await listener.changes(sent_at + IDLE_SECONDS - monotonic())
            # Read the watermark together with the changes. After they are sent, the watermark may be later than changes that still wait in the
            # listener, and a client that resumes from it would miss those.
            delivered = encode_watermark(feed.watermark)
            newer, removals = caught_up.left_out(changes, listener.removals(), feed)
            items = feed_items(cursor, wanted, newer, removals)
            for item in items[:-1]:
                yield item
                del item
            cursor = delivered
            if items or monotonic() - sent_at >= IDLE_SECONDS:
                yield items[-1]._replace(cursor=cursor) if items else VerificationFeedItem(cursor)
                sent_at = monotonic()
            # Drop the references: while the subscription waits for a change, it must not keep states in memory.
            del changes, newer, items


class CaughtUp:
    """What a subscription read from the database when it resumed: changes and removals. The listener may receive them too; they are sent only once.

    They are kept until the listener has received everything that was written before the end of the read.
    """

    __slots__ = ("_last_heartbeat", "_removed", "_versions")

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}
        self._removed: set[str] = set()
        self._last_heartbeat = 0

    async def items(self, context: Context, wanted: Filter, resumed: datetime, cursor: str) -> AsyncGenerator[VerificationFeedItem, None]:
        """The items for the changes since `resumed`. The caller pays for each page before it is read. Raises: Lagged."""
        payment = PagePayment(context.services.budgets, context.caller)
        # Removals are sent first: a verification may have been restored from a backup after it was removed. It is then sent as a change, too.
        await payment.pay()
        removed = await context.verifications.removed_since(resumed)
        payment.settle(len(removed))
        for id in removed:
            self._removed.add(id)
            yield VerificationFeedItem(cursor, removed_id=id)
        async with aclosing(context.verifications.pages_changed_since(shared(resumed), wanted)) as pages:
            async for page in payment.each(pages):
                for verification in page.rows:
                    self._versions[verification.id] = verification.version
                    # It is uncertain which events of the verification are new to the subscriber, because the instants of events come from the clocks
                    # of gateways. All events count as new.
                    if item := feed_item(cursor, wanted, verification, since=0):
                        yield item
        self._last_heartbeat, _ = context.services.feed.heartbeats

    def left_out(self, changes: list[Change], removals: list[str], feed: Feed) -> tuple[list[Change], list[str]]:
        """Those changes and removals of the listener that `items` has not already read from the database."""
        if not self._versions and not self._removed:
            return changes, removals
        newer = [change for change in changes if change.verification.version > self._versions.get(change.verification.id, 0)]
        gone = [id for id in removals if id not in self._removed]
        if feed.heartbeats[1] > self._last_heartbeat:
            self._versions.clear()
            self._removed.clear()
        return newer, gone


def shared(at: datetime) -> datetime:
    """The time rounded down to SHARED_SECONDS. Clients of a workspace that reconnect together then resume at one time, and share what is read."""
    return at - timedelta(seconds=at.timestamp() % SHARED_SECONDS)


def feed_items(cursor: str, wanted: Filter, changes: list[Change], removals: list[str]) -> list[VerificationFeedItem]:
    """The items for these removals, then the items for the changes that concern the subscriber."""
    items = [VerificationFeedItem(cursor, removed_id=id) for id in removals]
    return items + [item for change in changes if (item := feed_item(cursor, wanted, change.verification, change.since))]


def feed_item(cursor: str, wanted: Filter, verification: Verification, since: int) -> VerificationFeedItem | None:
    """The item for a changed verification. None if the change does not concern the subscriber.

    A change does not concern the subscriber if the verification does not match the filter now, and did not match it before any of the events after
    version `since`.
    """
    matches = wanted.matches(verification)
    return VerificationFeedItem(cursor, verification, matches) if matches or wanted.concerns(verification, since) else None
