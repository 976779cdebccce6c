"""Guards of the nasty schema: some of its fields need a scope. Plans for callers with the scope omit the guard (see compiler/README.md)."""

from collections.abc import Hashable
from typing import Any

from graphql import GraphQLError, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, default_field_resolver

from compiler import Guard
from compiler.guards import Resolver


class Scoped(Guard):
    """Lets callers with the scope pass. For other callers, some guarded fields are null, and the others are errors (see `otherwise`)."""

    def __init__(self, inner: Resolver, name: str, scope: str) -> None:
        super().__init__(inner)
        self._name = name
        self._scope = scope

    def variant(self, context: Any) -> Hashable:
        """The caller's scopes."""
        scopes: Hashable = context.scopes
        return scopes

    def passes(self, variant: Any) -> bool:
        """Whether the caller has the scope."""
        return self._scope in variant

    def otherwise(self, source: Any, info: GraphQLResolveInfo[Any], arguments: dict[str, Any]) -> Any:
        """Return null if the name of the field has an odd number of letters, otherwise raise an error. So the comparison meets both refusals."""
        if len(self._name) % 2:
            return None
        raise GraphQLError(f"{self._name} needs {self._scope}", extensions={"code": "FORBIDDEN"})


def guard(schema: GraphQLSchema, type: str, name: str, scope: str) -> None:
    """Change a field of a schema so that only callers with the scope may read it."""
    found = schema.type_map[type]
    assert isinstance(found, GraphQLObjectType)
    field = found.fields[name]
    field.resolve = Scoped(field.resolve or default_field_resolver, name, scope)
