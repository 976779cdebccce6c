"""Who may ask for which field: the schema's rules, enforced in this one place."""

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
        # The first rule stands outermost: what it refuses, no other is asked about.
        for rule in reversed(rules(field)):
            if rule is ANYONE:
                continue
            if field.subscribe:
                field.subscribe = Scoped(field.subscribe, name, rule)
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


class Scoped(Guard):
    """Lets those pass who have one of a rule's scopes."""

    def __init__(self, inner: Resolver, name: str, rule: Rule) -> None:
        super().__init__(inner)
        self.name = name
        self.rule = rule

    def variant(self, context: Context) -> Hashable:
        """The caller's scopes decide, and nothing else of them."""
        return context.caller.scopes

    def passes(self, variant: Any) -> bool:
        """Whether there is one of the scopes among them."""
        return not self.rule.scopes.isdisjoint(variant)

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """Raises: Forbidden."""
        told = " or ".join(sorted(scope.value for scope in self.rule.scopes))
        raise Forbidden(f"{self.name} needs the scope {told}")


class Nulled(Scoped):
    """Null for the rest."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """Null."""
        return None


class NulledWithError(Scoped):
    """Null for the rest, and one error for all such fields of an operation."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """Null. Raises: Forbidden, once."""
        if info.context.refused_personal_data:
            return None
        info.context.refused_personal_data = True
        raise Forbidden("personal data needs the scope verification:sensitive; all such fields are null")


class WithoutInternal(Scoped):
    """A list without what is internal, for the rest."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """What is not internal."""
        return [each for each in self.inner(source, info, **arguments) if not each.internal]


class WithoutIgnored(Scoped):
    """A field of an event; for the rest nothing of another outcome than the one that they know."""

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """What the field holds, unless the event is a result that was ignored."""
        found = self.inner(source, info, **arguments)
        if source.type is not EventType.RESULT_IGNORED:
            return found
        return [] if isinstance(found, list | tuple) else None


GUARDS: dict[Otherwise, type[Scoped]] = {
    Otherwise.REFUSED: Scoped,
    Otherwise.NULL: Nulled,
    Otherwise.NULL_WITH_ERROR: NulledWithError,
    Otherwise.NOTHING_INTERNAL: WithoutInternal,
    Otherwise.NOTHING_IGNORED: WithoutIgnored,
}
