"""A plan: the source of a compiled operation, and the functions made from the source. For the terms, see compiler/README.md."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from graphql import ExecutionResult, GraphQLError

from compiler.run import Place, Run, SelectedFields
from compiler.settling import Settling

Root = Callable[[Any, Run, Place], dict[str, Any]]


class Plan:
    """Executes an operation for one combination of its `@skip` and `@include` conditions and one variant.

    All requests with this combination and this variant share the plan.

    `selected`: the fields that the operation selects anywhere. `roots`: one function for all fields of the root; for a mutation, one for each of
    these fields. `serially`: whether the operation is a mutation. The fields of its root are executed one after the other.
    """

    def __init__(self, source: str, selected: SelectedFields, roots: Sequence[Root], serially: bool) -> None:
        self.source = source
        self.selected = selected
        self._roots = roots
        self._serially = serially

    def execute(self, run: Run) -> ExecutionResult | Awaitable[ExecutionResult]:
        """Execute the operation. Returns the result if no resolver has to be awaited, else an awaitable of the result."""
        if self._serially:
            return self._one_by_one(run)
        try:
            run.data = self._roots[0](run.root, run, None)
        except GraphQLError as error:
            run.errors.append(error)
        return Settling(run) if run.holes else ExecutionResult(run.data, run.errors or None)

    async def _one_by_one(self, run: Run) -> ExecutionResult:
        run.data = {}
        settling = Settling(run)
        for root in self._roots:
            try:
                run.data |= root(run.root, run, None)
            except GraphQLError as error:
                run.errors.append(error)
                run.data = None
            await settling.settle()
            if run.data is None:
                break
        return ExecutionResult(run.data, run.errors or None)
