"""Who may ask for which field, read from the fields themselves and enforced in this one place."""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry.types.field import StrawberryField

from domain.caller import Scope
from domain.errors import Forbidden
from resolvers.context import Context
from schema.fields import NEEDS, SENSITIVE

Resolve = Callable[..., Any]


def enforce(schema: GraphQLSchema) -> None:
    """Guard each field of the schema that needs a scope."""
    for type in schema.type_map.values():
        if not isinstance(type, GraphQLObjectType):
            continue
        for name, field in type.fields.items():
            definition = field.extensions.get("strawberry-definition")
            needs = definition.metadata.get(NEEDS) if isinstance(definition, StrawberryField) else None
            if not needs:
                continue
            if field.subscribe:
                field.subscribe = guarded(field.subscribe, name, needs)
            elif field.resolve:
                field.resolve = veiled(field.resolve) if needs == SENSITIVE else guarded(field.resolve, name, needs)


def guarded(resolve: Resolve, name: str, needs: frozenset[Scope]) -> Resolve:
    """The resolver, for callers with one of the scopes."""
    told = " or ".join(sorted(scope.value for scope in needs))

    def answer(source: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        if needs.isdisjoint(info.context.caller.scopes):
            raise Forbidden(f"{name} needs the scope {told}")
        return resolve(source, info, **arguments)

    return answer


def veiled(resolve: Resolve) -> Resolve:
    """The resolver of personal data: null for callers without the scope, and one error for all such fields of an operation."""

    def answer(source: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        context = info.context
        if context.caller.sees_internals:
            return resolve(source, info, **arguments)
        if context.refused_personal_data:
            return None
        context.refused_personal_data = True
        raise Forbidden("personal data needs the scope verification:sensitive; all such fields are null")

    return answer
