"""Execution and subscriptions with a span for each operation. These classes are only used while traces are on."""

from collections.abc import AsyncGenerator
from typing import Any

from domain.caller import Caller
from gateway.errors import RequestRefused
from gateway.operations.documents import Operation
from gateway.operations.execution import Execution, ResponseData
from gateway.operations.live import Live
from gateway.process.traces import Traces
from resolvers.marks import Marked
from store.listener import Outlet


class TracedExecution(Execution):
    """Executes each query and mutation in a span."""

    def __init__(self, traces: Traces, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._traces = traces

    async def execute(self, operation: Operation, caller: Caller, request_id: str) -> ResponseData:
        """Execute a query or mutation in a span, as `Execution` does."""
        with self._traces.operation(operation.prepared.label, caller.workspace, request_id) as failed:
            try:
                response = await super().execute(operation, caller, request_id)
            except RequestRefused as refusal:
                failed(refusal.errors[0]["extensions"]["code"])
                raise
            if "errors" in response:
                failed(response["errors"][0]["extensions"]["code"])
            return response


class TracedLive(Live):
    """Begins each subscription in a span, which ends as soon as the subscription has begun.

    Its messages belong to no span, because a subscription can last for hours.
    """

    def __init__(self, traces: Traces, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._traces = traces

    async def _events(
        self, operation: Operation, caller: Caller, request_id: str, last_mark: str | None, outlet: Outlet[Marked] | None
    ) -> AsyncGenerator[Marked, None]:
        with self._traces.operation(operation.prepared.label, caller.workspace, request_id) as failed:
            try:
                return await super()._events(operation, caller, request_id, last_mark, outlet)
            except RequestRefused as refusal:
                failed(refusal.errors[0]["extensions"]["code"])
                raise
