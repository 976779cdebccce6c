"""A compiled operation: its source, and the functions that it became."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from graphql import ExecutionResult, GraphQLError

from compiler.run import Place, Run, Selected
from compiler.settling import Settling

Root = Callable[[Any, Run, Place], dict[str, Any]]


class Plan:
    """What answers an operation, for one choice of what it skips and includes. Nothing of a request is kept in it."""

    def __init__(self, source: str, selected: Selected, roots: Sequence[Root], serially: bool) -> None:
        self.source = source
        self.selected = selected
        self._roots = roots
        self._serially = serially

    def execute(self, run: Run) -> ExecutionResult | Awaitable[ExecutionResult]:
        """The result, at once where nothing has to be waited for."""
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
