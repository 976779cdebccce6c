"""Reads the variables of a request quickly if all have plain types: standard scalars, and no lists of them. Otherwise graphql-core coerces all."""

from typing import Any, NamedTuple

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLString,
    VariableDefinitionNode,
    type_from_ast,
)
from graphql.execution.values import VariableValues, get_variable_values

from compiler.run import CompiledOperation

# Marks a variable without a value or without a default. None is a value: GraphQL's null.
NO_VALUE = object()
# Maps the function that coerces inputs of a standard scalar to the class of those JSON values that the function returns unchanged. A custom scalar
# with the same function is a plain type too.
PLAIN = {
    each.coerce_input_value: plain
    for each, plain in ((GraphQLString, str), (GraphQLID, str), (GraphQLInt, int), (GraphQLFloat, float), (GraphQLBoolean, bool))
}


class Declared(NamedTuple):
    """A declared variable of a plain type. `plain` is the class of its values. `default` is NO_VALUE if the variable has no default."""

    name: str
    plain: type
    required: bool
    default: Any


class Variables:
    """The variables that one operation declares."""

    def __init__(self, operation: CompiledOperation) -> None:
        declared = [declared_plain(operation, each) for each in operation.variables]
        self._declared = [each for each in declared if each]
        self._plain = len(self._declared) == len(declared)

    def plain_values(self, raw: dict[str, Any]) -> dict[str, Any] | None:
        """The values of the variables: those that the client sent, unchanged, and defaults.

        None if a required value is missing, or if a value is invalid or has to be coerced.
        """
        if not self._plain:
            return None
        values: dict[str, Any] = {}
        for name, plain, required, default in self._declared:
            value = raw.get(name, NO_VALUE)
            if value is NO_VALUE:
                if default is not NO_VALUE:
                    values[name] = default
                elif required:
                    return None
            elif value is None:
                if required:
                    return None
                values[name] = None
            elif value.__class__ is plain and fits(value, plain):
                values[name] = value
            else:
                return None
        return values


def fits(value: Any, plain: type) -> bool:
    """Whether a value of the class `plain` is allowed: an int must fit into 32 bits, and a float must be finite. All other values are allowed."""
    if plain is int:
        return bool(GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT)
    return plain is not float or bool(value - value == 0.0)


def declared_plain(operation: CompiledOperation, node: VariableDefinitionNode) -> Declared | None:
    """The declared variable, if it has a plain type and its default is valid or missing; else None."""
    type = type_from_ast(operation.schema, node.type)
    required = isinstance(type, GraphQLNonNull)
    named = type.of_type if isinstance(type, GraphQLNonNull) else type
    plain = PLAIN.get(named.coerce_input_value) if isinstance(named, GraphQLScalarType) else None
    if not plain:
        return None
    default: Any = NO_VALUE
    if node.default_value:
        values = get_variable_values(operation.schema, [node], {})
        if not isinstance(values, VariableValues):
            return None
        default = values.coerced[node.variable.name.value]
    return Declared(node.variable.name.value, plain, required, default)
