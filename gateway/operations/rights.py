"""Which callers may select which field: the schema's rules, all enforced here."""

from collections.abc import Hashable, Iterator
from typing import Any

from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema

from compiler.guards import Guard, Resolver
from domain.errors import Forbidden
from domain.event import EventType
from resolvers.context import Context
from schema.fields import RULES, declared
from schema.rules import ANYONE, Otherwise, Rule

Info = GraphQLResolveInfo[Context]


def enforce(schema: GraphQLSchema) -> None:
    """Guard each field of the schema by its rules."""
    for type, name, field in fields(schema):
        if not isinstance(type, GraphQLObjectType):
            continue
        # The first rule becomes the outermost guard: if it refuses, the other rules are not evaluated.
        for rule in reversed(rules(field)):
            if rule is ANYONE:
                continue
            if field.subscribe:
                field.subscribe = Scoped(field.subscribe, name, rule)
            elif field.resolve:
                field.resolve = GUARDS[rule.otherwise](field.resolve, name, rule)


def fields(schema: GraphQLSchema) -> Iterator[tuple[GraphQLObjectType | GraphQLInterfaceType, str, GraphQLField]]:
    """Every field that can be selected, except those of introspection."""
    for type in schema.type_map.values():
        if isinstance(type, GraphQLObjectType | GraphQLInterfaceType) and not type.name.startswith("__"):
            for name, field in type.fields.items():
                yield type, name, field


def rules(field: GraphQLField) -> tuple[Rule, ...]:
    """The rules that a field declares."""
    found: tuple[Rule, ...] = declared(field, RULES, ())
    return found


class Scoped(Guard):
    """Admits callers who have one of a rule's scopes, and refuses the field to all others."""

    def __init__(self, inner: Resolver, name: str, rule: Rule) -> None:
        super().__init__(inner)
        self.name = name
        self.rule = rule

    def variant(self, context: Context) -> Hashable:
        """The caller's scopes, which alone decide."""
        return context.caller.scopes

    def passes(self, variant: Any) -> bool:
        """Whether these scopes include one of the rule's scopes."""
        return not self.rule.scopes.isdisjoint(variant)

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """Raises: Forbidden."""
        scopes = " or ".join(sorted(scope.value for scope in self.rule.scopes))
        raise Forbidden(f"{self.name} needs the scope {scopes}")


class Nulled(Scoped):
    """Null for callers without the scope."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """Null."""
        return None


class NulledWithError(Scoped):
    """Null for callers without the scope, and one error for all such fields of an operation."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """Null. Raises: Forbidden, once."""
        if info.context.refused_personal_data:
            return None
        info.context.refused_personal_data = True
        raise Forbidden("personal data needs the scope verification:sensitive; all such fields are null")


class WithoutInternal(Scoped):
    """A list without its internal items, for callers without the scope."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """The items that are not internal."""
        return [each for each in self.inner(source, info, **arguments) if not each.internal]


class WithoutIgnored(Scoped):
    """A field of an event. Callers without the scope see nothing of an ignored result, and so learn of no other outcome than the final one."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """The value of the field; empty or null if the event is an ignored result."""
        value = self.inner(source, info, **arguments)
        if source.type is not EventType.RESULT_IGNORED:
            return value
        return [] if isinstance(value, list | tuple) else None


GUARDS: dict[Otherwise, type[Scoped]] = {
    Otherwise.REFUSED: Scoped,
    Otherwise.NULL: Nulled,
    Otherwise.NULL_WITH_ERROR: NulledWithError,
    Otherwise.NOTHING_INTERNAL: WithoutInternal,
    Otherwise.NOTHING_IGNORED: WithoutIgnored,
}
