"""For tests of single behaviours: executes one operation by graphql-core and by its compiled plans, and compares the results."""

from dataclasses import dataclass
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationDefinitionNode, parse, validate

from compiler import Compiler, Plans
from compiler.checks import NO_SERIALIZERS, Serializers
from tests.comparison.comparison import Verdict, verdict_of
from tests.comparison.executors import awaited, reference

TIMES = 2


@dataclass(frozen=True)
class Answer:
    """The result of an operation, which was equal for both executors."""

    data: Any
    errors: list[GraphQLError]

    @property
    def failed(self) -> dict[str, str]:
        """The messages of the errors, by their paths."""
        return {".".join(map(str, error.path or ())): error.message for error in self.errors}


def operation_of(text: str, name: str | None = None) -> tuple[Any, OperationDefinitionNode]:
    """Parse a document. Returns the document, and its operation with this name (without a name: its first operation)."""
    document = parse(text)
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    return document, next(each for each in operations if name is None or (each.name and each.name.value == name))


def plans_of(schema: GraphQLSchema, text: str, *, serializers: Serializers = NO_SERIALIZERS) -> Plans:
    """The plans of the document's first operation, by a new compiler. Asserts that the document is valid."""
    document, operation = operation_of(text)
    assert not validate(schema, document)
    return Compiler(schema, serializers=serializers).plans(document, operation)


async def answer_of(
    schema: GraphQLSchema,
    text: str,
    root: Any = None,
    context: Any = None,
    variables: dict[str, Any] | None = None,
    name: str | None = None,
    variant: Any = None,
) -> Answer:
    """Execute an operation TIMES times by graphql-core and by its compiled plans. Returns the last result.

    The plans are made only once, so the second result would show if a plan had kept values of the first execution. Asserts that the operation was
    compiled, and that both results are equal each time.
    """
    document, operation = operation_of(text, name)
    assert not validate(schema, document)
    plans, got = Compiler(schema).plans(document, operation), ExecutionResult()
    for _ in range(TIMES):
        expected = await awaited(reference(schema)(document, operation)(root, context, variables, variant))
        got = await awaited(plans.execute(root, context, variables, variant))
        assert verdict_of(expected, got) is Verdict.EQUAL, f"{expected}\n{got}"
    assert not plans.refused, plans.refused
    return Answer(got.data, got.errors or [])


async def result_of(
    plans: Plans, root: Any = None, context: Any = None, variables: dict[str, Any] | None = None, variant: Any = None
) -> ExecutionResult:
    """Execute an operation by its plans alone, without a comparison, and await the result."""
    return await awaited(plans.execute(root, context, variables, variant))
