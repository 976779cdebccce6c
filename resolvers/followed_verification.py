"""The subscription `verificationUpdated`. It first listens to the feed, then reads the stored state, then sends the changes."""

from collections.abc import AsyncGenerator, Hashable
from typing import Annotated, NamedTuple

import strawberry

from domain.errors import BadUserInput, VersionAhead
from domain.event import Event
from domain.status import Status
from domain.verification import Verification
from resolvers.context import Info
from resolvers.marks import Marked, decode_version_mark, version_mark
from resolvers.queries import IdArgument
from store.listener import Change, Outlet


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
        """The key under which subscribers share one encoded message: the same state object and the same number of events mean the same content."""
        return id(self.verification), len(self.events)


async def verification_updated(
    info: Info,
    id: IdArgument,
    after: Annotated[
        int | None,
        strawberry.argument(
            description="The last version that the client received. All later events are sent once, in order, even old ones. 0 requests all events."
        ),
    ] = None,
    follow_retries: Annotated[
        bool, strawberry.argument(description="Whether to also follow the retries of the verification, until one of them is verified.")
    ] = False,
) -> AsyncGenerator[VerificationUpdate, None]:
    """Follow one verification. The first message contains the current state; each later message contains the state after a change, and the events
    since the previous message.

    The subscription completes after the message with a final status. With `followRetries`, it completes once the newest attempt is verified.

    Raises: NotFound, also if the verification is deleted meanwhile, or with `followRetries` another attempt; BadUserInput, VersionAhead.
    """
    if after is not None and after < 0:
        raise BadUserInput(f"after is {after}; versions begin at 1, and 0 requests all events")
    context, feed = info.context, info.context.services.feed
    # `info` refers to the whole execution. The execution ends when this generator starts, and keeping the reference would waste memory.
    del info
    sent = dict([decode_version_mark(context.last_mark)]) if context.last_mark else {}
    if sent:
        # After a reconnection, the mark gives the last version of one attempt only. All events of the other attempts are sent again; clients drop
        # the versions that they already have.
        after = sent.get(id, 0)
    chain = (await context.required(id)).chain if follow_retries else None
    # Listen before reading: otherwise, a change between reading and listening would be lost.
    with feed.listen(context.caller.workspace, id=None if chain else id, chain=chain) as listener:
        if chain:
            feed.register_attempts(context.caller.workspace, chain, [id])
        await context.services.store.barrier.passed()
        first = await context.required(id)
        if after is not None and after > first.version:
            raise VersionAhead(id, after, first.version)
        yield VerificationUpdate(first, () if after is None else first.events_after(after))
        followed = Followed(first, sent, context.outlet)
        if context.outlet:
            listener.outlet = followed
        # Drop the reference: while the subscription waits for a change, it must not keep the state in memory.
        del first
        changed = await context.verifications.chains([chain]) if chain else []
        if chain:
            feed.register_attempts(context.caller.workspace, chain, [attempt.id for attempt in changed])
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
    """What a subscriber has received: the version of the followed verification and of each of its later attempts, and the newest attempt's status.

    Stores no states of verifications, to save memory.
    """

    __slots__ = ("_attempt", "_first_attempt", "_outlet", "_sent", "status")

    def __init__(self, first: Verification, sent: dict[str, int], outlet: Outlet[Marked] | None = None) -> None:
        self._outlet = outlet
        self._first_attempt = self._attempt = first.attempt
        self._sent = {**sent, first.id: first.version}
        self.status = first.status

    def update(self, verification: Verification) -> VerificationUpdate | None:
        """The message with this state, and the events that the subscriber has not received. None if the state is not new to the subscriber."""
        last = self._sent.get(verification.id, 0)
        if verification.version <= last or verification.attempt < self._first_attempt:
            return None
        return VerificationUpdate(verification, verification.events_after(last))

    def record_sent(self, verification: Verification) -> None:
        """Record that the subscriber has received this state."""
        self._sent[verification.id] = verification.version
        if verification.attempt >= self._attempt:
            self._attempt, self.status = verification.attempt, verification.status

    def deliver(self, change: Change) -> bool:
        """Deliver a change directly, without waking the generator.

        Returns False if the generator has to handle the change: for example a final status, which may end the subscription.
        """
        verification = change.verification
        update = None if verification.status.final else self.update(verification)
        if not update or not self._outlet or not self._outlet.deliver(update):
            return False
        self.record_sent(verification)
        return True
