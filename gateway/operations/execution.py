"""Execution of operations: queries, mutations, and the events of subscriptions."""

from collections.abc import Awaitable, Callable, Collection
from time import perf_counter
from typing import Any

from graphql import ExecutionResult, GraphQLSchema, OperationType

from domain.caller import Caller
from domain.errors import BadValue
from gateway.callers.charging import LEAST_COST
from gateway.callers.rate import Rate, limited
from gateway.errors import RequestRefused, error, formatted, log_failure
from gateway.operations.audited import is_audited, record_reads
from gateway.operations.documents import Documents, Operation
from gateway.operations.operation_request import OperationRequest
from gateway.operations.preparation import too_complex
from gateway.operations.rights import enforce
from gateway.process.drain import Drain
from gateway.process.metrics import Metrics
from gateway.process.request_metrics import ABANDONED, NO_ERROR
from resolvers.context import AuditedContext, Context, Services
from resolvers.marks import Marked
from store.listener import Outlet

# The maximum number of rows of all lists of an operation together. If all fields are selected, 250 rows take about 40 ms of processor time.
MAX_OPERATION_ROWS = 250

ResponseData = dict[str, Any]
# Writes into the audit log which verifications a caller read. The arguments: the caller, the ids of the verifications, the fields, the request's id.
RecordReads = Callable[[Caller, Collection[str], Collection[str], str], None]


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
        audit: RecordReads | None = None,
    ) -> None:
        """`audit`: writes into the audit log which verifications a caller read; None if there is no audit log."""
        self.schema = schema
        enforce(self.schema)
        if audit:
            record_reads(self.schema)
        self.audit = audit
        self.count_errors = metrics.count_errors
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
        """The operation that a request selects. Raises: RequestRefused, also if the operation costs too much or its lists have too many rows."""
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
        begun, code = perf_counter(), ABANDONED
        try:
            if self.audit and is_audited(operation.prepared.audited, caller.scopes):
                response = await self._executed_with_record(operation, caller, request_id, self.audit)
            else:
                result = self.executed(operation, None, self.context(caller))
                if not isinstance(result, ExecutionResult):
                    with self._drain.answering(self._request_seconds):
                        result = await result
                response = self.response(operation, result, request_id)
            code = response["errors"][0]["extensions"]["code"] if "errors" in response else NO_ERROR
            return response
        except TimeoutError:
            code = "TIMEOUT"
            log_failure(code, request_id)
            outcome = "; it may or may not have been made" if operation.type is OperationType.MUTATION else ""
            raise RequestRefused(503, [error("TIMEOUT", f"no answer in time{outcome}")]) from None
        except RequestRefused as refusal:
            code = refusal.errors[0]["extensions"]["code"]
            raise
        except Exception:
            code = "INTERNAL_SERVER_ERROR"
            raise
        finally:
            self._metrics.executed(operation.prepared.label, code, perf_counter() - begun, caller.workspace, operation.cost)

    async def _executed_with_record(self, operation: Operation, caller: Caller, request_id: str, audit: RecordReads) -> ResponseData:
        """The response of an operation that reads personal data or internal reasons. Its reads are recorded, even if the operation then fails."""
        context = self.audited_context(operation, caller)
        try:
            result = self.executed_recording(operation, None, context)
            if not isinstance(result, ExecutionResult):
                with self._drain.answering(self._request_seconds):
                    result = await result
            return self.response(operation, result, request_id)
        finally:
            if context.read:
                audit(caller, context.read, audited_fields(operation), request_id)

    def audited_context(self, operation: Operation, caller: Caller) -> AuditedContext:
        """The context of an operation, or of one event, whose reads are recorded."""
        selection = operation.prepared.audited
        return AuditedContext(self._services, caller, selection.recording if selection else frozenset())

    def executed_recording(self, operation: Operation, root: object, context: AuditedContext) -> ExecutionResult | Awaitable[ExecutionResult]:
        """Like `executed`, with a plan that records which verifications are read."""
        return operation.prepared.plans.execute(root, context, operation.variables, context.caller.scopes | context.recording)

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
            self.count_errors(response["errors"])
        if operation.with_cost:
            response["extensions"] = {"cost": operation.cost}
        return response


def audited_fields(operation: Operation) -> tuple[str, ...]:
    """The fields that an operation selects and that the audit log names; none if it selects none of them."""
    return operation.prepared.audited.fields if operation.prepared.audited else ()
