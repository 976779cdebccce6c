"""The variables of an operation: a fast path for plain types. graphql-core coerces all others."""

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

from compiler.run import Operation

MISSING = object()
PLAIN = {
    each.coerce_input_value: plain
    for each, plain in ((GraphQLString, str), (GraphQLID, str), (GraphQLInt, int), (GraphQLFloat, float), (GraphQLBoolean, bool))
}


class Declared(NamedTuple):
    """A variable of a plain type: the class of its values, and its default. MISSING: it has no default."""

    name: str
    plain: type
    required: bool
    default: Any


class Variables:
    """The variables that an operation declares."""

    def __init__(self, operation: Operation) -> None:
        declared = [declared_plain(operation, each) for each in operation.variables]
        self._declared = [each for each in declared if each]
        self._plain = len(self._declared) == len(declared)

    def plain_values(self, raw: dict[str, Any]) -> dict[str, Any] | None:
        """The values as the client sent them, with defaults; None if any value has to be coerced or is an error."""
        if not self._plain:
            return None
        values: dict[str, Any] = {}
        for name, plain, required, default in self._declared:
            value = raw.get(name, MISSING)
            if value is MISSING:
                if default is not MISSING:
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
    """Whether a number is finite and in the range of its GraphQL type. Values of other classes always fit."""
    if plain is int:
        return bool(GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT)
    return plain is not float or bool(value - value == 0.0)


def declared_plain(operation: Operation, node: VariableDefinitionNode) -> Declared | None:
    """The declared variable if it is of a plain type, else None."""
    type = type_from_ast(operation.schema, node.type)
    required = isinstance(type, GraphQLNonNull)
    named = type.of_type if isinstance(type, GraphQLNonNull) else type
    plain = PLAIN.get(named.coerce_input_value) if isinstance(named, GraphQLScalarType) else None
    if not plain:
        return None
    default: Any = MISSING
    if node.default_value:
        values = get_variable_values(operation.schema, [node], {})
        if not isinstance(values, VariableValues):
            return None
        default = values.coerced[node.variable.name.value]
    return Declared(node.variable.name.value, plain, required, default)
