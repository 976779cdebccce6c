"""Fields that ask what their caller may, so that a plan for those who may can leave the question out."""

from collections.abc import Hashable
from typing import Any

from graphql import GraphQLError, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, default_field_resolver

from compiler import Guard
from compiler.guards import Resolver


class Scoped(Guard):
    """Lets pass whoever has the scope. Half of the fields answer others with null, the rest with an error."""

    def __init__(self, inner: Resolver, name: str, scope: str) -> None:
        super().__init__(inner)
        self._name = name
        self._scope = scope

    def variant(self, context: Any) -> Hashable:
        """Their scopes."""
        scopes: Hashable = context.scopes
        return scopes

    def passes(self, variant: Any) -> bool:
        """Whether the scope is among them."""
        return self._scope in variant

    def otherwise(self, source: Any, info: GraphQLResolveInfo[Any], arguments: dict[str, Any]) -> Any:
        """Null, or an error."""
        if len(self._name) % 2:
            return None
        raise GraphQLError(f"{self._name} needs {self._scope}", extensions={"code": "FORBIDDEN"})


def guard(schema: GraphQLSchema, type: str, name: str, scope: str) -> None:
    """Guard a field."""
    found = schema.type_map[type]
    assert isinstance(found, GraphQLObjectType)
    field = found.fields[name]
    field.resolve = Scoped(field.resolve or default_field_resolver, name, scope)
