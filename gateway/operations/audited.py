"""Finds the operations that read personal data or internal reasons, and records for the audit log which verifications they read.

An operation is examined once, when it is prepared. The guards of this module record ids. A plan contains them only if its operation selects fields
with personal data or internal reasons, and only for callers who may see these fields.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, OperationDefinitionNode, get_named_type

from compiler.guards import Guard, Resolver
from domain.caller import Scope
from gateway.operations.rights import Info, fields, rules
from gateway.operations.selections import Fragments, SelectedField, merged_fields
from schema.rules import SENSITIVE_SCOPE

# The names of the types whose objects show which verification they belong to, each with a function that returns the id of that verification.
CARRIERS: dict[str, Callable[[Any], str]] = {"Verification": lambda source: source.id, "VerificationUpdate": lambda source: source.verification.id}


@dataclass(frozen=True, slots=True)
class AuditedSelection:
    """What an operation selects that only callers with the scope `verification:sensitive` may see.

    `fields`: the names of these fields, such as "Verification.reasons". `recording`: for each of `fields`, the nearest field of a type in CARRIERS
    that is this field itself or contains it. When a field of `recording` is resolved, the id of its verification is recorded.
    """

    fields: tuple[str, ...]
    recording: frozenset[str]


def audited_selection(schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments) -> AuditedSelection | None:
    """What a valid operation selects that must be recorded; None if it selects nothing of this kind."""
    found: set[str] = set()
    recording: set[str] = set()
    root = schema.get_root_type(operation.operation)
    to_visit = [(root.name, operation.selection_set, "")] if root else []
    while to_visit:
        type, selection_set, carrier = to_visit.pop()
        selected: list[SelectedField] = [each for group in merged_fields(type, [selection_set], fragments).values() for each in group]
        for parent, node in selected:
            owner = schema.type_map.get(parent)
            field = owner.fields.get(node.name.value) if isinstance(owner, GraphQLObjectType | GraphQLInterfaceType) else None
            if not field:
                continue  # `__typename`, and the fields of introspection.
            name = f"{parent}.{node.name.value}"
            below = name if parent in CARRIERS else carrier
            if any(rule.scopes == SENSITIVE_SCOPE for rule in rules(field)):
                found.add(name)
                recording.update([below] if below else [])
            if node.selection_set:
                to_visit.append((get_named_type(field.type).name, node.selection_set, below))
    return AuditedSelection(tuple(sorted(found)), frozenset(recording)) if found else None


def is_audited(selection: AuditedSelection | None, scopes: frozenset[Scope]) -> bool:
    """Whether the reads of an operation must be recorded for a caller with these scopes.

    Callers without the scope `verification:sensitive` receive none of the values in `selection.fields`, so nothing is recorded for them.
    """
    return selection is not None and not SENSITIVE_SCOPE.isdisjoint(scopes)


def record_reads(schema: GraphQLSchema) -> None:
    """Wrap the resolver of each field of the types in CARRIERS in a guard that records ids. Changes `schema` itself."""
    for type, name, field in fields(schema):
        if type.name in CARRIERS and field.resolve:
            field.resolve = Recorded(field.resolve, f"{type.name}.{name}", CARRIERS[type.name])


class Recorded(Guard):
    """Records the id of the verification that a field belongs to, if the operation is audited and its selection contains the field."""

    def __init__(self, inner: Resolver, field: str, id_of: Callable[[Any], str]) -> None:
        super().__init__(inner)
        self.field = field
        self.id_of = id_of

    def variant(self, context: Any) -> Hashable:
        """The names of the fields at which the operation of this context records ids."""
        recording: frozenset[str] = context.recording
        return recording

    def passes(self, variant: Any) -> bool:
        """Whether nothing is recorded at this field. The variant of a plan also contains the caller's scopes, which are no fields."""
        return self.field not in variant

    def otherwise(self, source: Any, info: Info, arguments: dict[str, Any]) -> Any:
        """The field's value, after the id was recorded."""
        info.context.record_read(self.id_of(source))
        return self.inner(source, info, **arguments)
