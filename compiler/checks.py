"""Writes the source of the quick checks, which complete usual values without calling a position."""

from collections.abc import Iterable
from datetime import UTC, datetime
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

QUICK: dict[Any, str] = {
    GraphQLString.coerce_output_value: "{0}.__class__ is str",
    GraphQLID.coerce_output_value: "{0}.__class__ is str",
    GraphQLInt.coerce_output_value: f"{{0}}.__class__ is int and {GRAPHQL_MIN_INT} <= {{0}} <= {GRAPHQL_MAX_INT}",
    GraphQLFloat.coerce_output_value: "{0}.__class__ is float and {0} - {0} == 0.0",
    GraphQLBoolean.coerce_output_value: "{0}.__class__ is bool",
}


class Checks:
    """Writes the quick checks.

    `dates_left_to_orjson`: instants in UTC stay datetime objects, because orjson writes them exactly as `isoformat` does, in a tenth of the time.
    """

    def __init__(self, dates_left_to_orjson: bool) -> None:
        self._dates_left_to_orjson = dates_left_to_orjson
        self._enums: dict[GraphQLEnumType, tuple[EnumType, dict[str, str]] | None] = {}

    def completion(self, function: Function, position: Position, label: str, local: str, place: str) -> list[str]:
        """The lines that complete the value in a local variable: before them it holds the resolver's result, after them the value of the response."""
        slow = f"{local} = {label}.slow({local}, r, {place})"
        test, quick = self._quick_check(function, position, local, place)
        if not test:
            return [slow] if position.required else [f"if {local} is not None:", f"    {slow}"]
        if not quick:
            present = "" if position.required else f"{local} is not None and "
            return [f"if {present}not ({test}):", f"    {slow}"]
        return [f"if {test}:", f"    {local} = {quick}", "else:" if position.required else f"elif {local} is not None:", f"    {slow}"]

    def _quick_check(self, function: Function, position: Position, local: str, place: str) -> tuple[str | None, str | None]:
        """A test that recognizes usual values, and the expression that completes them. No test: there is none; no expression: they stay unchanged."""
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
            test = QUICK.get(type.coerce_output_value)
            if self._dates_left_to_orjson and type.coerce_output_value == datetime.isoformat:
                test = f"{{0}}.__class__ is {function.bind('C', datetime)} and {{0}}.tzinfo is {function.bind('Z', UTC)}"
            return test and test.format(local), None
        if type not in self._enums:
            self._enums[type] = names_of(type)
        if names := self._enums[type]:
            return f"{local}.__class__ is {function.bind('E', names[0])}", f"{function.bind('N', names[1])}[{local}._name_]"
        return None, None


def names_of(enum: GraphQLEnumType) -> tuple[EnumType, dict[str, str]] | None:
    """The Python enum behind a GraphQL enum, and the output of each member by its name; None if there is no such enum, or a member has no output."""
    enum_class: Any = getattr(enum, "wrapped_cls", None)
    if not isinstance(enum_class, EnumType) or Flag in enum_class.__mro__:
        return None
    try:
        # By name, because hashing a member is far slower than hashing its name.
        members: Iterable[Enum] = enum_class
        return enum_class, {member.name: enum.coerce_output_value(member) for member in members}
    except (GraphQLError, ValueError):
        return None
