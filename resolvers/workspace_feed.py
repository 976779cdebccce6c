"""The subscription `verificationsUpdated`. It first listens to the feed, then reads the changes since the cursor, then sends the changes."""

from collections.abc import AsyncGenerator, Hashable
from time import monotonic
from typing import Annotated, NamedTuple

import strawberry

from domain.verification import Verification
from resolvers.context import Info
from resolvers.queries import FilterArgument, permitted
from store.cursor import decode_watermark, encode_watermark
from store.feed import OVERLAP, version_at

IDLE_SECONDS = 30.0


class VerificationFeedItem(NamedTuple):
    """The state of a changed verification, or None, and the cursor from which the subscription resumes after this item."""

    cursor: str
    verification: Verification | None = None

    @property
    def mark(self) -> str:
        """The mark from which the subscription resumes after this message."""
        return self.cursor

    @property
    def identity(self) -> Hashable:
        """The key under which subscribers share one encoded message. All subscribers who are up to date have the same cursor and state object."""
        return self.cursor, id(self.verification)


async def verifications_updated(
    info: Info,
    filter: FilterArgument = None,
    after: Annotated[
        str | None, strawberry.argument(description="The last cursor that the client received. The changes since that cursor are sent first.")
    ] = None,
) -> AsyncGenerator[VerificationFeedItem, None]:
    """Follow the verifications of the workspace.

    Each changed verification is sent if it matches the filter, or if it matched before the change: remove it from your list in the second case.
    The first item contains only a cursor. To miss no change, receive that item first, then read the list, then apply the items that follow. After a
    resumption, the same state may be sent twice: ignore an item whose `id` and `version` you already have.

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
        listening_from = feed.watermark
        cursor = encode_watermark(listening_from) if after is None else after
        yield VerificationFeedItem(cursor)
        ahead: dict[str, int] = {}
        if resumed:
            since = resumed - OVERLAP
            async for verification in context.verifications.updated_since(since, wanted):
                # The state that was read may be newer than the stream. Older states that the stream delivers later must be skipped.
                if verification.updated_at >= listening_from - OVERLAP:
                    ahead[verification.id] = verification.version
                if wanted.concerns(verification, version_at(verification, since)):
                    yield VerificationFeedItem(cursor, verification)
        sent_at = monotonic()
        while True:
            changes = await listener.changes(sent_at + IDLE_SECONDS - monotonic())
            # Read the watermark together with the changes. After they are sent, the watermark may be later than changes that still wait in the
            # listener, and a client that resumes from it would miss those.
            delivered = encode_watermark(feed.watermark)
            newer = [change for change in changes if change.verification.version > ahead.get(change.verification.id, 0)]
            concerned = [change.verification for change in newer if wanted.concerns(change.verification, change.since)]
            for verification in concerned[:-1]:
                yield VerificationFeedItem(cursor, verification)
            cursor = delivered
            if concerned or monotonic() - sent_at >= IDLE_SECONDS:
                yield VerificationFeedItem(cursor, concerned[-1] if concerned else None)
                sent_at = monotonic()
