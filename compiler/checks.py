"""Writes the quick checks of a plan's source. They complete common values without calling a position. For the terms, see compiler/README.md."""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, EnumType, Flag
from typing import Any

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
)

from compiler.functions import Function
from compiler.positions import AbstractPosition, LeafPosition, ListPosition, ObjectPosition, Position

# Maps the serializer of each standard scalar to a Python condition, as text. A value that meets the condition needs no conversion. `{0}` stands for
# the variable that holds the value.
QUICK: dict[Any, str] = {
    GraphQLString.coerce_output_value: "{0}.__class__ is str",
    GraphQLID.coerce_output_value: "{0}.__class__ is str",
    GraphQLInt.coerce_output_value: f"{{0}}.__class__ is int and {GRAPHQL_MIN_INT} <= {{0}} <= {GRAPHQL_MAX_INT}",
    GraphQLFloat.coerce_output_value: "{0}.__class__ is float and {0} - {0} == 0.0",
    GraphQLBoolean.coerce_output_value: "{0}.__class__ is bool",
}

Serializers = Mapping[Callable[[Any], Any], type]
NO_SERIALIZERS: Serializers = {}


class Checks:
    """Writes the quick checks: the lines of a plan that recognize common values, and complete them.

    `serializers` maps the serializer of a scalar to a class. The plan calls the serializer directly for values of exactly this class. For such a
    value, the serializer must not return None.
    """

    def __init__(self, serializers: Serializers) -> None:
        self._serializers = serializers
        self._enums: dict[GraphQLEnumType, tuple[EnumType, dict[str, str]] | None] = {}

    def completion(self, function: Function, position: Position, label: str, local: str, place: str) -> list[str]:
        """The lines of source that complete a value: they replace the resolver's result, in the variable `local`, by the value for the response.

        `label` and `place`: the expressions for the field's position, and for its place in the response.
        """
        slow = f"{local} = {label}.slow({local}, r, {place})"
        test, quick = self._quick_check(function, position, local, place)
        if not test:
            return [slow] if position.required else [f"if {local} is not None:", f"    {slow}"]
        if not quick:
            present = "" if position.required else f"{local} is not None and "
            return [f"if {present}not ({test}):", f"    {slow}"]
        return [f"if {test}:", f"    {local} = {quick}", "else:" if position.required else f"elif {local} is not None:", f"    {slow}"]

    def _quick_check(self, function: Function, position: Position, local: str, place: str) -> tuple[str | None, str | None]:
        """The test that recognizes common values, and the expression that completes them. `local`: the variable that holds the value.

        The test is None if the position has to complete every value. The expression is None if values that pass the test need no conversion.
        """
        match position:
            case LeafPosition():
                return self._leaf(function, position.leaf_type, local)
            case ListPosition():
                test = f"{local}.__class__ is list or {local}.__class__ is tuple"
                return test, f"{function.bind('f', position.function)}({local}, r, {place})"
            case ObjectPosition():
                test = f"{local}.__class__ in {function.bind('S', position.classes)}"
                return test, f"{function.bind('f', position.function)}({local}, r, {place})"
            case AbstractPosition():
                return f"q := {function.bind('Q', position.functions)}.get({local}.__class__)", f"q({local}, r, {place})"
        return None, None

    def _leaf(self, function: Function, type: GraphQLLeafType, local: str) -> tuple[str | None, str | None]:
        if not isinstance(type, GraphQLEnumType):
            serializer = type.coerce_output_value
            if serialized := self._serializers.get(serializer):
                return f"{local}.__class__ is {function.bind('C', serialized)}", f"{function.bind('T', serializer)}({local})"
            test = QUICK.get(serializer)
            return test and test.format(local), None
        if type not in self._enums:
            self._enums[type] = names_of(type)
        if names := self._enums[type]:
            return f"{local}.__class__ is {function.bind('E', names[0])}", f"{function.bind('N', names[1])}[{local}._name_]"
        return None, None


def names_of(enum: GraphQLEnumType) -> tuple[EnumType, dict[str, str]] | None:
    """The Python enum of a GraphQL enum, and the GraphQL name of each member by its Python name.

    None if the GraphQL enum was not made from a Python enum, if the Python enum is a Flag, or if a member has no GraphQL name.
    """
    enum_class: Any = getattr(enum, "wrapped_cls", None)
    if not isinstance(enum_class, EnumType) or Flag in enum_class.__mro__:
        return None
    try:
        # The keys of this dict are the members' names and not the members, because hashing a member is far slower than hashing its name.
        members: Iterable[Enum] = enum_class
        return enum_class, {member.name: enum.coerce_output_value(member) for member in members}
    except (GraphQLError, ValueError):
        return None
