"""Executors with a mistake each, as one could make it: graphql-core, changed. The comparison must find every one of them."""

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
    """graphql-core's way, with a changed executor."""
    return lambda schema: reference(schema, executor_class=executor)


class StopsNulls(Executor[Any]):
    """Leaves a null where none may be."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        nullable = return_type.of_type if isinstance(return_type, GraphQLNonNull) else return_type
        super().handle_field_error(raw_error, nullable, field_details_list, path)


class SpreadsNulls(Executor[Any]):
    """Lets the null of an item in a list that allows it go up to the list."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        inside = isinstance(path.key, int) and not isinstance(return_type, GraphQLNonNull)
        super().handle_field_error(raw_error, GraphQLNonNull(return_type) if inside else return_type, field_details_list, path)


class StopsNullsOfItems(Executor[Any]):
    """Leaves a null in a list that allows none."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        inside = isinstance(path.key, int) and isinstance(return_type, GraphQLNonNull)
        super().handle_field_error(raw_error, return_type.of_type if inside else return_type, field_details_list, path)


class DropsAliases(Executor[Any]):
    """Answers under the field's name."""

    def execute_fields(self, parent_type: Any, source_value: Any, path: Any, grouped_field_set: Any, position_context: Any) -> Any:
        named = {details[0].node.name.value if path else name: details for name, details in grouped_field_set.items()}
        return super().execute_fields(parent_type, source_value, path, named, position_context)


class SortsKeys(Executor[Any]):
    """Answers what had to be waited for behind the rest."""

    def execute_fields(self, parent_type: Any, source_value: Any, path: Any, grouped_field_set: Any, position_context: Any) -> Any:
        result = super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        return self._sorted(result) if self.is_awaitable(result) else result

    async def _sorted(self, result: Any) -> dict[str, Any]:
        return dict(sorted((await result).items(), reverse=True))


class TakesAnyEnum(Executor[Any]):
    """Writes whatever a resolver answers where an enum should be."""

    @staticmethod
    def complete_leaf_value(return_type: Any, result: Any) -> Any:
        if isinstance(return_type, GraphQLEnumType):
            return result.name if isinstance(result, Enum) else str(result)
        return Executor.complete_leaf_value(return_type, result)


class TakesAnyInt(Executor[Any]):
    """Writes whole numbers of any size."""

    @staticmethod
    def complete_leaf_value(return_type: Any, result: Any) -> Any:
        if return_type is GraphQLInt and type(result) is int:
            return result
        return Executor.complete_leaf_value(return_type, result)


class TakesAnyFloat(Executor[Any]):
    """Writes numbers that are none."""

    @staticmethod
    def complete_leaf_value(return_type: Any, result: Any) -> Any:
        if return_type is GraphQLFloat and type(result) is float:
            return result
        return Executor.complete_leaf_value(return_type, result)


class WritesPython(Executor[Any]):
    """Writes booleans as Python does."""

    @staticmethod
    def complete_leaf_value(return_type: Any, result: Any) -> Any:
        return str(result) if return_type.name == "String" and type(result) is bool else Executor.complete_leaf_value(return_type, result)


class LosesIndices(Executor[Any]):
    """Tells errors in lists without saying of which item."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        keys = [0 if isinstance(key, int) else key for key in path.as_list()]
        error = located_error(raw_error, [details.node for details in field_details_list], keys)
        super().handle_field_error(error, return_type, field_details_list, path)


class LosesLocations(Executor[Any]):
    """Tells only the first place of a field that is written down more than once."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        super().handle_field_error(raw_error, return_type, field_details_list[:1], path)


class LosesOriginals(Executor[Any]):
    """Tells errors without what they were made of."""

    def handle_field_error(self, raw_error: Any, return_type: Any, field_details_list: Any, path: Any) -> None:
        super().handle_field_error(GraphQLError(str(raw_error)), return_type, field_details_list, path)


class LosesMerged(Executor[Any]):
    """Looks below the first of merged fields only."""

    def collect_subfields(self, return_type: Any, field_details_list: Any) -> Any:
        return super().collect_subfields(return_type, field_details_list[:1])


class TakesErrors(Executor[Any]):
    """Takes an exception that is answered for an answer."""

    def complete_value(self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any) -> Any:
        answer = str(result) if isinstance(result, Exception) else result
        return super().complete_value(return_type, field_details_list, info, path, answer, position_context)


class TakesAllTypes(Executor[Any]):
    """Asks no type whether a value is of it."""

    def complete_object_value(self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any) -> Any:
        return self.collect_and_execute_subfields(return_type, field_details_list, path, result, position_context)


class ForgetsItems(Executor[Any]):
    """Forgets the errors of the items before the one at which a list broke off."""

    def complete_iterable_value(self, item_type: Any, field_details_list: Any, info: Any, path: Any, items: Any, position_context: Any) -> Any:
        known = items if isinstance(items, list | tuple) else list(items)
        return super().complete_iterable_value(item_type, field_details_list, info, path, known, position_context)


class AllAtOnce(Executor[Any]):
    """Begins all changes at once."""

    def execute_operation(self, serially: bool | None = None) -> Any:
        return super().execute_operation(False)


def remembers_types(schema: GraphQLSchema) -> Prepare:
    """Takes all that a field answers for the type that its first value had."""
    kept: dict[int, Any] = {}

    class Remembering(Executor[Any]):
        def ensure_valid_runtime_type(self, name: Any, return_type: Any, field_details_list: Any, info: Any, result: Any) -> Any:
            found = super().ensure_valid_runtime_type(name, return_type, field_details_list, info, result)
            return kept.setdefault(id(field_details_list[0].node), found)

    return reference(schema, executor_class=Remembering)


def remembers_conditions(schema: GraphQLSchema) -> Prepare:
    """Skips and includes whatever the first execution did."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        execute, kept = reference(schema)(document, operation), dict[str, Any]()

        def again(root: Any, context: Any, variables: dict[str, Any] | None, variant: Hashable) -> Result:
            given = dict(variables or {})
            for name in given:
                if name.startswith("b") and isinstance(given[name], bool):
                    given[name] = kept.setdefault(name, given[name])
            return execute(root, context, given, variant)

        return again

    return prepare


def changed_variables(change: Callable[[OperationDefinitionNode, dict[str, Any]], dict[str, Any]]) -> Callable[[GraphQLSchema], Prepare]:
    """graphql-core's way, with other variables than those that were given."""

    def way(schema: GraphQLSchema) -> Prepare:
        def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
            execute = reference(schema)(document, operation)
            return lambda root, context, variables, variant: execute(root, context, change(operation, dict(variables or {})), variant)

        return prepare

    return way


def defaults_for_nulls(operation: OperationDefinitionNode, given: dict[str, Any]) -> dict[str, Any]:
    """Takes null for left out."""
    defaulted = {each.variable.name.value for each in operation.variable_definitions or () if each.default_value}
    return {name: value for name, value in given.items() if value is not None or name not in defaulted}


def nulls_for_missing(operation: OperationDefinitionNode, given: dict[str, Any]) -> dict[str, Any]:
    """Takes left out for null."""
    plain = [each for each in operation.variable_definitions or () if not each.default_value]
    return {each.variable.name.value: None for each in plain if each.type.kind != "non_null_type"} | given


def shares_arguments(schema: GraphQLSchema) -> Prepare:
    """Gives what was given to one execution to the next as well, changed as it may be by then."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        kept: dict[str, Any] = {}

        class Sharing(Executor[Any]):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                values = self.variable_values
                coerced = {name: kept.setdefault(repr(value), value) for name, value in values.coerced.items() if isinstance(value, list | dict)}
                self.variable_values = VariableValues(values.sources, {**values.coerced, **coerced})

        return reference(schema, executor_class=Sharing)(document, operation)

    return prepare


def remembers_callers(schema: GraphQLSchema) -> Prepare:
    """Lets all pass whom the first caller's guards let pass."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        execute, first = reference(schema)(document, operation), list[frozenset[str]]()

        def again(root: Any, context: Any, variables: dict[str, Any] | None, variant: Any) -> Result:
            first.append(variant)
            context.scopes = first[0]
            return execute(root, context, variables, variant)

        return again

    return prepare


def remembers_data(schema: GraphQLSchema) -> Prepare:
    """Asks the first execution's context."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        execute, first = reference(schema)(document, operation), list[Any]()

        def again(root: Any, context: Any, variables: dict[str, Any] | None, variant: Hashable) -> Result:
            first.append(context)
            return execute(root, first[0], variables, variant)

        return again

    return prepare


def loses_errors(schema: GraphQLSchema) -> Prepare:
    """Tells one error where there are more."""

    def prepare(document: DocumentNode, operation: OperationDefinitionNode) -> Execute:
        execute = reference(schema)(document, operation)

        async def first(result: Result) -> ExecutionResult:
            whole = await awaited(result)
            return ExecutionResult(whole.data, whole.errors[:1] if whole.errors else None)

        return lambda root, context, variables, variant: first(execute(root, context, variables, variant))

    return prepare


MISTAKES: dict[str, Callable[[GraphQLSchema], Prepare]] = {
    "a null stays where none may be": with_executor(StopsNulls),
    "a null goes too far": with_executor(SpreadsNulls),
    "a null stays in a list": with_executor(StopsNullsOfItems),
    "aliases are dropped": with_executor(DropsAliases),
    "keys are in another order": with_executor(SortsKeys),
    "enums are not checked": with_executor(TakesAnyEnum),
    "whole numbers are not checked": with_executor(TakesAnyInt),
    "numbers are not checked": with_executor(TakesAnyFloat),
    "booleans are written otherwise": with_executor(WritesPython),
    "indices are lost": with_executor(LosesIndices),
    "locations are lost": with_executor(LosesLocations),
    "original errors are lost": with_executor(LosesOriginals),
    "merged fields are lost": with_executor(LosesMerged),
    "exceptions are answers": with_executor(TakesErrors),
    "types are not checked": with_executor(TakesAllTypes),
    "a type is remembered": remembers_types,
    "errors of earlier items are lost": with_executor(ForgetsItems),
    "changes are made at once": with_executor(AllAtOnce),
    "conditions are remembered": remembers_conditions,
    "null is left out": changed_variables(defaults_for_nulls),
    "left out is null": changed_variables(nulls_for_missing),
    "arguments are shared": shares_arguments,
    "callers are remembered": remembers_callers,
    "data are remembered": remembers_data,
    "errors are lost": loses_errors,
}
