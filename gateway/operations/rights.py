"""Enforces the rules of the schema, which declare for each field which callers may see it."""

from collections.abc import Hashable, Iterator
from typing import Any

from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema

from compiler.guards import Guard, Resolver
from domain.errors import Forbidden
from domain.event import EventType
from resolvers.context import Context
from schema.fields import RULES, declared
from schema.rules import ANYONE, AccessRule, Otherwise

Info = GraphQLResolveInfo[Context]


def enforce(schema: GraphQLSchema) -> None:
    """Wrap the resolver of each field in guards, which enforce the rules that the field declares. Changes `schema` itself."""
    for type, name, field in fields(schema):
        if not isinstance(type, GraphQLObjectType):
            continue
        # Wrap the resolver in the last rule's guard first. The first rule becomes the outermost guard: if it refuses, no other rule is evaluated.
        for rule in reversed(rules(field)):
            if rule is ANYONE:
                continue
            if field.subscribe:
                field.subscribe = Scoped(field.subscribe, name, rule)
            elif field.resolve:
                field.resolve = GUARDS[rule.otherwise](field.resolve, name, rule)


def fields(schema: GraphQLSchema) -> Iterator[tuple[GraphQLObjectType | GraphQLInterfaceType, str, GraphQLField]]:
    """Every field of the schema, with its type and name, except the fields of introspection."""
    for type in schema.type_map.values():
        if isinstance(type, GraphQLObjectType | GraphQLInterfaceType) and not type.name.startswith("__"):
            for name, field in type.fields.items():
                yield type, name, field


def rules(field: GraphQLField) -> tuple[AccessRule, ...]:
    """The access rules that the schema declares for a field. Empty if it declares none."""
    found: tuple[AccessRule, ...] = declared(field, RULES, ())
    return found


class Scoped(Guard):
    """Admits callers who have one of a rule's scopes, and refuses the field to all others."""

    def __init__(self, inner: Resolver, name: str, rule: AccessRule) -> None:
        super().__init__(inner)
        self.name = name
        self.rule = rule

    def variant(self, context: Context) -> Hashable:
        """The caller's scopes. Nothing else decides whether the caller passes."""
        return context.caller.scopes

    def passes(self, variant: Any) -> bool:
        """Whether a caller with these scopes passes: one of them is a scope of the rule."""
        return not self.rule.scopes.isdisjoint(variant)

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """What callers without the scope get: an error. Raises: Forbidden."""
        scopes = " or ".join(sorted(scope.value for scope in self.rule.scopes))
        raise Forbidden(f"{self.name} needs the scope {scopes}")


class Nulled(Scoped):
    """Makes a field null for callers without the scope."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """What callers without the scope get: null."""
        return None


class NulledWithError(Scoped):
    """Makes a field null for callers without the scope, and reports an error once in an operation, however many such fields it selects.

    The first such field that is resolved reports the error. Its message says that all such fields are null.
    """

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """What callers without the scope get: null. Raises: Forbidden at the first such field of the operation."""
        if info.context.refused_personal_data:
            return None
        info.context.refused_personal_data = True
        raise Forbidden("personal data needs the scope verification:sensitive; all such fields are null")


class WithoutInternal(Scoped):
    """Removes from a list the items whose attribute `internal` is true, such as internal reason codes, for callers without the scope."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """What callers without the scope get: the items that are not internal."""
        return [each for each in self.inner(source, info, **arguments) if not each.internal]


class Disclosed(Scoped):
    """For callers without the scope, replaces a field's value by one that reveals nothing about internal reasons."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """What callers without the scope receive: the value of the rule's `disclosed` function."""
        assert self.rule.disclosed
        return self.rule.disclosed(source)


class WithoutIgnored(Scoped):
    """Hides a field of `RESULT_IGNORED` events from callers without the scope, so that they don't see which different result was ignored."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """What callers without the scope get: an empty list or null at a `RESULT_IGNORED` event, the field's value at every other event."""
        value = self.inner(source, info, **arguments)
        if source.type is not EventType.RESULT_IGNORED:
            return value
        return [] if isinstance(value, list | tuple) else None


class WithoutClosingNote(Scoped):
    """Hides one text from callers without the scope: the note that the integrator wrote when it closed the verification."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """What callers without the scope get: the field's value, or null if the event closed the verification."""
        return None if source.closes else self.inner(source, info, **arguments)


GUARDS: dict[Otherwise, type[Scoped]] = {
    Otherwise.REFUSED: Scoped,
    Otherwise.NULL: Nulled,
    Otherwise.NULL_WITH_ERROR: NulledWithError,
    Otherwise.NOTHING_INTERNAL: WithoutInternal,
    Otherwise.NO_CLOSING_NOTE: WithoutClosingNote,
    Otherwise.DISCLOSED: Disclosed,
    Otherwise.NOTHING_IGNORED: WithoutIgnored,
}
