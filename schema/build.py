"""Builds the GraphQL schema from its three roots: `Query`, `Mutation` and `Subscription`."""

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
    """Build the schema that the gateway serves, and that `gateway schema` prints."""
    enums.register()
    schema = strawberry.Schema(Query, Mutation, Subscription, config=StrawberryConfig(scalar_map={datetime: DateTime}))
    for argument in arguments(executable(schema)):
        # Remove the default value null: a nullable argument is optional without it, and code generators produce simpler clients without `= null`.
        if argument.default_value is None:
            argument.default_value = Undefined
    return schema


def executable(schema: strawberry.Schema) -> GraphQLSchema:
    """The graphql-core schema inside a Strawberry schema. Strawberry keeps it in a private attribute, and offers no public one."""
    return schema._schema


def arguments(schema: GraphQLSchema) -> Iterator[GraphQLArgument | GraphQLInputField]:
    """All arguments of all fields, and all fields of all input types."""
    for type in schema.type_map.values():
        if isinstance(type, GraphQLInputObjectType):
            yield from type.fields.values()
        elif isinstance(type, GraphQLObjectType | GraphQLInterfaceType):
            for field in type.fields.values():
                yield from field.args.values()
