"""Which Python classes the values of a type have, where that alone decides: an `is_type_of` that looks at nothing else names them (`classes`)."""

from collections.abc import Sequence

from graphql import GraphQLAbstractType, GraphQLObjectType
from strawberry.types.base import has_object_definition

from gateway.compiled.positions import is_object

MADE_BY_STRAWBERRY = ("StrawberryUnion.get_type_resolver.<locals>.", "GraphQLCoreConverter.from_interface.<locals>.")


def classes_of(type: GraphQLObjectType) -> set[type]:
    """The classes whose objects are known to be of the type."""
    return {each for each in getattr(type.is_type_of, "classes", ()) if is_object(each)}


def classes_of_all(abstract: GraphQLAbstractType, possible: Sequence[GraphQLObjectType]) -> dict[type, GraphQLObjectType]:
    """The classes whose objects are known to be of one of the possible types, of the first that takes them."""
    named = getattr(abstract.resolve_type, "__qualname__", "")
    if abstract.resolve_type and not named.startswith(MADE_BY_STRAWBERRY):
        return {}
    if not all(hasattr(each.is_type_of, "classes") for each in possible):
        return {}
    found: dict[type, GraphQLObjectType] = {}
    for each in possible:
        for known in classes_of(each):
            if says_nothing_else(known):
                found[known] = next(other for other in possible if issubclass(known, tuple(classes_of(other))))
    return found


def says_nothing_else(known: type) -> bool:
    """Whether objects of a class can't name their type themselves: by `__typename`, by a class of Strawberry's, or by a cast that they keep."""
    typenames = any(hasattr(known, f"_{each.__name__}__typename") for each in known.__mro__)
    return not (typenames or issubclass(known, dict) or has_object_definition(known) or (hasattr(known, "__dict__") and known.__dictoffset__))
