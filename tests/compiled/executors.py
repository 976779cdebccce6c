"""The ways to execute an operation."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLSchema, OperationDefinitionNode, execute

from gateway.compiled import Compiler

Result = ExecutionResult | Awaitable[ExecutionResult]
# The root, the context, the raw variables, the variant.
Execute = Callable[[Any, Any, dict[str, Any] | None, Hashable], Result]
Prepare = Callable[[DocumentNode, OperationDefinitionNode], Execute]
# A way, for one schema.
Way = Callable[[GraphQLSchema], Prepare]


def reference(schema: GraphQLSchema, **options: Any) -> Prepare:
    """graphql-core's way."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        name = operation.name.value if operation.name else None
        return lambda root, context, variables, variant: execute(schema, document, root, context, variables, name, **options)

    return prepare


def compiled(schema: GraphQLSchema, *, dates_left_to_orjson: bool = False) -> Prepare:
    """The gateway's way."""
    compiler = Compiler(schema, dates_left_to_orjson=dates_left_to_orjson)

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        plans = compiler.plans(document, operation)
        return lambda root, context, variables, variant: plans.execute(root, context, variables, variant)

    return prepare


async def awaited(result: Result) -> ExecutionResult:
    """The result, waited for where there is something to wait for."""
    return result if isinstance(result, ExecutionResult) else await result
