"""Which Python classes the values of a type have, where that alone decides: an `is_type_of` that looks at nothing else names them (`classes`)."""

from collections.abc import Sequence

from graphql import GraphQLAbstractType, GraphQLObjectType

from compiler.positions import is_object

MADE_BY_STRAWBERRY = ("StrawberryUnion.get_type_resolver.<locals>.", "GraphQLCoreConverter.from_interface.<locals>.")


def classes_of(type: GraphQLObjectType) -> set[type]:
    """The classes whose objects are known to be of the type."""
    return {each for each in getattr(type.is_type_of, "classes", ()) if is_object(each)}


def by_class(abstract: GraphQLAbstractType, possible: Sequence[GraphQLObjectType]) -> bool:
    """Whether a value's class alone tells which of the possible types it is of."""
    named = getattr(abstract.resolve_type, "__qualname__", "")
    asked = not abstract.resolve_type or named.startswith(MADE_BY_STRAWBERRY)
    return asked and all(hasattr(each.is_type_of, "classes") for each in possible)
