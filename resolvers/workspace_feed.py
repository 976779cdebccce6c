"""The subscription `verificationsUpdated`. It first listens to the feed, then reads the changes since the cursor, then sends the changes."""

from collections.abc import AsyncGenerator, Hashable
from datetime import datetime, timedelta
from time import monotonic
from typing import Annotated, NamedTuple

import strawberry

from domain.errors import Lagged
from domain.filter import Filter
from domain.verification import Verification
from resolvers.context import Info
from resolvers.queries import FilterArgument, permitted
from store.cursor import decode_watermark, encode_watermark

IDLE_SECONDS = 30.0
# Clients receive a fresh cursor at least every IDLE_SECONDS.
SHARED_SECONDS = 15


class VerificationFeedItem(NamedTuple):
    """The state of a changed verification, or None, and the cursor from which the subscription resumes after this item.

    `matches`: whether the state matches the filter of the subscription.
    """

    cursor: str
    verification: Verification | None = None
    matches: bool | None = None

    @property
    def mark(self) -> str:
        """The mark from which the subscription resumes after this message."""
        return self.cursor

    @property
    def identity(self) -> Hashable:
        """The key under which subscribers share one encoded message. All subscribers who are up to date have the same cursor and state object."""
        return self.cursor, id(self.verification), self.matches


async def verifications_updated(
    info: Info,
    filter: FilterArgument = None,
    after: Annotated[
        str | None, strawberry.argument(description="The last cursor that the client received. The changes since that cursor are sent first.")
    ] = None,
) -> AsyncGenerator[VerificationFeedItem, None]:
    """Follow the verifications of the workspace.

    Each changed verification is sent if it matches the filter, or if it matched before the change. In the second case, `matches` is false: remove it
    from your list. The first item contains only a cursor. To miss no change, receive that item first, then read the list, then apply the items that
    follow. After a resumption, the same state may be sent twice: ignore an item whose `id` and `version` you already have.

    Raises: BadUserInput, Forbidden, Lagged.
    """
    context, feed = info.context, info.context.services.feed
    wanted = permitted(context, filter)
    after = context.last_mark or after
    resumed = None if after is None else decode_watermark(after)
    with feed.listen(context.caller.workspace) as listener:
        await feed.opened()
        # A client that reads a list after the first item must see all changes that this feed does not deliver.
        await context.services.store.barrier.passed()
        if resumed and feed.watermark - resumed > context.services.store.resumption:
            raise Lagged("the cursor is too old")
        cursor = encode_watermark(feed.watermark) if after is None else after
        yield VerificationFeedItem(cursor)
        # The versions that were read. The listener may receive these and older ones, until it receives what was written after the read.
        read: dict[str, int] = {}
        if resumed:
            async for verification in context.verifications.changed_since(shared(resumed), wanted):
                read[verification.id] = verification.version
                # How many of its events are new is uncertain, because their instants depend on the clocks of the writers.
                if item := feed_item(cursor, wanted, verification, since=0):
                    yield item
        read_before, _ = feed.heartbeats
        sent_at = monotonic()
        while True:
            changes = await listener.changes(sent_at + IDLE_SECONDS - monotonic())
            # Read the watermark together with the changes. After they are sent, the watermark may be later than changes that still wait in the
            # listener, and a client that resumes from it would miss those.
            delivered = encode_watermark(feed.watermark)
            newer = [change for change in changes if change.verification.version > read.get(change.verification.id, 0)]
            if read and feed.heartbeats[1] > read_before:
                read.clear()
            items = [item for change in newer if (item := feed_item(cursor, wanted, change.verification, change.since))]
            for item in items[:-1]:
                yield item
            cursor = delivered
            if items or monotonic() - sent_at >= IDLE_SECONDS:
                yield items[-1]._replace(cursor=cursor) if items else VerificationFeedItem(cursor)
                sent_at = monotonic()


def shared(at: datetime) -> datetime:
    """This time rounded down, so that clients of a workspace that reconnect together share what the gateway reads for them."""
    return at - timedelta(seconds=at.timestamp() % SHARED_SECONDS)


def feed_item(cursor: str, wanted: Filter, verification: Verification, since: int) -> VerificationFeedItem | None:
    """The item for a changed verification; None if it neither matches the filter nor matched it before one of its events after version `since`."""
    matches = wanted.matches(verification)
    return VerificationFeedItem(cursor, verification, matches) if matches or wanted.concerns(verification, since) else None
