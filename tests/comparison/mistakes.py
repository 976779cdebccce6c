"""Executors with one deliberate mistake each, made by changing graphql-core. They test the comparison itself, which must find every mistake."""

from collections.abc import Callable, Hashable
from enum import Enum
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLEnumType,
    GraphQLError,
    GraphQLFloat,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    located_error,
)
from graphql.execution.values import VariableValues

from tests.comparison.executors import Execute, Prepare, Result, awaited, reference

Changed = type[Executor[Any]]


def with_executor(executor: Changed) -> Callable[[GraphQLSchema], Prepare]:
    """A function that prepares graphql-core for a schema, with a deliberate mistake: `executor` takes the place of its class `Executor`."""
    return lambda schema: reference(schema, executor_class=executor)


class StopsNulls(Executor[Any]):
    """A deliberate mistake: leaves a null at a non-null field."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        nullable = return_type.of_type if isinstance(return_type, GraphQLNonNull) else return_type
        super().handle_field_error(raw_error, nullable, field_details_list, path)


class SpreadsNulls(Executor[Any]):
    """A deliberate mistake: makes a list null if one of its nullable items fails."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        inside = isinstance(path.key, int) and not isinstance(return_type, GraphQLNonNull)
        super().handle_field_error(raw_error, GraphQLNonNull(return_type) if inside else return_type, field_details_list, path)


class StopsNullsOfItems(Executor[Any]):
    """A deliberate mistake: leaves a null in a list of non-null items."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        inside = isinstance(path.key, int) and isinstance(return_type, GraphQLNonNull)
        super().handle_field_error(raw_error, return_type.of_type if inside else return_type, field_details_list, path)


class DropsAliases(Executor[Any]):
    """A deliberate mistake: uses the field's name as key instead of its alias."""

    def execute_fields(self, parent_type: Any, source_value: Any, path: Any, grouped_field_set: Any, position_context: Any) -> Any:
        named = {details[0].node.name.value if path else name: details for name, details in grouped_field_set.items()}
        return super().execute_fields(parent_type, source_value, path, named, position_context)


class SortsKeys(Executor[Any]):
    """A deliberate mistake: if fields of an object have to be awaited, sorts the keys of the object in reverse alphabetical order."""

    def execute_fields(self, parent_type: Any, source_value: Any, path: Any, grouped_field_set: Any, position_context: Any) -> Any:
        result = super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        return self._sorted(result) if self.is_awaitable(result) else result

    async def _sorted(self, result: Any) -> dict[str, Any]:
        return dict(sorted((await result).items(), reverse=True))


class TakesAnyEnum(Executor[Any]):
    """A deliberate mistake: accepts any value at a field of an enum type."""

    @staticmethod
    def complete_leaf_value(return_type: Any, result: Any) -> Any:
        if isinstance(return_type, GraphQLEnumType):
            return result.name if isinstance(result, Enum) else str(result)
        return Executor.complete_leaf_value(return_type, result)


class TakesAnyInt(Executor[Any]):
    """A deliberate mistake: accepts integers of more than 32 bits at a field of the type Int."""

    @staticmethod
    def complete_leaf_value(return_type: Any, result: Any) -> Any:
        if return_type is GraphQLInt and type(result) is int:
            return result
        return Executor.complete_leaf_value(return_type, result)


class TakesAnyFloat(Executor[Any]):
    """A deliberate mistake: accepts NaN and infinity at a field of the type Float."""

    @staticmethod
    def complete_leaf_value(return_type: Any, result: Any) -> Any:
        if return_type is GraphQLFloat and type(result) is float:
            return result
        return Executor.complete_leaf_value(return_type, result)


class WritesPython(Executor[Any]):
    """A deliberate mistake: serializes a boolean at a field of the type String as Python does (`True`), and not as JSON does (`true`)."""

    @staticmethod
    def complete_leaf_value(return_type: Any, result: Any) -> Any:
        return str(result) if return_type.name == "String" and type(result) is bool else Executor.complete_leaf_value(return_type, result)


class LosesIndices(Executor[Any]):
    """A deliberate mistake: reports all errors in lists with the index 0."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        keys = [0 if isinstance(key, int) else key for key in path.as_list()]
        error = located_error(raw_error, [details.node for details in field_details_list], keys)
        super().handle_field_error(error, return_type, field_details_list, path)


class LosesLocations(Executor[Any]):
    """A deliberate mistake: reports only the first location of a field that the document selects more than once."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        super().handle_field_error(raw_error, return_type, field_details_list[:1], path)


class LosesOriginals(Executor[Any]):
    """A deliberate mistake: reports errors without their original exception."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        super().handle_field_error(GraphQLError(str(raw_error)), return_type, field_details_list, path)


class LosesMerged(Executor[Any]):
    """A deliberate mistake: if the document selects an object more than once, completes only the subfields of the first selection."""

    def collect_subfields(self, return_type: Any, field_details_list: Any) -> Any:
        return super().collect_subfields(return_type, field_details_list[:1])


class TakesErrors(Executor[Any]):
    """A deliberate mistake: treats an exception that a resolver returns as a value."""

    def complete_value(self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any) -> Any:
        answer = str(result) if isinstance(result, Exception) else result
        return super().complete_value(return_type, field_details_list, info, path, answer, position_context)


class TakesAllTypes(Executor[Any]):
    """A deliberate mistake: never calls the `is_type_of` of object types."""

    def complete_object_value(self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any) -> Any:
        return self.collect_and_execute_subfields(return_type, field_details_list, path, result, position_context)


class ForgetsItems(Executor[Any]):
    """A deliberate mistake: if an iterator fails, does not report the errors of the items before the failure."""

    def complete_iterable_value(self, item_type: Any, field_details_list: Any, info: Any, path: Any, items: Any, position_context: Any) -> Any:
        all_items = items if isinstance(items, list | tuple) else list(items)
        return super().complete_iterable_value(item_type, field_details_list, info, path, all_items, position_context)


class AllAtOnce(Executor[Any]):
    """A deliberate mistake: runs the root fields of a mutation concurrently."""

    def execute_operation(self, serially: bool | None = None) -> Any:
        return super().execute_operation(False)


def remembers_types(schema: GraphQLSchema) -> Prepare:
    """A deliberate mistake: uses the type of a field's first value for all later values of the field."""
    first_types: dict[int, Any] = {}

    class Remembering(Executor[Any]):
        def ensure_valid_runtime_type(self, name: Any, return_type: Any, field_details_list: Any, info: Any, result: Any) -> Any:
            found = super().ensure_valid_runtime_type(name, return_type, field_details_list, info, result)
            return first_types.setdefault(id(field_details_list[0].node), found)

    return reference(schema, executor_class=Remembering)


def remembers_conditions(schema: GraphQLSchema) -> Prepare:
    """A deliberate mistake: uses the values of `@skip` and `@include` of the first execution for all executions."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        execute, first_values = reference(schema)(document, operation), dict[str, Any]()

        def again(root: Any, context: Any, variables: dict[str, Any] | None, variant: Hashable) -> Result:
            values = dict(variables or {})
            for name in values:
                if name.startswith("b") and isinstance(values[name], bool):
                    values[name] = first_values.setdefault(name, values[name])
            return execute(root, context, values, variant)

        return again

    return prepare


def changed_variables(change: Callable[[OperationDefinitionNode, dict[str, Any]], dict[str, Any]]) -> Callable[[GraphQLSchema], Prepare]:
    """A function that makes an executor for a schema: graphql-core, which receives the variables that `change` returns."""

    def make_executor(schema: GraphQLSchema) -> Prepare:
        def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
            execute = reference(schema)(document, operation)
            return lambda root, context, variables, variant: execute(root, context, change(operation, dict(variables or {})), variant)

        return prepare

    return make_executor


def defaults_for_nulls(operation: OperationDefinitionNode, values: dict[str, Any]) -> dict[str, Any]:
    """A deliberate mistake: uses the default of a variable if the request sends null."""
    defaulted = {each.variable.name.value for each in operation.variable_definitions or () if each.default_value}
    return {name: value for name, value in values.items() if value is not None or name not in defaulted}


def nulls_for_missing(operation: OperationDefinitionNode, values: dict[str, Any]) -> dict[str, Any]:
    """A deliberate mistake: treats a missing variable as null."""
    plain = [each for each in operation.variable_definitions or () if not each.default_value]
    return {each.variable.name.value: None for each in plain if each.type.kind != "non_null_type"} | values


def shares_arguments(schema: GraphQLSchema) -> Prepare:
    """A deliberate mistake: keeps the values of variables for the next execution, although a resolver may have changed these values."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        first_values: dict[str, Any] = {}

        class Sharing(Executor[Any]):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                values = self.variable_values
                coerced = {
                    name: first_values.setdefault(repr(value), value) for name, value in values.coerced.items() if isinstance(value, list | dict)
                }
                self.variable_values = VariableValues(values.sources, {**values.coerced, **coerced})

        return reference(schema, executor_class=Sharing)(document, operation)

    return prepare


def remembers_callers(schema: GraphQLSchema) -> Prepare:
    """A deliberate mistake: uses the scopes of the first caller for all callers."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        execute, first = reference(schema)(document, operation), list[frozenset[str]]()

        def again(root: Any, context: Any, variables: dict[str, Any] | None, variant: Any) -> Result:
            first.append(variant)
            context.scopes = first[0]
            return execute(root, context, variables, variant)

        return again

    return prepare


def remembers_data(schema: GraphQLSchema) -> Prepare:
    """A deliberate mistake: uses the context of the first execution for all executions."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        execute, first = reference(schema)(document, operation), list[Any]()

        def again(root: Any, context: Any, variables: dict[str, Any] | None, variant: Hashable) -> Result:
            first.append(context)
            return execute(root, first[0], variables, variant)

        return again

    return prepare


def loses_errors(schema: GraphQLSchema) -> Prepare:
    """A deliberate mistake: reports only the first error."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        execute = reference(schema)(document, operation)

        async def first(result: Result) -> ExecutionResult:
            whole = await awaited(result)
            return ExecutionResult(whole.data, whole.errors[:1] if whole.errors else None)

        return lambda root, context, variables, variant: first(execute(root, context, variables, variant))

    return prepare


MISTAKES: dict[str, Callable[[GraphQLSchema], Prepare]] = {
    "a null stays at a non-null field": with_executor(StopsNulls),
    "a null propagates too far": with_executor(SpreadsNulls),
    "a null stays in a list": with_executor(StopsNullsOfItems),
    "aliases are dropped": with_executor(DropsAliases),
    "keys are in another order": with_executor(SortsKeys),
    "enums are not checked": with_executor(TakesAnyEnum),
    "whole numbers are not checked": with_executor(TakesAnyInt),
    "numbers are not checked": with_executor(TakesAnyFloat),
    "booleans are serialized as Python does": with_executor(WritesPython),
    "indices are lost": with_executor(LosesIndices),
    "locations are lost": with_executor(LosesLocations),
    "original errors are lost": with_executor(LosesOriginals),
    "merged fields are lost": with_executor(LosesMerged),
    "exceptions are values": with_executor(TakesErrors),
    "is_type_of is not called": with_executor(TakesAllTypes),
    "a type is remembered": remembers_types,
    "errors of earlier items are lost": with_executor(ForgetsItems),
    "mutations run concurrently": with_executor(AllAtOnce),
    "conditions are remembered": remembers_conditions,
    "null is treated as missing": changed_variables(defaults_for_nulls),
    "missing is treated as null": changed_variables(nulls_for_missing),
    "arguments are shared": shares_arguments,
    "callers are remembered": remembers_callers,
    "contexts are remembered": remembers_data,
    "errors are lost": loses_errors,
}
