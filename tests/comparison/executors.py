"""The two executors that are compared, graphql-core and compiled plans, as functions of the same type."""

from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLScalarType, GraphQLSchema, OperationDefinitionNode, execute

from compiler import Compiler
from compiler.checks import NO_SERIALIZERS, Serializers

Result = ExecutionResult | Awaitable[ExecutionResult]
# Executes one operation. Arguments: the root object, the context, the variables as the client sent them, and the variant (see compiler/README.md).
Execute = Callable[[Any, Any, dict[str, Any] | None, Hashable], Result]
Prepare = Callable[[DocumentNode, OperationDefinitionNode], Execute]
# Makes an executor for one schema. The result is a function that prepares an operation, so that it can be executed several times.
MakeExecutor = Callable[[GraphQLSchema], Prepare]


def reference(schema: GraphQLSchema, **options: Any) -> Prepare:
    """graphql-core's executor, whose results are the expected ones. `options` are passed to graphql-core's function `execute`."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        name = operation.name.value if operation.name else None
        return lambda root, context, variables, variant: execute(schema, document, root, context, variables, name, **options)

    return prepare


class Compiled:
    """The executor that uses our compiler. `refused` counts the executions that the compiler refused and left to graphql-core, by reason."""

    def __init__(self, schema: GraphQLSchema, *, serializers: Serializers = NO_SERIALIZERS) -> None:
        self.refused: Counter[str] = Counter()
        self._compiler = Compiler(schema, serializers=serializers)

    def __call__(self, document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        plans = self._compiler.plans(document, operation)

        def execute(root: Any, context: Any, variables: dict[str, Any] | None, variant: Hashable) -> Result:
            result = plans.execute(root, context, variables, variant)
            self.refused.update([plans.refused] if plans.refused else [])
            return result

        return execute


def direct_serializers(schema: GraphQLSchema) -> Serializers:
    """The serializers that plans may call directly: the one of the scalar DateTime, for instants."""
    scalar = schema.type_map["DateTime"]
    assert isinstance(scalar, GraphQLScalarType)
    return {scalar.coerce_output_value: datetime}


async def awaited(result: Result) -> ExecutionResult:
    """Await the result if it is awaitable. Returns the ExecutionResult."""
    return result if isinstance(result, ExecutionResult) else await result
