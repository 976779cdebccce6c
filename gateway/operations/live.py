"""Subscriptions: turns their events into messages that are ready to send, and delivers the messages to subscribers.

Subscribers with the same operation, the same rights, and the same variables below the root field form a group. A message is made once for the
whole group.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Hashable
from contextlib import aclosing
from typing import NamedTuple, cast
from weakref import WeakValueDictionary

import orjson
from graphql import ExecutionResult, Executor, create_source_event_stream

from compiler.positions import close_awaitable
from domain.caller import Caller
from domain.errors import RequestError, Unavailable
from domain.verification import Verification
from gateway.callers.rate import Rate
from gateway.errors import RequestRefused, error, formatted, refused, unexpected
from gateway.operations.audited import is_audited
from gateway.operations.documents import Operation
from gateway.operations.execution import Execution, audited_fields
from resolvers.context import Context
from resolvers.marks import Marked
from store.listener import Outlet

# How many messages a group keeps. Few are enough: of a thousand subscribers to the same event, nearly all take its message at once, and only the
# slowest few take it later.
MAX_KEPT_MESSAGES = 16
# How many ids of anonymized verifications are remembered. A slow subscriber may need a message with an older state of one of them. That message shows
# personal data, so it is made but not kept.
MAX_ANONYMIZED = 10_000
# The messages of anonymized verifications are dropped at most once in this time. Dropping them searches all groups, and the sweeper may anonymize
# thousands of verifications in a row.
FORGETTING_SECONDS = 1.0


class Message(NamedTuple):
    """One response of a subscription, as JSON, and the event that it responds to."""

    content: bytes
    event: Marked | None = None


class Group:
    """The messages of the last events, by the event's identity. The subscribers of a group have the same operation, rights and inner variables.

    `waits`: whether making a message has to wait, for example for the database. Such a message depends on more than the event, so it is not shared:
    each subscriber gets a message of its own.
    """

    __slots__ = ("__weakref__", "_anonymized", "_drop_copies", "_messages", "_versions", "waits")

    def __init__(self, anonymized: Collection[str] = (), drop_copies: Callable[[], object] = lambda: None) -> None:
        self.waits = False
        self._drop_copies = drop_copies
        # The ids of verifications that were anonymized lately. Messages with older states of them are not kept.
        self._anonymized = anonymized
        self._messages: dict[Hashable, tuple[Marked, bytes]] = {}
        # For each verification in the kept messages, by its id: the version that each message about it shows, by the identity of the message's event.
        self._versions: dict[str, dict[Hashable, int]] = {}

    def message(self, event: Marked) -> bytes | None:
        """The message for an event; None if it was not made yet, or is no longer kept."""
        kept = self._messages.get(event.identity)
        return kept[1] if kept else None

    def keep(self, event: Marked, content: bytes) -> None:
        """Keep a message for the other subscribers. Its content must depend only on the event.

        Of each verification, only messages with its latest state are kept: earlier ones may show personal data. A subscriber that is so slow that it
        needs an earlier message makes it again.
        """
        verification = event.verification
        if verification and not self._is_latest(verification):
            return
        if len(self._messages) >= MAX_KEPT_MESSAGES:
            self._drop(next(iter(self._messages)))
        self._messages[event.identity] = event, content
        if verification:
            self._versions.setdefault(verification.id, {})[event.identity] = verification.version

    def forget(self, ids: Collection[str] | None) -> None:
        """Drop the messages that show one of these verifications, or all messages if `ids` is None."""
        for identity, (event, _) in [*self._messages.items()]:
            if ids is None or (event.verification and event.verification.id in ids):
                self._drop(identity)

    def _is_latest(self, verification: Verification) -> bool:
        """Whether a message with this state may be kept: no later state of the verification is kept, and it was not anonymized after this state.

        Drops the messages with earlier states, unless the verification was anonymized after this state.
        """
        if verification.id in self._anonymized and not verification.anonymized_at:
            return False
        versions = self._versions.get(verification.id)
        if not versions:
            return True
        version = verification.version
        earlier = [identity for identity, kept in versions.items() if kept < version]
        for identity in earlier:
            self._drop(identity)
        if earlier:
            self._drop_copies()
        return all(kept <= version for kept in versions.values())

    def _drop(self, identity: Hashable) -> None:
        event, _ = self._messages.pop(identity)
        if event.verification:
            versions = self._versions[event.verification.id]
            del versions[identity]
            if not versions:
                del self._versions[event.verification.id]


class Groups:
    """Finds the group of a subscription. Groups without subscribers are dropped.

    `drop_copies` is called when messages are dropped. It drops the copies that other modules hold: sockets cache frames that contain the messages.
    """

    def __init__(self, drop_copies: Callable[[], object] = lambda: None) -> None:
        self._groups: WeakValueDictionary[Hashable, Group] = WeakValueDictionary()
        self._drop_copies = drop_copies
        self._anonymized: dict[str, None] = {}
        # The ids of anonymized verifications whose messages are to be dropped next.
        self._to_forget: set[str] = set()

    def of(self, operation: Operation, caller: Caller) -> Group:
        """The group of a caller's subscription. It is created for the first subscriber, and dropped when no subscriber holds it any more."""
        # The key must contain everything on which a message depends, apart from the event. Otherwise a subscriber would receive a message that was
        # made for a subscriber with other rights or variables.
        rights = caller.workspace, caller.chain, caller.scopes
        key = (operation.prepared, encoded_inner_variables(operation), operation.with_cost, *rights)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(self._anonymized, self._drop_copies)
        return group

    def forget(self, id: str | None) -> None:
        """Drop all messages that show this verification, because it was anonymized. They are dropped within FORGETTING_SECONDS.

        If the id is None, the messages of all verifications are dropped now.
        Cost: with an id, a step for each group, at most once in FORGETTING_SECONDS.
        """
        if id is None:
            self._forget(None)
            return
        self._anonymized[id] = None
        if len(self._anonymized) > MAX_ANONYMIZED:
            del self._anonymized[next(iter(self._anonymized))]
        if not self._to_forget:
            asyncio.get_running_loop().call_later(FORGETTING_SECONDS, self._forget, self._to_forget)
        self._to_forget.add(id)

    def _forget(self, ids: Collection[str] | None) -> None:
        self._to_forget = set()
        self._drop_copies()
        for group in [*self._groups.values()]:
            group.forget(ids)


def encoded_inner_variables(operation: Operation) -> bytes:
    """The variables on which messages depend, as JSON: those that are used below the root field.

    Variables in the arguments of the root field only select the events, so subscribers with different values can share messages.
    Raises: RequestRefused if a variable is nested too deeply: orjson can write fewer levels than it can read. No valid variable has so many levels.
    """
    inner = operation.prepared.inner
    try:
        return orjson.dumps({name: value for name, value in operation.variables.items() if name in inner}, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise refused("BAD_USER_INPUT", "the values of variables are nested too deeply") from None


class Delivery:
    """Delivers the events of one subscription to its subscriber.

    An event passes three stages: make the message, pay for it, send it. There are two ways through them. On the push path, the feed delivers an
    event at once, without waking the subscription's generator. If a stage has to wait for the database, the rate or a slow reader, the generator is
    woken and delivers the event: the wake path.
    """

    __slots__ = ("_caller", "_execution", "_group", "_operation", "_outlet", "_rate", "_request_id")

    def __init__(
        self, execution: Execution, rate: Rate, group: Group, operation: Operation, caller: Caller, request_id: str, outlet: Outlet[bytes] | None
    ) -> None:
        self._execution = execution
        self._rate = rate
        self._group = group
        self._operation = operation
        self._caller = caller
        self._request_id = request_id
        self._outlet = outlet

    def deliver(self, event: Marked) -> bool:
        """The push path: send an event's message at once. Returns False if it could not be sent; then the wake path delivers the event."""
        try:
            content = self._group.message(event) or self._shared_message(event)
            # If the client reads too slowly, the outlet does not take the message. The caller then pays twice for it: this payment is not returned,
            # and the wake path charges again.
            return (
                content is not None
                and self._rate.take_at_once(self._caller, self._operation.cost)
                and bool(self._outlet and self._outlet.deliver(content))
            )
        except Exception:
            # An exception must not reach the feed, which called this method and serves other subscribers too. The error occurs again on the wake
            # path, which reports it.
            return False

    async def message(self, event: Marked, paid: bool) -> Message:
        """The wake path: pay for an event's message unless it is `paid`, and make it. The transport then sends it."""
        if not paid:
            # No event is lost during this wait: the next message contains all events that happen meanwhile.
            await self._rate.pay(self._caller, self._operation.cost)
        return Message(self._group.message(event) or self._shared_message(event) or await self._message_of_its_own(event), event)

    def _shared_message(self, event: Marked) -> bytes | None:
        """Make a message for the whole group. Returns None if messages can't be shared, because making them has to wait (see `Group.waits`)."""
        group = self._group
        if group.waits:
            return None
        result = self._execution.executed(self._operation, event, self._context())
        if not isinstance(result, ExecutionResult):
            group.waits = True
            close_awaitable(result)
            return None
        content = orjson.dumps(self._execution.response(self._operation, result, self._request_id))
        # A message with an error is not shared: it contains the id of one subscriber's request, by which operators find the error in the log.
        if not result.errors:
            group.keep(event, content)
        return content

    async def _message_of_its_own(self, event: Marked) -> bytes:
        return await self._awaited(self._execution.executed(self._operation, event, self._context()))

    async def _awaited(self, result: ExecutionResult | Awaitable[ExecutionResult]) -> bytes:
        """Wait for the result, and return the message with it, as JSON. Raises: Unavailable if values are missing because MongoDB did not answer."""
        result = result if isinstance(result, ExecutionResult) else await result
        # If the message were sent without the missing values, it would count as received, and the client would never receive these values.
        if any(isinstance(each.original_error, Unavailable) for each in result.errors or ()):
            raise Unavailable
        return orjson.dumps(self._execution.response(self._operation, result, self._request_id))

    def _context(self) -> Context:
        # Every event needs a new context. A context caches the chains of attempts that it has read, which would be out of date at the next event.
        return self._execution.context(self._caller)


class AuditedDelivery(Delivery):
    """Delivers the events of a subscription whose messages show personal data or internal reasons. Each message is recorded in the audit log."""

    __slots__ = ()

    def deliver(self, event: Marked) -> bool:
        """The push path, as in `Delivery`. A message that was sent is recorded."""
        is_sent = super().deliver(event)
        if is_sent:
            self._record(event)
        return is_sent

    async def message(self, event: Marked, paid: bool) -> Message:
        """The wake path, as in `Delivery`. The message is recorded before it is sent."""
        message = await super().message(event, paid)
        self._record(event)
        return message

    async def _message_of_its_own(self, event: Marked) -> bytes:
        # Only a message that is made for one subscriber can show other attempts than that of the event, because reading other attempts has to wait.
        context = self._execution.audited_context(self._operation, self._caller)
        content = await self._awaited(self._execution.executed_recording(self._operation, event, context))
        if others := context.read - {event.verification.id if event.verification else ""}:
            self._record(event, others)
        return content

    def _record(self, event: Marked, others: Collection[str] = ()) -> None:
        ids = {*others, *([event.verification.id] if event.verification else [])}
        if ids and self._execution.audit:
            self._execution.audit(self._caller, ids, audited_fields(self._operation), self._request_id)


class Live:
    """Starts subscriptions for callers, and yields their messages.

    `rate`: the buckets from which callers pay for messages. `Execution` has other buckets, from which callers pay for queries and mutations.
    `drop_copies` is called when messages are dropped. It drops the copies that other modules hold: sockets cache frames that contain the messages.
    """

    def __init__(self, execution: Execution, rate: Rate, drop_copies: Callable[[], object] = lambda: None) -> None:
        self._execution = execution
        self._rate = rate
        self._groups = Groups(drop_copies)

    def forget(self, id: str | None) -> None:
        """Drop the messages of an anonymized verification, which show personal data.

        If the id is None, drop all messages, because an anonymization may have been missed.
        """
        self._groups.forget(id)

    async def subscribe(
        self, operation: Operation, caller: Caller, request_id: str, last_mark: str | None = None, outlet: Outlet[bytes] | None = None
    ) -> AsyncGenerator[Message, None]:
        """The messages of a subscription, one for each event.

        `last_mark`: the mark of the last message that the client received before it reconnected. The subscription resumes there.
        `outlet`: takes messages at once, on the push path. This generator yields only the other messages.
        Raises: RequestRefused if the subscription can't begin or go on. Unavailable if it can't because MongoDB does not answer: the transport then
        ends the connection, so that the client connects again and resumes.
        """
        kind = AuditedDelivery if self._execution.audit and is_audited(operation.prepared.audited, caller.scopes) else Delivery
        delivery = kind(self._execution, self._rate, self._groups.of(operation, caller), operation, caller, request_id, outlet)
        stream = await self._events(operation, caller, request_id, last_mark, delivery if outlet else None)
        try:
            # `aclosing` closes the stream of events as soon as the subscriber is gone. Without it, the stream would be open until the garbage
            # collector runs.
            async with aclosing(stream) as events:
                # The first message needs no payment: it was paid for when the subscription began.
                paid = True
                async for event in events:
                    yield await delivery.message(event, paid)
                    paid = False
                    # Drop this reference to the event while the loop waits for the next one, often for long. It would keep the event in memory.
                    del event
        except (RequestRefused, Unavailable):
            raise
        except RequestError as refusal:
            raise RequestRefused(400, [error(refusal.code, str(refusal))]) from refusal
        except Exception as cause:
            raise RequestRefused(500, [unexpected(cause, request_id)]) from cause

    async def _events(
        self, operation: Operation, caller: Caller, request_id: str, last_mark: str | None, outlet: Outlet[Marked] | None
    ) -> AsyncGenerator[Marked, None]:
        """Start a subscription by calling its root field. Returns the stream of its events. Raises: RequestRefused."""
        executor = Executor.build(
            self._execution.schema,
            operation.prepared.document,
            context_value=self._execution.subscription_context(caller, last_mark, outlet),
            raw_variable_values=operation.variables,
            operation_name=operation.prepared.name,
            hide_suggestions=self._execution.hide_suggestions,
        )
        if isinstance(executor, list):
            raise RequestRefused(400, formatted(executor, "BAD_USER_INPUT", request_id))
        stream = create_source_event_stream(executor)
        if isinstance(stream, Awaitable):
            stream = await stream
        if isinstance(stream, ExecutionResult):
            raise RequestRefused(400, formatted(stream.errors or (), "INTERNAL_SERVER_ERROR", request_id))
        return cast("AsyncGenerator[Marked, None]", stream)
