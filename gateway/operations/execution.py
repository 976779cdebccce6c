"""Execution of operations: queries, mutations, and the events of subscriptions."""

from collections.abc import Awaitable
from time import perf_counter
from typing import Any

from graphql import ExecutionResult, GraphQLSchema, OperationType

from domain.caller import Caller
from domain.errors import BadValue
from gateway.callers.charging import LEAST_COST
from gateway.callers.rate import Rate, limited
from gateway.errors import RequestRefused, error, formatted
from gateway.operations.documents import Documents, Operation
from gateway.operations.operation_request import OperationRequest
from gateway.operations.preparation import too_complex
from gateway.operations.rights import enforce
from gateway.process.drain import Drain
from gateway.process.metrics import Metrics
from resolvers.context import Context, Services
from resolvers.marks import Marked
from store.listener import Outlet

# The maximum number of rows of all lists of an operation together. With everything selected, so many rows take about 40 ms of processor time.
MAX_OPERATION_ROWS = 250

ResponseData = dict[str, Any]


class Execution:
    """Executes operations for callers: takes the operation's cost from the caller's rate, runs the operation's plan and builds the response."""

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
        self.schema = schema
        enforce(self.schema)
        self._documents = documents
        self._services = services
        self._metrics = metrics
        self._drain = drain
        self._request_seconds = request_seconds
        self._max_cost = max_cost
        self._rate = rate
        self.hide_suggestions = not introspection

    def operation(self, request: OperationRequest, caller: Caller, request_id: str, paid: int = 0) -> Operation:
        """The operation that a request selects. Its cost, except what was `paid` for the request already, is taken from the caller's rate.

        Raises: RequestRefused.
        """
        # The caller pays for a new document before it is prepared. So the caller also pays for a document that is then refused.
        effort = self._documents.effort(request)
        if effort > paid:
            self._pay(caller, effort, paid)
            paid = effort
        try:
            operation = self._affordable(request, request_id)
        except RequestRefused:
            if not paid:
                self._pay(caller, LEAST_COST)
            raise
        if operation.cost > paid:
            self._pay(caller, operation.cost, paid)
        return operation

    def _affordable(self, request: OperationRequest, request_id: str) -> Operation:
        """The operation that a request selects. Raises: RequestRefused, also if the operation costs more than the maximum."""
        try:
            operation = self._documents.operation(request, request_id)
        except RequestRefused:
            self._metrics.count_document("refused")
            raise
        self._metrics.count_document(operation.source)
        if operation.cost > self._max_cost:
            self._metrics.count_refused("cost")
            message = f"the operation costs {operation.cost}, more than {self._max_cost}; request fewer rows, or fewer fields of each"
            raise too_complex(message, cost=operation.cost, maxCost=self._max_cost)
        if operation.prepared.price.exceeds_rows(MAX_OPERATION_ROWS, operation.variables):
            raise too_complex(f"the lists of the operation have too many rows together; the maximum is {MAX_OPERATION_ROWS}")
        return operation

    def _pay(self, caller: Caller, cost: int, paid: int = 0) -> None:
        if wait_seconds := self._rate.take(caller, cost, paid):
            self._metrics.count_refused("rate")
            raise limited(wait_seconds)

    async def execute(self, operation: Operation, caller: Caller, request_id: str) -> ResponseData:
        """Execute a query or mutation and return the response.

        Raises: RequestRefused if the variables can't be used, or if the execution takes too long.
        """
        begun = perf_counter()
        try:
            result = self.executed(operation, None, self.context(caller))
            if not isinstance(result, ExecutionResult):
                with self._drain.answering(self._request_seconds):
                    result = await result
            return self.response(operation, result, request_id)
        except TimeoutError:
            outcome = "; it may or may not have been made" if operation.type is OperationType.MUTATION else ""
            raise RequestRefused(503, [error("TIMEOUT", f"no answer in time{outcome}")]) from None
        finally:
            self._metrics.took(operation.type, perf_counter() - begun)

    def context(self, caller: Caller) -> Context:
        """The context for the resolvers of one operation or one event."""
        return Context(self._services, caller)

    def subscription_context(self, caller: Caller, last_mark: str | None, outlet: Outlet[Marked] | None) -> Context:
        """The context for the root field of a new subscription. Also counts the subscription in the metrics."""
        self._metrics.subscriptions.inc()
        return Context(self._services, caller, last_mark, outlet)

    def executed(self, operation: Operation, root: object, context: Context) -> ExecutionResult | Awaitable[ExecutionResult]:
        """Run an operation's plan. Returns the result, or an awaitable of it if a resolver has to wait.

        `root`: the event, if a subscription's event is executed; otherwise None.
        """
        # A plan depends on the guards of the schema's rules, and these depend only on scopes. So callers with the same scopes share plans.
        return operation.prepared.plans.execute(root, context, operation.variables, context.caller.scopes)

    def response(self, operation: Operation, result: ExecutionResult, request_id: str) -> ResponseData:
        """The response for a result of execution, with its errors as clients see them.

        Raises: RequestRefused if the operation was not executed at all, for example because of a wrong variable.
        """
        if result.data is None and result.errors and not any(each.path for each in result.errors):
            raise RequestRefused(400, formatted(result.errors, "BAD_USER_INPUT", request_id))
        response: ResponseData = {"data": result.data}
        if result.errors:
            self._metrics.errors.inc()
            for each in result.errors:
                # Count and log a stored value that can't be read. If a whole stored document can't be read, the store has counted and logged it.
                if isinstance(each.original_error, BadValue):
                    self._services.store.bad_documents.found(each.original_error)
            response["errors"] = formatted(result.errors, "INTERNAL_SERVER_ERROR", request_id)
        if operation.with_cost:
            response["extensions"] = {"cost": operation.cost}
        return response
