"""The subscription `verificationUpdated`. It first listens to the feed, then reads the stored state, then sends the changes."""

from collections.abc import AsyncGenerator, Hashable
from typing import Annotated, NamedTuple

import strawberry

from domain.errors import BadUserInput, VersionAhead
from domain.event import Event
from domain.status import Status
from domain.verification import Verification
from resolvers.chain_cursor import ChainCursor, Seen, decode_chain_cursor, encode_chain_cursor, version_seen, with_version
from resolvers.context import Context, Info
from resolvers.counting import CHANGED_ROWS
from resolvers.marks import Marked, VersionMark, decode_version_mark
from resolvers.queries import IdArgument
from store.listener import Change, Outlet

LAST_EVENT_ID = "Last-Event-ID"


class VerificationUpdate(NamedTuple):
    """The state of a verification, for a subscriber who had received the versions in `seen` before this message."""

    verification: Verification
    seen: Seen

    @property
    def events(self) -> tuple[Event, ...]:
        """The events of this attempt since the previous message."""
        return self.verification.events_after(version_seen(self.seen, self.verification.attempt))

    @property
    def cursor(self) -> str:
        """The cursor from which the subscription resumes after this message."""
        verification = self.verification
        return encode_chain_cursor(verification.chain, with_version(self.seen, verification.attempt, verification.version))

    @property
    def mark(self) -> str:
        """The mark from which the subscription resumes after this message."""
        return self.cursor

    @property
    def identity(self) -> Hashable:
        """The key under which subscribers share one encoded message. The state object and the versions seen determine the events and the cursor."""
        return id(self.verification), self.seen


class Resumption(NamedTuple):
    """Where a subscription begins: after a version, after a cursor, or after a mark of an earlier release. If all are None, with the current state.

    `argument`: the argument or header that contained the cursor or the mark, for error messages.
    """

    after: int | None = None
    cursor: ChainCursor | None = None
    mark: VersionMark | None = None
    argument: str = "cursor"

    def seen(self, followed: Verification, attempts: list[Verification]) -> Seen:
        """The versions that the subscriber has received. Raises: BadUserInput if the cursor belongs to another chain.

        `attempts`: the stored attempts that the subscription follows. `followed`: the attempt whose id the client sent.
        """
        if self.cursor and self.cursor.chain != followed.chain:
            raise BadUserInput(f"{self.argument} belongs to another chain of attempts; leave it out")
        if self.cursor:
            seen = self.cursor.seen
        elif self.mark:
            # A mark of an earlier release names only one attempt. All events of the other attempts are sent again, as the earlier releases did.
            named = {each.attempt: self.mark.version for each in attempts if each.id == self.mark.id}
            seen = tuple(sorted(({followed.attempt: 0} | named).items()))
        else:
            seen = ((followed.attempt, followed.version if self.after is None else self.after),)
        return tuple((each.attempt, each.version) for each in attempts if each.attempt < seen[0][0]) + seen


def resumption(last_mark: str | None, after: int | None, cursor: str | None) -> Resumption:
    """Where a subscription begins. `last_mark`, from the header Last-Event-ID, takes precedence over `after` and `cursor`. Raises: BadUserInput."""
    if last_mark:
        mark = decode_version_mark(last_mark)
        return Resumption(None, None if mark else decode_chain_cursor(last_mark, LAST_EVENT_ID), mark, LAST_EVENT_ID)
    if after is not None and cursor is not None:
        raise BadUserInput("after and cursor exclude each other; pass the cursor alone")
    if after is not None and after < 0:
        raise BadUserInput(f"after is {after}; versions begin at 1, and 0 requests all events")
    return Resumption(after, None if cursor is None else decode_chain_cursor(cursor, "cursor"))


AfterArgument = Annotated[
    int | None,
    strawberry.argument(
        description=(
            "The last version of `id` that the client received. All later events are sent once, in order, even old ones. 0 requests all events. "
            "With `followRetries`, this counts for `id` alone, and later attempts are sent with all their events: resume with `cursor` instead."
        )
    ),
]
CursorArgument = Annotated[
    str | None,
    strawberry.argument(
        description=(
            "The cursor of the last message that the client received. Of all attempts, only the events that the client has not received are sent. "
            "`cursor` and `after` exclude each other."
        )
    ),
]
RetriesArgument = Annotated[
    bool, strawberry.argument(description="Whether to follow all attempts of the verification, also later retries, until the newest one is verified.")
]


async def verification_updated(
    info: Info, id: IdArgument, after: AfterArgument = None, cursor: CursorArgument = None, follow_retries: RetriesArgument = False
) -> AsyncGenerator[VerificationUpdate, None]:
    """Follow one verification. The first message contains the current state; each later message contains the state after a change, and the events
    since the previous message.

    The subscription completes after the message with a final status. With `followRetries`, each message belongs to one attempt, and the subscription
    completes once the newest attempt is verified. If it is resumed with `cursor`, the first message belongs to the newest attempt; messages of the
    other attempts follow if they have new events. After an outcome by SYSTEM, the provider's outcome may still follow: resume with `cursor`
    to receive it.

    Raises: NotFound if the verification does not exist or is deleted meanwhile (with `followRetries`: if any attempt of the chain is deleted);
            BadUserInput; VersionAhead, also if an older version of the document is restored meanwhile.
    """
    context, feed = info.context, info.context.services.feed
    begin = resumption(context.last_mark, after, cursor)
    # `info` refers to the whole execution, which is over once it has created this generator. The generator may live for hours: drop the reference to
    # free the memory.
    del info, after, cursor
    chain = (await context.required(id)).chain if follow_retries else None
    # Listen before reading: otherwise, a change between reading and listening would be lost.
    with feed.listen(context.caller.workspace, id=None if chain else id, chain=chain) as listener:
        await context.services.store.barrier.passed()
        seen, first, changed = await beginning(context, id, chain, begin)
        if chain:
            feed.register_attempts(context.caller.workspace, chain, [first.id, *(attempt.id for attempt in changed)])
        followed = Followed(seen, first, context.outlet)
        yield VerificationUpdate(first, seen)
        followed.record_sent(first)
        if context.outlet:
            listener.outlet = followed
        # Drop the references: while the subscription waits for a change, it must not keep states in memory.
        del begin, seen, first
        while True:
            while changed:
                update = followed.update(changed.pop(0))
                if update:
                    yield update
                    followed.record_sent(update.verification)
            update = None
            if followed.status is Status.VERIFIED or (followed.status.final and not follow_retries):
                return
            changes = await listener.changes()
            await check_stored(context, followed, changes)
            changed = followed.stored(changes)
            del changes


async def beginning(context: Context, id: str, chain: str | None, begin: Resumption) -> tuple[Seen, Verification, list[Verification]]:
    """The versions that the subscriber has received, the state to send first, and the states of the other attempts, some of which may be new.

    The state to send first is that of the verification with this id. If the subscription to a whole chain is resumed with a cursor or a mark, it is
    the state of the newest attempt, because the newest attempt decides what the client should do next.
    Raises: NotFound, BadUserInput, VersionAhead.
    """
    attempts = await stored_attempts(context, id, chain)
    followed = next(each for each in attempts if each.id == id)
    seen = begin.seen(followed, attempts)
    check_not_ahead(seen, attempts, chain)
    first = attempts[-1] if begin.cursor or begin.mark else followed
    return seen, first, [each for each in attempts if each is not first]


async def stored_attempts(context: Context, id: str, chain: str | None) -> list[Verification]:
    """The verification with this id, or all attempts of its chain, the newest last. Raises: NotFound."""
    if chain is None:
        return [await context.required(id)]
    attempts = await context.verifications.chains([chain])
    context.services.budgets.charge(context.caller, len(attempts) // CHANGED_ROWS)
    if all(each.id != id for each in attempts):
        # The verification was deleted or damaged after `verification_updated` had read it. `required` raises the error.
        return [await context.required(id)]
    # `required` applies a deadline that has passed. Only the newest attempt can have one, because an attempt is final before it is retried.
    return [*attempts[:-1], await context.required(attempts[-1].id)]


def check_not_ahead(seen: Seen, attempts: list[Verification], chain: str | None) -> None:
    """Refuse received versions that are not stored, for example because the database was restored from a backup. Raises: VersionAhead."""
    received = dict(seen)
    for each in attempts:
        if received.get(each.attempt, 0) > each.version:
            raise VersionAhead(each.id, received[each.attempt], each.version)
    attempt, version = seen[-1]
    if chain and attempt > attempts[-1].attempt:
        raise VersionAhead(f"attempt {attempt} of {chain}", version, 0)


async def check_stored(context: Context, followed: "Followed", changes: list[Change]) -> None:
    """Check that the versions that the subscriber has received are still stored. Raises: VersionAhead, NotFound.

    Cost: a read for each change that the feed read after a gap of the change stream, and whose version then was lower than the received one.
    Otherwise nothing.
    """
    for change in changes:
        state = change.verification
        if change.found is not None and followed.received(state) > change.found:
            # The feed may have read the lower version before the received version was written. So read once more.
            await context.services.store.barrier.passed()
            stored = await context.required(state.id)
            if followed.received(state) > stored.version:
                raise VersionAhead(state.id, followed.received(state), stored.version)


class Followed:
    """What a subscriber has received: the version of each followed attempt, and the newest attempt's status.

    Stores no states of verifications, to save memory.
    """

    __slots__ = ("_attempt", "_outlet", "_seen", "status")

    def __init__(self, seen: Seen, first: Verification, outlet: Outlet[Marked] | None = None) -> None:
        self._outlet = outlet
        self._seen = seen
        self._attempt = first.attempt
        self.status = first.status

    def received(self, verification: Verification) -> int:
        """The version of this attempt that the subscriber has received; 0 if none."""
        return version_seen(self._seen, verification.attempt)

    def update(self, verification: Verification) -> VerificationUpdate | None:
        """The message with this state, and the events that the subscriber has not received. None if the state is not new to the subscriber."""
        if verification.version <= self.received(verification):
            return None
        return VerificationUpdate(verification, self._seen)

    def stored(self, changes: list[Change]) -> list[Verification]:
        """The states of these changes, the earliest attempt first.

        Raises: VersionAhead if the subscriber has received a version that is lost, because an older version of the document was restored.
        """
        for change in changes:
            state = change.verification
            if change.restored is not None and self.received(state) > change.restored:
                raise VersionAhead(state.id, self.received(state), change.restored)
        return sorted((change.verification for change in changes), key=lambda state: state.attempt)

    def record_sent(self, verification: Verification) -> None:
        """Record that the subscriber has received this state."""
        self._seen = with_version(self._seen, verification.attempt, verification.version)
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
