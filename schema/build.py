"""Builds the schema from its three roots."""

from collections.abc import Iterator
from datetime import datetime

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
)
from strawberry.schema.config import StrawberryConfig

from schema import enums
from schema.roots import Mutation, Query, Subscription
from schema.scalars import DateTime


def build() -> strawberry.Schema:
    """A new schema."""
    enums.register()
    schema = strawberry.Schema(Query, Mutation, Subscription, config=StrawberryConfig(scalar_map={datetime: DateTime}))
    for argument in arguments(executable(schema)):
        # An argument whose default is null is optional anyway. Without `= null`, code generators produce simpler clients.
        if argument.default_value is None:
            argument.default_value = Undefined
    return schema


def executable(schema: strawberry.Schema) -> GraphQLSchema:
    """The graphql-core schema inside a Strawberry schema. Strawberry has no public accessor for it."""
    return schema._schema


def arguments(schema: GraphQLSchema) -> Iterator[GraphQLArgument | GraphQLInputField]:
    """Every argument of every field, and every field of every input."""
    for type in schema.type_map.values():
        if isinstance(type, GraphQLInputObjectType):
            yield from type.fields.values()
        elif isinstance(type, GraphQLObjectType | GraphQLInterfaceType):
            for field in type.fields.values():
                yield from field.args.values()
