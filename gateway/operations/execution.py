"""Operations, executed: the one way in for every transport."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from itertools import repeat
from math import ceil
from time import perf_counter
from typing import Any, NamedTuple, cast

import orjson
from graphql import ExecutionResult, Executor, GraphQLSchema, OperationType, create_source_event_stream

from compiler.positions import close
from domain.caller import Caller
from domain.errors import BadValue, RequestError
from gateway.callers.rate import Rate
from gateway.errors import RequestRefused, error, formatted, unexpected
from gateway.operations.documents import LEAST_COST, Documents, Operation, too_complex
from gateway.operations.live import Group, Groups
from gateway.operations.operation_request import OperationRequest
from gateway.operations.rights import enforce
from gateway.process.drain import Drain
from gateway.process.metrics import Metrics
from resolvers.context import Context, Services
from resolvers.marks import Marked

Response = dict[str, Any]
Send = Callable[[bytes], bool]


class Message(NamedTuple):
    """One of a stream's responses, as JSON, and what it tells of."""

    content: bytes
    event: Marked | None = None


class Execution:
    """Executes the operations of a schema for callers."""

    def __init__(
        self,
        schema: GraphQLSchema,
        documents: Documents,
        services: Services,
        metrics: Metrics,
        drain: Drain,
        *,
        request_seconds: float,
        max_cost: int,
        rate: Rate,
        introspection: bool,
    ) -> None:
        self._schema = schema
        enforce(self._schema)
        self._documents = documents
        self._services = services
        self._metrics = metrics
        self._drain = drain
        self._request_seconds = request_seconds
        self._max_cost = max_cost
        self._rate = rate
        self._hide_suggestions = not introspection
        self._groups = Groups()

    def operation(self, request: OperationRequest, caller: Caller, request_id: str) -> Operation:
        """The operation that a request means, paid for by its caller. Raises: RequestRefused."""
        # To look at a document that isn't known is paid for beforehand, and so is what is refused then.
        effort = self._documents.effort(request)
        if effort:
            self._pay(caller, effort)
        try:
            operation = self._affordable(request, request_id)
        except RequestRefused:
            if not effort:
                self._pay(caller, LEAST_COST)
            raise
        if operation.cost > effort:
            self._pay(caller, operation.cost, effort)
        return operation

    def _affordable(self, request: OperationRequest, request_id: str) -> Operation:
        """The operation that a request means, where anybody may ask for it. Raises: RequestRefused."""
        try:
            operation = self._documents.operation(request, request_id)
        except RequestRefused:
            self._metrics.count_document("refused")
            raise
        self._metrics.count_document(operation.found)
        if operation.cost > self._max_cost:
            self._metrics.count_refused("cost")
            message = f"the operation costs {operation.cost}, more than {self._max_cost}; ask for fewer rows, or for less of each"
            raise too_complex(message, cost=operation.cost, maxCost=self._max_cost)
        return operation

    def _pay(self, caller: Caller, cost: int, paid: int = 0) -> None:
        if wait_seconds := self._rate.take(caller, cost, paid):
            self._metrics.count_refused("rate")
            told = error("RATE_LIMITED", "more was asked for than the rate allows; wait, then ask again", retryAfterMs=ceil(wait_seconds * 1000))
            raise RequestRefused(429, [told], {"retry-after": str(ceil(wait_seconds))})

    async def _afford(self, caller: Caller, cost: int) -> None:
        """Wait until the caller can pay. Nothing is lost by that: what happens meanwhile is told together."""
        for _ in repeat(None):
            wait_seconds = self._rate.take(caller, cost)
            if not wait_seconds:
                return
            await asyncio.sleep(wait_seconds)

    async def execute(self, operation: Operation, caller: Caller, request_id: str) -> Response:
        """The response to a query or mutation. Raises: RequestRefused where its variables can't be used, or its time is up."""
        begun = perf_counter()
        try:
            result = self._executed(operation, None, Context(self._services, caller))
            if not isinstance(result, ExecutionResult):
                with self._drain.answering(self._request_seconds):
                    result = await result
            return self._response(operation, result, request_id)
        except TimeoutError:
            outcome = "; it may or may not have been made" if operation.type is OperationType.MUTATION else ""
            raise RequestRefused(503, [error("TIMEOUT", f"no answer in time{outcome}")]) from None
        finally:
            self._metrics.took(operation.type, perf_counter() - begun)

    async def subscribe(
        self, operation: Operation, caller: Caller, request_id: str, last_mark: str | None = None, send: Send | None = None
    ) -> AsyncGenerator[Message, None]:
        """The responses of a subscription, one for each event, going on after a mark.

        `send`: sends a response at once while nobody waits for the next one, where that is possible without waiting, and says whether it did.
        Raises: RequestRefused where it can't begin or go on.
        """
        self._metrics.subscriptions.inc()
        group = self._groups.of(operation, caller)
        push = partial(self._pushed, group, operation, caller, request_id, send) if send else None
        context = Context(self._services, caller, last_mark, push)
        executor = Executor.build(
            self._schema,
            operation.known.document,
            context_value=context,
            raw_variable_values=operation.variables,
            operation_name=operation.known.name,
            hide_suggestions=self._hide_suggestions,
        )
        if isinstance(executor, list):
            raise RequestRefused(400, formatted(executor, "BAD_USER_INPUT", request_id))
        stream = create_source_event_stream(executor)
        del executor, context
        if isinstance(stream, Awaitable):
            stream = await stream
        if isinstance(stream, ExecutionResult):
            raise RequestRefused(400, formatted(stream.errors or (), "INTERNAL_SERVER_ERROR", request_id))
        try:
            # Closed at once when nobody follows any more, and not when the garbage collector comes by.
            async with aclosing(cast("AsyncGenerator[Marked, None]", stream)) as events:
                begun = False
                async for event in events:
                    # The first message was paid for when the subscription began.
                    if begun:
                        await self._afford(caller, operation.cost)
                    begun = True
                    yield Message(group.told(event) or await self._told(group, operation, event, caller, request_id), event)
                    # Most wait for long; what they were told is not kept meanwhile.
                    del event
        except RequestError as refusal:
            raise RequestRefused(400, [error(refusal.code, str(refusal))]) from refusal
        except RequestRefused:
            raise
        except Exception as cause:
            raise RequestRefused(500, [unexpected(cause, request_id)]) from cause

    def _pushed(self, group: Group, operation: Operation, caller: Caller, request_id: str, send: Send, event: Marked) -> bool:
        """Whether an event was sent at once: not where its response has to be waited for, and not to who has to wait before they can pay."""
        try:
            content = group.told(event) or self._told_at_once(group, operation, event, caller, request_id)
            # Whoever takes so little that it could not be sent pays twice.
            return content is not None and not self._rate.take(caller, operation.cost) and send(content)
        except Exception:
            # The feed calls this, which tells others too. What is wrong is said by the usual way.
            return False

    def _told_at_once(self, group: Group, operation: Operation, event: Marked, caller: Caller, request_id: str) -> bytes | None:
        """The response to an event, where nothing has to be waited for, and all of the group are to have the same."""
        if group.waits:
            return None
        result = self._executed(operation, event, Context(self._services, caller))
        if not isinstance(result, ExecutionResult):
            group.waits = True
            close(result)
            return None
        content = orjson.dumps(self._response(operation, result, request_id))
        # An error names the request that it is to be found by.
        if not result.errors:
            group.keep(event, content)
        return content

    async def _told(self, group: Group, operation: Operation, event: Marked, caller: Caller, request_id: str) -> bytes:
        """The response to an event, kept for the others of the group where they would have the same."""
        if content := self._told_at_once(group, operation, event, caller, request_id):
            return content
        # What a loader kept from the event before would be out of date.
        result = self._executed(operation, event, Context(self._services, caller))
        return orjson.dumps(self._response(operation, result if isinstance(result, ExecutionResult) else await result, request_id))

    def _executed(self, operation: Operation, root: object, context: Context) -> ExecutionResult | Awaitable[ExecutionResult]:
        # Guards look at the scopes alone: callers who have the same ones share plans.
        return operation.known.plans.execute(root, context, operation.variables, context.caller.scopes)

    def _response(self, operation: Operation, result: ExecutionResult, request_id: str) -> Response:
        if result.data is None and result.errors and not any(each.path for each in result.errors):
            raise RequestRefused(400, formatted(result.errors, "BAD_USER_INPUT", request_id))
        response: Response = {"data": result.data}
        if result.errors:
            self._metrics.errors.inc()
            for each in result.errors:
                # A whole document was reported when it was read.
                if isinstance(each.original_error, BadValue):
                    self._services.store.bad_documents.found(each.original_error)
            response["errors"] = formatted(result.errors, "INTERNAL_SERVER_ERROR", request_id)
        if operation.tells_cost:
            response["extensions"] = {"cost": operation.cost}
        return response
