"""Executes one operation by both executors several times, each time with other variables, data and callers.

For the terms, see tests/comparison/README.md.
"""

import asyncio
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pprint import pformat
from random import Random

from graphql import (
    DirectiveNode,
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    execute,
)

from tests.comparison.comparison import Verdict, error_counts, verdict_of
from tests.comparison.documents import OperationDocument, variable_values
from tests.comparison.executors import Execute, Prepare, awaited
from tests.comparison.literals import Inputs
from tests.comparison.subjects import Start, Subject

# How often each generated document is executed, by each of the two executors.
TIMES = 3
# RATES: probabilities that a value in the data is a fault. One of them is chosen at random for each execution. WRONG_VARIABLES: probabilities that a
# value in the variables is wrong. One of them is chosen at random for each set of variables.
RATES = (0.0, 0.02, 0.05, 0.1, 0.3)
WRONG_VARIABLES = (0.0, 0.0, 0.02, 0.1)


@dataclass(frozen=True)
class Difference:
    """A trial in which the two executors returned different results. The results are stored as text, so that the objects in them can be freed."""

    subject: str
    generated: OperationDocument
    start: Start
    expected: str
    got: str

    def __str__(self) -> str:
        start = self.start
        lines = [
            f"{self.subject}: the result differs from graphql-core's for",
            self.generated.text,
            f"variables: {start.variables!r}",
            f"seed {start.seed}, rate {start.rate}, operation {self.generated.name}",
            f"expected: {self.expected}",
            f"got:      {self.got}",
        ]
        return "\n".join(lines)


def shown(result: ExecutionResult, log: list[str]) -> str:
    """A result and its log of side effects, as readable text."""
    return pformat({"data": result.data, "errors": sorted(error_counts(result.errors).items(), key=repr), "log": log}, width=150)


def starts(subject: Subject, generated: OperationDocument, random: Random) -> Iterator[Start]:
    """Generate the start of each execution of a document: its variables, and the seed and rate of its dice.

    Some executions get variables equal to those of the execution before: if an executor has kept values that a resolver then changed, the results
    differ.
    """
    variables = variable_values(generated.variables, Inputs(random, random.choice(WRONG_VARIABLES), subject.samples))
    for _ in range(TIMES):
        yield Start(deepcopy(variables), random.randrange(2**32), random.choice(RATES))
        if random.random() < 0.7:
            variables = variable_values(generated.variables, Inputs(random, random.choice(WRONG_VARIABLES), subject.samples))


def operation_to_execute(generated: OperationDocument, document: DocumentNode) -> OperationDefinitionNode:
    """Find the operation that is to be executed, by its name. The document may contain other operations."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    return next(each for each in operations if (each.name.value if each.name else None) == generated.name)


class Trial:
    """A generated document, which both executors execute once for each start. `expected` is graphql-core, `got` the executor to compare with it."""

    def __init__(self, subject: Subject, generated: OperationDocument, expected: Prepare, got: Prepare) -> None:
        self.subject = subject
        self.generated = generated
        self.document = generated.document
        self.operation = operation_to_execute(generated, self.document)
        self._expected = expected(self.document, self.operation)
        self._got = got(self.document, self.operation)

    async def run(self, start: Start) -> Verdict | Difference:
        """Execute the operation by both executors, and compare the results."""
        expected, expected_log, at_once = await self._execute(self._expected, start, True)
        try:
            got, got_log, _ = await self._execute(self._got, start, False)
        except (Exception, asyncio.CancelledError) as error:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            return self._difference(start, shown(expected, expected_log), f"raised {error!r}")
        verdict = await self._verdict(start, expected, got)
        # Errors race if fields that are awaited concurrently fail below the same null: then the executors may report different ones. If graphql-core
        # awaited nothing, errors could not race, so all errors must be equal.
        if verdict is Verdict.DIFFERENT or (verdict is Verdict.RACED and at_once) or expected_log != got_log:
            return self._difference(start, shown(expected, expected_log), shown(got, got_log))
        return verdict

    async def _verdict(self, start: Start, expected: ExecutionResult, got: ExecutionResult) -> Verdict:
        subject = self.subject
        verdict = verdict_of(expected, got, None, subject.normalize, subject.reported_once)
        if verdict is Verdict.RACED and self.operation.operation is not OperationType.MUTATION:
            return verdict_of(expected, got, await self._possible(start), subject.normalize, subject.reported_once)
        return verdict

    def _difference(self, start: Start, expected: str, got: str) -> Difference:
        return Difference(self.subject.name, self.generated, start, expected, got)

    async def _execute(self, execute: Execute, start: Start, first: bool) -> tuple[ExecutionResult, list[str], bool]:
        """Execute the operation. Returns the result, the log of side effects, and whether the executor returned the result without an awaitable."""
        root, context, variant = self.subject.begin(self.operation, start, first)
        result = execute(root, context, deepcopy(start.variables), variant)
        whole, at_once = await awaited(result), isinstance(result, ExecutionResult)
        log: list[str] = getattr(context, "log", []) if self.operation.operation is OperationType.MUTATION else []
        return whole, log, at_once

    async def _possible(self, start: Start) -> list[GraphQLError]:
        """All errors that the operation can report if it is executed with this start: with its variables and its dice.

        They are the errors of an execution without error propagation: in it, an error makes only its own field null, and hides no other error.
        """
        directive = DirectiveNode(name=NameNode(value="experimental_disableErrorPropagation"))
        operation = replace(self.operation, directives=(*(self.operation.directives or ()), directive))
        definitions = tuple(operation if each is self.operation else each for each in self.document.definitions)
        document = replace(self.document, definitions=definitions)
        root, context, _ = self.subject.begin(self.operation, start, True)
        result = await awaited(execute(self.subject.schema, document, root, context, deepcopy(start.variables), self.generated.name))
        return result.errors or []
