"""What can be followed live: listen, read, go on live."""

from collections.abc import AsyncGenerator, Hashable
from time import monotonic
from typing import Annotated, NamedTuple

import strawberry

from domain.errors import BadUserInput, VersionAhead
from domain.event import Event
from domain.status import Status
from domain.verification import Verification
from resolvers.context import Info
from resolvers.marks import Marked, seen, version_mark
from resolvers.queries import Id, Which, permitted
from store.cursor import decode_watermark, encode_watermark
from store.feed import OVERLAP, version_at
from store.listener import Change, Outlet

IDLE_SECONDS = 30.0


class VerificationUpdate(NamedTuple):
    """A state, and what happened since the message before."""

    verification: Verification
    events: tuple[Event, ...]

    @property
    def mark(self) -> str:
        """What to name to go on after it."""
        return version_mark(self.verification)

    @property
    def identity(self) -> Hashable:
        """The very state, which those who are told at the same time share, and how many events led there."""
        return id(self.verification), len(self.events)


class VerificationFeedItem(NamedTuple):
    """A state, and where to go on after it."""

    cursor: str
    verification: Verification | None = None

    @property
    def mark(self) -> str:
        """What to name to go on after it."""
        return self.cursor

    @property
    def identity(self) -> Hashable:
        """The very state, and where to go on: all who are up to date are told the same."""
        return self.cursor, id(self.verification)


async def verification_updated(
    info: Info,
    id: Id,
    after: Annotated[
        int | None,
        strawberry.argument(description="The last version that was seen: every event after it comes, once and in order, however long ago."),
    ] = None,
    follow_retries: Annotated[
        bool, strawberry.argument(description="Whether to go on with the attempts that follow, until one is verified.")
    ] = False,
) -> AsyncGenerator[VerificationUpdate, None]:
    """The verification now, then again whenever something happens to it, with the events in between.

    Completes with the message that shows a final status; with `followRetries`, once the newest attempt is verified.

    Raises: NotFound, BadUserInput, VersionAhead.
    """
    if after is not None and after < 0:
        raise BadUserInput(f"after is {after}; versions begin at 1, and 0 asks for all events")
    context, feed = info.context, info.context.services.feed
    # It holds all of the execution, which is over as soon as this has begun.
    del info
    sent = dict([seen(context.last_mark)]) if context.last_mark else {}
    if sent:
        # Of an attempt that the mark doesn't name, it is not known what was seen: all of its events come again, and clients drop by version.
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
        # What was told isn't kept for as long as nothing happens.
        del first
        changed = await context.verifications.chains([chain]) if chain else []
        while True:
            while changed:
                update = followed.update(changed.pop(0))
                if update:
                    yield update
                    followed.saw(update.verification)
            update = None
            if followed.status is Status.VERIFIED or (followed.status.final and not follow_retries):
                return
            changed = sorted((change.verification for change in await listener.changes()), key=lambda either: either.attempt)


class Followed:
    """What a subscriber has seen of a verification, or of its chain from there on, and the status of the newest attempt. No state is kept."""

    __slots__ = ("_attempt", "_first_attempt", "_outlet", "_sent", "status")

    def __init__(self, first: Verification, sent: dict[str, int], outlet: Outlet[Marked] | None = None) -> None:
        self._outlet = outlet
        self._first_attempt = self._attempt = first.attempt
        self._sent = {**sent, first.id: first.version}
        self.status = first.status

    def update(self, verification: Verification) -> VerificationUpdate | None:
        """The message that tells of a state, where there is something new in it."""
        last = self._sent.get(verification.id, 0)
        if verification.version <= last or verification.attempt < self._first_attempt:
            return None
        return VerificationUpdate(verification, verification.events_after(last))

    def saw(self, verification: Verification) -> None:
        """The message was sent."""
        self._sent[verification.id] = verification.version
        if verification.attempt >= self._attempt:
            self._attempt, self.status = verification.attempt, verification.status

    def deliver(self, change: Change) -> bool:
        """Deliver a change while the subscription waits. Returns whether it was taken: a final status is not, since the subscription may end."""
        verification = change.verification
        update = None if verification.status.final else self.update(verification)
        if not update or not self._outlet or not self._outlet.deliver(update):
            return False
        self.saw(verification)
        return True


async def verifications_updated(
    info: Info,
    filter: Which = None,
    after: Annotated[str | None, strawberry.argument(description="The last cursor that was received: what changed since comes first.")] = None,
) -> AsyncGenerator[VerificationFeedItem, None]:
    """The workspace's verifications as they change, where they match the filter or did before the change, so that rows can leave a list.

    First comes a cursor alone: from there on nothing is missed, so that a list read now and what follows are complete together.
    The same state may come twice after a resumption: drop by id and version.

    Raises: BadUserInput, Forbidden, Lagged.
    """
    context, feed = info.context, info.context.services.feed
    wanted = permitted(context, filter)
    after = context.last_mark or after
    resumed = None if after is None else decode_watermark(after)
    with feed.listen(context.caller.workspace) as listener:
        await feed.opened()
        # A list that is read from here on must not be older than what comes through the feed.
        await context.services.store.barrier.passed()
        listening_from = feed.watermark
        cursor = encode_watermark(listening_from) if after is None else after
        yield VerificationFeedItem(cursor)
        ahead: dict[str, int] = {}
        if resumed:
            since = resumed - OVERLAP
            async for verification in context.verifications.updated_since(since, wanted):
                # What was read may be ahead of the stream, whose older states must not follow newer ones.
                if verification.updated_at >= listening_from - OVERLAP:
                    ahead[verification.id] = verification.version
                if wanted.concerns(verification, version_at(verification, since)):
                    yield VerificationFeedItem(cursor, verification)
        told = monotonic()
        while True:
            changes = await listener.changes(told + IDLE_SECONDS - monotonic())
            # Read together with the changes: by the time that they are delivered, it may be ahead of others that wait.
            delivered = encode_watermark(feed.watermark)
            newer = [change for change in changes if change.verification.version > ahead.get(change.verification.id, 0)]
            concerned = [change.verification for change in newer if wanted.concerns(change.verification, change.since)]
            for verification in concerned[:-1]:
                yield VerificationFeedItem(cursor, verification)
            cursor = delivered
            if concerned or monotonic() - told >= IDLE_SECONDS:
                yield VerificationFeedItem(cursor, concerned[-1] if concerned else None)
                told = monotonic()
