"""Who may ask for which field: the schema's rules, enforced in this one place."""

from collections.abc import Callable, Iterator
from typing import Any

from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema

from domain.errors import Forbidden
from domain.event import EventType
from resolvers.context import Context
from schema.fields import RULES, declared
from schema.rules import ANYONE, Otherwise, Rule

Resolve = Callable[..., Any]
Info = GraphQLResolveInfo[Context]


def enforce(schema: GraphQLSchema) -> None:
    """Guard each field of the schema by its rules."""
    for type, name, field in fields(schema):
        if not isinstance(type, GraphQLObjectType):
            continue
        # The first rule stands outermost: what it refuses, no other is asked about.
        for rule in reversed(rules(field)):
            if rule is ANYONE:
                continue
            if field.subscribe:
                field.subscribe = guarded(field.subscribe, name, rule)
            elif field.resolve:
                field.resolve = GUARDS[rule.otherwise](field.resolve, name, rule)


def fields(schema: GraphQLSchema) -> Iterator[tuple[GraphQLObjectType | GraphQLInterfaceType, str, GraphQLField]]:
    """Every field that can be asked for, apart from introspection."""
    for type in schema.type_map.values():
        if isinstance(type, GraphQLObjectType | GraphQLInterfaceType) and not type.name.startswith("__"):
            for name, field in type.fields.items():
                yield type, name, field


def rules(field: GraphQLField) -> tuple[Rule, ...]:
    """What was declared at a field."""
    found: tuple[Rule, ...] = declared(field, RULES, ())
    return found


def table(schema: GraphQLSchema) -> str:
    """Every field that is not open to whoever holds a token or its object, and what is asked of callers, in Markdown."""
    rows = [
        f"| `{type.name}.{name}` | {' '.join(rule.told for rule in rules(field))} |"
        for type, name, field in fields(schema)
        if ANYONE not in rules(field)
    ]
    return "\n".join(["| field | who |", "|---|---|", *sorted(rows)])


def guarded(resolve: Resolve, name: str, rule: Rule) -> Resolve:
    """The resolver, for callers with one of the scopes."""
    told = " or ".join(sorted(scope.value for scope in rule.scopes))

    def answer(source: Any, info: Info, **arguments: Any) -> Any:
        if rule.scopes.isdisjoint(info.context.caller.scopes):
            raise Forbidden(f"{name} needs the scope {told}")
        return resolve(source, info, **arguments)

    return answer


def nulled(resolve: Resolve, name: str, rule: Rule) -> Resolve:
    """The resolver; null for the rest."""

    def answer(source: Any, info: Info, **arguments: Any) -> Any:
        return None if rule.scopes.isdisjoint(info.context.caller.scopes) else resolve(source, info, **arguments)

    return answer


def told_once(resolve: Resolve, name: str, rule: Rule) -> Resolve:
    """The resolver; for the rest null, and one error for all such fields of an operation."""

    def answer(source: Any, info: Info, **arguments: Any) -> Any:
        context = info.context
        if not rule.scopes.isdisjoint(context.caller.scopes):
            return resolve(source, info, **arguments)
        if context.refused_personal_data:
            return None
        context.refused_personal_data = True
        raise Forbidden("personal data needs the scope verification:sensitive; all such fields are null")

    return answer


def without_internal(resolve: Resolve, name: str, rule: Rule) -> Resolve:
    """The resolver of a list; for the rest without what is internal."""

    def answer(source: Any, info: Info, **arguments: Any) -> Any:
        found = resolve(source, info, **arguments)
        return [each for each in found if not each.internal] if rule.scopes.isdisjoint(info.context.caller.scopes) else found

    return answer


def without_ignored(resolve: Resolve, name: str, rule: Rule) -> Resolve:
    """The resolver of an event's field; for the rest nothing of another outcome than the one that they know."""

    def answer(source: Any, info: Info, **arguments: Any) -> Any:
        found = resolve(source, info, **arguments)
        if source.type is EventType.RESULT_IGNORED and rule.scopes.isdisjoint(info.context.caller.scopes):
            return [] if isinstance(found, list) else None
        return found

    return answer


GUARDS = {
    Otherwise.REFUSED: guarded,
    Otherwise.NULL: nulled,
    Otherwise.TOLD_ONCE: told_once,
    Otherwise.NOTHING_INTERNAL: without_internal,
    Otherwise.NOTHING_IGNORED: without_ignored,
}
