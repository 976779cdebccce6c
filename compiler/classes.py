"""Finds the Python classes that determine the GraphQL type of a value.

An `is_type_of` that looks only at a value's class may list the classes that it accepts, in its attribute `classes`.
"""

from collections.abc import Sequence

from graphql import GraphQLAbstractType, GraphQLObjectType

from compiler.positions import is_object

# The beginnings of the qualified names of the functions with which Strawberry's unions and interfaces resolve the type of a value. These functions
# call the `is_type_of` of each possible type, and look at nothing else.
STRAWBERRY_TYPE_RESOLVERS = ("StrawberryUnion.get_type_resolver.<locals>.", "GraphQLCoreConverter.from_interface.<locals>.")


def classes_of(type: GraphQLObjectType) -> set[type]:
    """The classes whose objects always have this type, so the plan doesn't call `is_type_of` for them."""
    return {each for each in getattr(type.is_type_of, "classes", ()) if is_object(each)}


def class_decides(abstract: GraphQLAbstractType, possible: Sequence[GraphQLObjectType]) -> bool:
    """Whether the class of a value is enough to know which of the possible types the value has."""
    qualified_name = getattr(abstract.resolve_type, "__qualname__", "")
    uses_is_type_of = not abstract.resolve_type or qualified_name.startswith(STRAWBERRY_TYPE_RESOLVERS)
    return uses_is_type_of and all(hasattr(each.is_type_of, "classes") for each in possible)
