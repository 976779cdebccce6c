"""One operation, executed in two ways, several times: with other variables, conditions, data and callers each time."""

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

from tests.comparison.comparison import Verdict, compared, told
from tests.comparison.documents import Written, variable_values
from tests.comparison.executors import Execute, Prepare, awaited
from tests.comparison.literals import Inputs
from tests.comparison.subjects import Start, Subject

TIMES = 3
RATES = (0.0, 0.02, 0.05, 0.1, 0.3)
WRONG_VARIABLES = (0.0, 0.0, 0.02, 0.1)


@dataclass(frozen=True)
class Difference:
    """Two answers that are not the same, in words: of the answers themselves nothing is kept."""

    subject: str
    written: Written
    start: Start
    expected: str
    got: str

    def __str__(self) -> str:
        start = self.start
        lines = [
            f"{self.subject}: not the answer that graphql-core gives to",
            self.written.text,
            f"variables: {start.variables!r}",
            f"seed {start.seed}, rate {start.rate}, operation {self.written.name}",
            f"expected: {self.expected}",
            f"got:      {self.got}",
        ]
        return "\n".join(lines)


def shown(result: ExecutionResult, log: list[str]) -> str:
    """An answer, for people."""
    return pformat({"data": result.data, "errors": sorted(told(result.errors).items(), key=repr), "log": log}, width=150)


def starts(subject: Subject, written: Written, random: Random) -> Iterator[Start]:
    """What the executions of a document begin with. Some have the variables of the one before: whatever that did to them."""
    given = variable_values(written.variables, Inputs(random, random.choice(WRONG_VARIABLES), subject.known))
    for _ in range(TIMES):
        yield Start(deepcopy(given), random.randrange(2**32), random.choice(RATES))
        if random.random() < 0.7:
            given = variable_values(written.variables, Inputs(random, random.choice(WRONG_VARIABLES), subject.known))


def meant(written: Written, document: DocumentNode) -> OperationDefinitionNode:
    """The operation of a document that is meant."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    return next(each for each in operations if (each.name.value if each.name else None) == written.name)


class Trial:
    """A document, prepared in both ways."""

    def __init__(self, subject: Subject, written: Written, expected: Prepare, got: Prepare) -> None:
        self.subject = subject
        self.written = written
        self.document = written.document
        self.operation = meant(written, self.document)
        self._expected = expected(self.document, self.operation)
        self._got = got(self.document, self.operation)

    async def run(self, start: Start) -> Verdict | Difference:
        """Execute it both ways, and compare."""
        expected, expected_log, at_once = await self._answer(self._expected, start, True)
        try:
            got, got_log, _ = await self._answer(self._got, start, False)
        except (Exception, asyncio.CancelledError) as error:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            return self._difference(start, shown(expected, expected_log), f"raised {error!r}")
        verdict = await self._verdict(start, expected, got)
        # Where nothing is waited for, nothing can race.
        if verdict is Verdict.DIFFERENT or (verdict is Verdict.RACED and at_once) or expected_log != got_log:
            return self._difference(start, shown(expected, expected_log), shown(got, got_log))
        return verdict

    async def _verdict(self, start: Start, expected: ExecutionResult, got: ExecutionResult) -> Verdict:
        subject = self.subject
        verdict = compared(expected, got, None, subject.plainly, subject.told_once)
        if verdict is Verdict.RACED and self.operation.operation is not OperationType.MUTATION:
            return compared(expected, got, await self._possible(start), subject.plainly, subject.told_once)
        return verdict

    def _difference(self, start: Start, expected: str, got: str) -> Difference:
        return Difference(self.subject.name, self.written, start, expected, got)

    async def _answer(self, execute: Execute, start: Start, first: bool) -> tuple[ExecutionResult, list[str], bool]:
        """The answer, what was written down meanwhile, and whether nothing had to be waited for."""
        root, context, variant = self.subject.begin(self.operation, start, first)
        result = execute(root, context, deepcopy(start.variables), variant)
        whole, at_once = await awaited(result), isinstance(result, ExecutionResult)
        log: list[str] = getattr(context, "log", []) if self.operation.operation is OperationType.MUTATION else []
        return whole, log, at_once

    async def _possible(self, start: Start) -> list[GraphQLError]:
        """All errors that can happen: those of an execution in which none hides another."""
        directive = DirectiveNode(name=NameNode(value="experimental_disableErrorPropagation"))
        operation = replace(self.operation, directives=(*(self.operation.directives or ()), directive))
        definitions = tuple(operation if each is self.operation else each for each in self.document.definitions)
        document = replace(self.document, definitions=definitions)
        root, context, _ = self.subject.begin(self.operation, start, True)
        result = await awaited(execute(self.subject.schema, document, root, context, deepcopy(start.variables), self.written.name))
        return result.errors or []
