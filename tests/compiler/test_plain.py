"""Tests which resolvers of Strawberry fields the compiler may call directly, without Strawberry's wrapper."""

from collections.abc import AsyncIterator
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, GraphQLString, build_schema
from strawberry.extensions import FieldExtension

from compiler.plain import plain, returns_event


class Unchanged(FieldExtension):
    """A field extension that changes nothing. The compiler can't know this, so it must keep Strawberry's wrapper."""

    def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        """Call the resolver, and return its result unchanged."""
        return next_(source, info, **arguments)


@strawberry.type
class Query:
    """The root type of queries."""

    attribute: str

    @strawberry.field
    def method(self) -> str:
        """A resolver that is a method of the type."""
        return "method"

    extended: str = strawberry.field(resolver=lambda: "extended", extensions=[Unchanged()])


@strawberry.type
class Subscription:
    """The root type of subscriptions."""

    @strawberry.subscription
    async def event(self) -> AsyncIterator[str]:
        """A stream of one event."""
        yield "event"


SCHEMA: GraphQLSchema = strawberry.Schema(Query, subscription=Subscription)._schema


def field(name: str, type: str = "Query", schema: GraphQLSchema = SCHEMA) -> GraphQLField:
    """The field with this name of an object type of the schema."""
    found = schema.type_map[type]
    assert isinstance(found, GraphQLObjectType)
    result: GraphQLField = found.fields[name]
    return result


def test_an_attribute_has_no_resolver() -> None:
    found = plain(SCHEMA, field("attribute"), field("attribute").resolve)

    assert found
    assert found.resolver is None
    assert found.definition.python_name == "attribute"


def test_a_method_is_called_directly() -> None:
    found = plain(SCHEMA, field("method"), field("method").resolve)

    assert found
    assert found.resolver
    assert found.resolver.wrapped_func is Query.__dict__["method"]


def test_a_field_with_an_extension_or_another_resolver_needs_its_wrapper() -> None:
    assert plain(SCHEMA, field("extended"), field("extended").resolve) is None
    assert plain(SCHEMA, field("method"), lambda source, info: "another") is None


def test_plain_returns_none_for_a_field_that_strawberry_did_not_make() -> None:
    schema = build_schema("type Query { text: String }")

    assert plain(schema, field("text", schema=schema), None) is None
    assert plain(SCHEMA, GraphQLField(GraphQLString), None) is None


def test_the_resolver_of_a_subscription_returns_the_event() -> None:
    assert returns_event(field("event", "Subscription").resolve)
    assert not returns_event(field("method").resolve)
    assert not returns_event(None)
