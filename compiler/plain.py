"""Finds the fields whose resolver can be called directly, because Strawberry's wrapper around the resolver would only call it."""

from typing import Any, NamedTuple

from graphql import GraphQLField, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from compiler.guards import Resolver

# STRAWBERRY_RESOLVER: the beginning of the qualified names of the resolvers that Strawberry generates for ordinary fields. EVENT: the whole qualified
# name of the resolvers that it generates for fields of the subscription root.
STRAWBERRY_RESOLVER = "GraphQLCoreConverter.from_resolver.<locals>."
EVENT = "GraphQLCoreConverter.from_field.<locals>.<lambda>"


class Plain(NamedTuple):
    """A Strawberry field that needs no wrapper. If `resolver` is None, the field's value is an attribute of the object."""

    definition: StrawberryField
    converter: GraphQLCoreConverter
    resolver: StrawberryResolver[Any] | None


def plain(schema: GraphQLSchema, field: GraphQLField, resolve: Resolver | None) -> Plain | None:
    """The field if it needs no wrapper. None if its wrapper does more than call the resolver, or if the wrapper was not made by Strawberry."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    converter = getattr(getattr(schema, "_strawberry_schema", None), "schema_converter", None)
    if not isinstance(definition, StrawberryField) or not isinstance(converter, GraphQLCoreConverter):
        return None
    made = getattr(resolve, "__qualname__", "").startswith(STRAWBERRY_RESOLVER)
    if not made or definition.extensions or type(definition).get_result is not StrawberryField.get_result or handles_exceptions(resolve):
        return None
    resolver = definition.base_resolver
    if resolver and (type(resolver).__call__ is not StrawberryResolver.__call__ or not callable(resolver.wrapped_func)):
        return None
    return Plain(definition, converter, resolver)


def handles_exceptions(resolve: Any) -> bool:
    """Whether a Strawberry wrapper has exception handlers, which turn the resolver's exceptions into results. The wrapper's closure holds them."""
    closure = dict(zip(resolve.__code__.co_freevars, resolve.__closure__ or (), strict=False))
    handlers = closure.get("field_exception_handlers")
    return bool(handlers and handlers.cell_contents)


def returns_event(resolve: Resolver | None) -> bool:
    """Whether `resolve` is the resolver that Strawberry sets for fields of the subscription root. That resolver returns the event unchanged."""
    return getattr(resolve, "__qualname__", "") == EVENT
