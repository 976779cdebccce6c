"""What of Strawberry's machinery around a resolver can be left out, since it would do nothing."""

from typing import Any, NamedTuple

from graphql import GraphQLField, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from compiler.guards import Resolver

MADE_BY_STRAWBERRY = "GraphQLCoreConverter.from_resolver.<locals>."
EVENT = "GraphQLCoreConverter.from_field.<locals>.<lambda>"


class Plain(NamedTuple):
    """A field of Strawberry's whose resolver can be called directly, or whose value is an attribute (no resolver)."""

    definition: StrawberryField
    converter: GraphQLCoreConverter
    resolver: StrawberryResolver[Any] | None


def plain(schema: GraphQLSchema, field: GraphQLField, resolve: Resolver | None) -> Plain | None:
    """How the field can be answered without Strawberry's wrapper; None where that does something, or isn't Strawberry's."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    converter = getattr(getattr(schema, "_strawberry_schema", None), "schema_converter", None)
    if not isinstance(definition, StrawberryField) or not isinstance(converter, GraphQLCoreConverter):
        return None
    made = getattr(resolve, "__qualname__", "").startswith(MADE_BY_STRAWBERRY)
    if not made or definition.extensions or type(definition).get_result is not StrawberryField.get_result or handles_exceptions(resolve):
        return None
    resolver = definition.base_resolver
    if resolver and (type(resolver).__call__ is not StrawberryResolver.__call__ or not callable(resolver.wrapped_func)):
        return None
    return Plain(definition, converter, resolver)


def handles_exceptions(resolve: Any) -> bool:
    """Whether Strawberry was told to make answers of what the resolver raises: its wrapper holds the handlers."""
    held = dict(zip(resolve.__code__.co_freevars, resolve.__closure__ or (), strict=False))
    handlers = held.get("field_exception_handlers")
    return bool(handlers and handlers.cell_contents)


def tells_event(resolve: Resolver | None) -> bool:
    """Whether it is what Strawberry puts at the field of a subscription: the event is the answer."""
    return getattr(resolve, "__qualname__", "") == EVENT
