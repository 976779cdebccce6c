"""The resolvers of subscriptions. Each listens first, then reads the stored state, then sends the changes."""

from collections.abc import AsyncGenerator, Hashable
from time import monotonic
from typing import Annotated, NamedTuple

import strawberry

from domain.errors import BadUserInput, VersionAhead
from domain.event import Event
from domain.status import Status
from domain.verification import Verification
from resolvers.context import Info
from resolvers.marks import Marked, decode_version_mark, version_mark
from resolvers.queries import FilterArgument, IdArgument, permitted
from store.cursor import decode_watermark, encode_watermark
from store.feed import OVERLAP, version_at
from store.listener import Change, Outlet

IDLE_SECONDS = 30.0


class VerificationUpdate(NamedTuple):
    """The state of a verification, and the events since the previous message."""

    verification: Verification
    events: tuple[Event, ...]

    @property
    def mark(self) -> str:
        """The mark from which the subscription resumes after this message."""
        return version_mark(self.verification)

    @property
    def identity(self) -> Hashable:
        """The state object, which is shared by all subscribers of the same change, and the number of events in this message."""
        return id(self.verification), len(self.events)


class VerificationFeedItem(NamedTuple):
    """The state of a verification, and the cursor from which the subscription resumes after it."""

    cursor: str
    verification: Verification | None = None

    @property
    def mark(self) -> str:
        """The mark from which the subscription resumes after this message."""
        return self.cursor

    @property
    def identity(self) -> Hashable:
        """The cursor and the state object, which are the same for all subscribers who are up to date."""
        return self.cursor, id(self.verification)


async def verification_updated(
    info: Info,
    id: IdArgument,
    after: Annotated[
        int | None,
        strawberry.argument(
            description="The last version that the client received. Every later event is sent, once and in order, however old. 0 requests all events."
        ),
    ] = None,
    follow_retries: Annotated[
        bool, strawberry.argument(description="Whether to also follow the retries of the verification, until one of them is verified.")
    ] = False,
) -> AsyncGenerator[VerificationUpdate, None]:
    """Follow one verification: its current state first, then its new state after each change, with the events since the previous message.

    Completes after the message that shows a final status; with `followRetries`, once the newest attempt is verified.

    Raises: NotFound, BadUserInput, VersionAhead.
    """
    if after is not None and after < 0:
        raise BadUserInput(f"after is {after}; versions begin at 1, and 0 requests all events")
    context, feed = info.context, info.context.services.feed
    # `info` refers to the whole execution, which ends once this generator has started: keeping the reference would waste memory.
    del info
    sent = dict([decode_version_mark(context.last_mark)]) if context.last_mark else {}
    if sent:
        # The mark contains the version of one attempt. All events of any other attempt are sent again, and clients drop those with an old version.
        after = sent.get(id, 0)
    chain = (await context.required(id)).chain if follow_retries else None
    # Listen before reading: a change between the two would be lost otherwise.
    with feed.listen(context.caller.workspace, id=None if chain else id, chain=chain) as listener:
        await context.services.store.barrier.passed()
        first = await context.required(id)
        if after is not None and after > first.version:
            raise VersionAhead(id, after, first.version)
        yield VerificationUpdate(first, () if after is None else first.events_after(after))
        followed = Followed(first, sent, context.outlet)
        if context.outlet:
            listener.outlet = followed
        # Do not keep the state in memory while nothing happens.
        del first
        changed = await context.verifications.chains([chain]) if chain else []
        while True:
            while changed:
                update = followed.update(changed.pop(0))
                if update:
                    yield update
                    followed.record_sent(update.verification)
            update = None
            if followed.status is Status.VERIFIED or (followed.status.final and not follow_retries):
                return
            changed = sorted((change.verification for change in await listener.changes()), key=lambda either: either.attempt)


class Followed:
    """The versions that a subscriber has received of a verification, or of its chain from there on, and the status of the newest attempt.

    It keeps no states of verifications.
    """

    __slots__ = ("_attempt", "_first_attempt", "_outlet", "_sent", "status")

    def __init__(self, first: Verification, sent: dict[str, int], outlet: Outlet[Marked] | None = None) -> None:
        self._outlet = outlet
        self._first_attempt = self._attempt = first.attempt
        self._sent = {**sent, first.id: first.version}
        self.status = first.status

    def update(self, verification: Verification) -> VerificationUpdate | None:
        """The message for a state, if the state is new to the subscriber."""
        last = self._sent.get(verification.id, 0)
        if verification.version <= last or verification.attempt < self._first_attempt:
            return None
        return VerificationUpdate(verification, verification.events_after(last))

    def record_sent(self, verification: Verification) -> None:
        """Record that the state was sent."""
        self._sent[verification.id] = verification.version
        if verification.attempt >= self._attempt:
            self._attempt, self.status = verification.attempt, verification.status

    def deliver(self, change: Change) -> bool:
        """Deliver a change at once, while the subscription waits. Returns False for a final status, since the generator may have to end."""
        verification = change.verification
        update = None if verification.status.final else self.update(verification)
        if not update or not self._outlet or not self._outlet.deliver(update):
            return False
        self.record_sent(verification)
        return True


async def verifications_updated(
    info: Info,
    filter: FilterArgument = None,
    after: Annotated[
        str | None, strawberry.argument(description="The last cursor that the client received. Changes since then are sent first.")
    ] = None,
) -> AsyncGenerator[VerificationFeedItem, None]:
    """Follow the verifications of the workspace.

    Sends each changed verification that matches the filter, or matched it before the change, so that clients can remove its row from a list.
    The first item contains only a cursor. No later change is missed: a list that is read after the first item is complete together with the items
    that follow. After a resumption, the same state may be sent twice: drop items by `id` and `version` of the verification.

    Raises: BadUserInput, Forbidden, Lagged.
    """
    context, feed = info.context, info.context.services.feed
    wanted = permitted(context, filter)
    after = context.last_mark or after
    resumed = None if after is None else decode_watermark(after)
    with feed.listen(context.caller.workspace) as listener:
        await feed.opened()
        # A list that a client reads from now on must not be older than the changes in the feed.
        await context.services.store.barrier.passed()
        listening_from = feed.watermark
        cursor = encode_watermark(listening_from) if after is None else after
        yield VerificationFeedItem(cursor)
        ahead: dict[str, int] = {}
        if resumed:
            since = resumed - OVERLAP
            async for verification in context.verifications.updated_since(since, wanted):
                # This state may be ahead of the stream. The older states that the stream still delivers must be skipped.
                if verification.updated_at >= listening_from - OVERLAP:
                    ahead[verification.id] = verification.version
                if wanted.concerns(verification, version_at(verification, since)):
                    yield VerificationFeedItem(cursor, verification)
        sent_at = monotonic()
        while True:
            changes = await listener.changes(sent_at + IDLE_SECONDS - monotonic())
            # Read the watermark together with the changes: once they are sent, it may be past other changes that still wait in the listener.
            delivered = encode_watermark(feed.watermark)
            newer = [change for change in changes if change.verification.version > ahead.get(change.verification.id, 0)]
            concerned = [change.verification for change in newer if wanted.concerns(change.verification, change.since)]
            for verification in concerned[:-1]:
                yield VerificationFeedItem(cursor, verification)
            cursor = delivered
            if concerned or monotonic() - sent_at >= IDLE_SECONDS:
                yield VerificationFeedItem(cursor, concerned[-1] if concerned else None)
                sent_at = monotonic()
