"""The checks that let the usual values pass at once, as source."""

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
    """Writes the checks. `dates_left_to_orjson`: orjson writes an instant in UTC as `isoformat` does, in a tenth of the time."""

    def __init__(self, dates_left_to_orjson: bool) -> None:
        self._dates_left_to_orjson = dates_left_to_orjson
        self._enums: dict[GraphQLEnumType, tuple[EnumType, dict[str, str]] | None] = {}

    def completion(self, function: Function, position: Position, label: str, local: str, place: str) -> list[str]:
        """What makes of a local variable, which holds what was answered, what stands in the answer."""
        slow = f"{local} = {label}.slow({local}, r, {place})"
        test, quick = self._quickly(function, position, local, place)
        if not test:
            return [slow] if position.required else [f"if {local} is not None:", f"    {slow}"]
        if not quick:
            present = "" if position.required else f"{local} is not None and "
            return [f"if {present}not ({test}):", f"    {slow}"]
        return [f"if {test}:", f"    {local} = {quick}", "else:" if position.required else f"elif {local} is not None:", f"    {slow}"]

    def _quickly(self, function: Function, position: Position, local: str, place: str) -> tuple[str | None, str | None]:
        """How to see that a value needs no further look, and what to make of it then; None: it stays as it is."""
        match position:
            case LeafPosition():
                return self._leaf(function, position.leaf_type, local)
            case ListPosition():
                test = f"{local}.__class__ is list or {local}.__class__ is tuple"
                return test, f"{function.keep('f', position.function)}({local}, r, {place})"
            case ObjectPosition():
                test = f"{local}.__class__ in {function.keep('S', position.known)}"
                return test, f"{function.keep('f', position.function)}({local}, r, {place})"
            case AbstractPosition():
                return f"q := {function.keep('Q', position.known)}.get({local}.__class__)", f"q({local}, r, {place})"
        return None, None

    def _leaf(self, function: Function, type: GraphQLLeafType, local: str) -> tuple[str | None, str | None]:
        if not isinstance(type, GraphQLEnumType):
            test = QUICK.get(type.coerce_output_value)
            if self._dates_left_to_orjson and type.coerce_output_value == datetime.isoformat:
                test = f"{{0}}.__class__ is {function.keep('C', datetime)} and {{0}}.tzinfo is {function.keep('Z', UTC)}"
            return test and test.format(local), None
        if type not in self._enums:
            self._enums[type] = names_of(type)
        if known := self._enums[type]:
            return f"{local}.__class__ is {function.keep('E', known[0])}", f"{function.keep('N', known[1])}[{local}._name_]"
        return None, None


def names_of(enum: GraphQLEnumType) -> tuple[EnumType, dict[str, str]] | None:
    """The Python enum that an enum stands for, and how each of its members is written; None where there is none, or some can't be."""
    known: Any = getattr(enum, "wrapped_cls", None)
    if not isinstance(known, EnumType) or Flag in known.__mro__:
        return None
    try:
        # To hash a member would be far slower than to hash its name.
        members: Iterable[Enum] = known
        return known, {member.name: enum.coerce_output_value(member) for member in members}
    except (GraphQLError, ValueError):
        return None
