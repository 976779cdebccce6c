"""Tests which Python classes decide the GraphQL type of a value."""

from typing import Any

from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, GraphQLString

from compiler.classes import class_decides, classes_of


class Row:
    """A class of ordinary objects, which may decide the GraphQL type of its objects."""


class Later:
    """A class of awaitable objects. It can't decide a GraphQL type, because the type is that of the awaited value."""

    def __await__(self) -> Any:
        yield


class IsTypeOf:
    """An `is_type_of` that looks only at a value's class, and lists the classes that it accepts."""

    def __init__(self, *classes: type) -> None:
        self.classes = classes

    def __call__(self, value: object, info: object) -> bool:
        return isinstance(value, self.classes)


def object_type(name: str, is_type_of: Any) -> GraphQLObjectType:
    """Make an object type with one field and this `is_type_of`."""
    return GraphQLObjectType(name, {"name": GraphQLField(GraphQLString)}, is_type_of=is_type_of)


def test_classes_of_returns_the_classes_that_is_type_of_lists() -> None:
    assert classes_of(object_type("Thing", IsTypeOf(Row))) == {Row}
    assert classes_of(object_type("Thing", lambda value, info: True)) == set()
    assert classes_of(object_type("Thing", None)) == set()


def test_classes_of_exceptions_and_awaitables_are_left_out() -> None:
    assert classes_of(object_type("Thing", IsTypeOf(Row, ValueError, Later))) == {Row}


def test_the_class_decides_only_if_is_type_of_lists_classes_for_every_possible_type() -> None:
    named, other = object_type("Named", IsTypeOf(Row)), object_type("Other", lambda value, info: False)
    interface = GraphQLInterfaceType("Interface", {"name": GraphQLField(GraphQLString)})

    assert class_decides(interface, [named])
    assert not class_decides(interface, [named, other])


def test_the_class_does_not_decide_if_the_schema_resolves_the_type_itself() -> None:
    named = object_type("Named", IsTypeOf(Row))
    interface = GraphQLInterfaceType("Interface", {"name": GraphQLField(GraphQLString)}, resolve_type=lambda value, info, type: "Named")

    assert not class_decides(interface, [named])
