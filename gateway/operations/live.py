"""Subscriptions: how their events reach subscribers, as messages that are ready to send.

A message is made once for all subscribers of a group. A group has the same operation, the same variables and the same rights.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Hashable
from contextlib import aclosing
from itertools import repeat
from typing import NamedTuple, cast
from weakref import WeakValueDictionary

import orjson
from graphql import ExecutionResult, Executor, create_source_event_stream

from compiler.positions import close
from domain.caller import Caller
from domain.errors import RequestError
from gateway.callers.rate import Rate
from gateway.errors import RequestRefused, error, formatted, unexpected
from gateway.operations.documents import Operation
from gateway.operations.execution import Execution
from resolvers.context import Context
from resolvers.marks import Marked
from store.listener import Outlet

# Of a thousand subscribers to the same event, only the slowest few need its message later than the others.
MAX_KEPT_MESSAGES = 16


class Message(NamedTuple):
    """One response of a subscription, as JSON, and its event."""

    content: bytes
    event: Marked | None = None


class Group:
    """The messages of the last events, for subscribers who may see the same data. The key of a message is the identity of its event.

    `waits`: the response depends on more than its event, so that it is not shared: each subscriber gets a response of its own.
    """

    __slots__ = ("__weakref__", "_messages", "waits")

    def __init__(self) -> None:
        self.waits = False
        self._messages: dict[Hashable, tuple[Marked, bytes]] = {}

    def message(self, event: Marked) -> bytes | None:
        """The message that was made of an event, if it is still here."""
        kept = self._messages.get(event.identity)
        return kept[1] if kept else None

    def keep(self, event: Marked, content: bytes) -> None:
        """Keep a message that depends on nothing but its event."""
        if len(self._messages) >= MAX_KEPT_MESSAGES:
            del self._messages[next(iter(self._messages))]
        self._messages[event.identity] = event, content


class Groups:
    """The groups that have subscribers."""

    def __init__(self) -> None:
        self._groups: WeakValueDictionary[Hashable, Group] = WeakValueDictionary()

    def of(self, operation: Operation, caller: Caller) -> Group:
        """The group of a caller's subscription, which exists for as long as a subscriber holds it."""
        # Everything that decides what a message shows belongs into the key: otherwise a subscriber would receive the message of another one.
        rights = caller.workspace, caller.chain, caller.scopes
        key = (operation.prepared, inner_variables(operation), operation.with_cost, *rights)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group()
        return group


def inner_variables(operation: Operation) -> bytes:
    """The variables that are used below the root fields. Variables of the root's own arguments select the events, not what is shown of them."""
    inner = operation.prepared.inner
    return orjson.dumps({name: value for name, value in operation.variables.items() if name in inner}, option=orjson.OPT_SORT_KEYS)


class Delivery:
    """Delivers the events of one subscription to its subscriber.

    Two paths lead through the same stages: make the message, pay for it, send it. On the push path, the feed delivers an event at once, without
    waking the subscription. If a stage has to wait for the database, the rate or a slow reader, the subscription is woken and takes the wake path.
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
        """The push path. Returns whether the message was sent. If it was not, the wake path delivers the event."""
        try:
            content = self._message(event)
            # A message that the outlet does not take is paid for again on the wake path.
            return (
                content is not None
                and not self._rate.take(self._caller, self._operation.cost)
                and bool(self._outlet and self._outlet.deliver(content))
            )
        except Exception:
            # The feed is the caller, and has other subscribers. The wake path meets the same error and reports it.
            return False

    async def message(self, event: Marked, paid: bool) -> Message:
        """The wake path up to the message, which the transport then sends."""
        if not paid:
            await self._pay()
        return Message(self._message(event) or await self._message_of_its_own(event), event)

    def _message(self, event: Marked) -> bytes | None:
        """The group's message of an event. None if making it has to wait, in which case it is not shared."""
        group = self._group
        if (content := group.message(event)) or group.waits:
            return content
        result = self._execution.executed(self._operation, event, self._context())
        if not isinstance(result, ExecutionResult):
            group.waits = True
            close(result)
            return None
        content = orjson.dumps(self._execution.response(self._operation, result, self._request_id))
        # An error holds the id of the request, by which it can be found in the log.
        if not result.errors:
            group.keep(event, content)
        return content

    async def _message_of_its_own(self, event: Marked) -> bytes:
        result = self._execution.executed(self._operation, event, self._context())
        result = result if isinstance(result, ExecutionResult) else await result
        return orjson.dumps(self._execution.response(self._operation, result, self._request_id))

    def _context(self) -> Context:
        # A new context for each event: the values that a loader kept from the event before would be out of date.
        return self._execution.context(self._caller)

    async def _pay(self) -> None:
        """Wait until the caller can pay. No event is lost: events that happen meanwhile are combined in the next message."""
        for _ in repeat(None):
            wait_seconds = self._rate.take(self._caller, self._operation.cost)
            if not wait_seconds:
                return
            await asyncio.sleep(wait_seconds)


class Live:
    """Runs the subscriptions of a schema for callers."""

    def __init__(self, execution: Execution, rate: Rate) -> None:
        self._execution = execution
        self._rate = rate
        self._groups = Groups()

    async def subscribe(
        self, operation: Operation, caller: Caller, request_id: str, last_mark: str | None = None, outlet: Outlet[bytes] | None = None
    ) -> AsyncGenerator[Message, None]:
        """The messages of a subscription, one for each event, resumed after `last_mark`.

        `outlet`: takes messages at once, bypassing this generator while it waits for the next event.
        Raises: RequestRefused if the subscription can't begin or go on.
        """
        delivery = Delivery(self._execution, self._rate, self._groups.of(operation, caller), operation, caller, request_id, outlet)
        stream = await self._events(operation, caller, request_id, last_mark, delivery if outlet else None)
        try:
            # Closed as soon as the subscriber is gone, and not when the garbage collector runs.
            async with aclosing(stream) as events:
                # The first message was paid for when the subscription began.
                paid = True
                async for event in events:
                    yield await delivery.message(event, paid)
                    paid = False
                    # Most subscriptions wait for long, and need not hold their last event meanwhile.
                    del event
        except RequestError as refusal:
            raise RequestRefused(400, [error(refusal.code, str(refusal))]) from refusal
        except RequestRefused:
            raise
        except Exception as cause:
            raise RequestRefused(500, [unexpected(cause, request_id)]) from cause

    async def _events(
        self, operation: Operation, caller: Caller, request_id: str, last_mark: str | None, outlet: Outlet[Marked] | None
    ) -> AsyncGenerator[Marked, None]:
        """The events of a subscription's root field. Raises: RequestRefused."""
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
