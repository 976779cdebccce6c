"""Size limits of operation documents, checked before any work whose effort grows faster than the document."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import reduce
from graphlib import TopologicalSorter

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
)
from graphql.language.ast import QUERY_DOCUMENT_KEYS

from gateway.operations.selections import Fragments, fragments_of, merged, operations_of, spreads_in, subselections

NOUN = "noun"


def limit(maximum: int, noun: str) -> int:
    """A limit with its default. The noun names the counted things in messages to clients."""
    default: int = field(default=maximum, metadata={NOUN: noun})
    return default


@dataclass(frozen=True, slots=True)
class Limits:
    """The maximum of each size. The documents of frontends stay far below it; the introspection queries of tools are 15 levels deep."""

    characters: int = limit(16_384, "characters")
    tokens: int = limit(1000, "tokens")
    operations: int = limit(20, "operations")
    variables: int = limit(50, "variables")
    literals: int = limit(250, "values in arguments")
    fragments: int = limit(30, "fragments")
    spreads: int = limit(60, "uses of fragments")
    depth: int = limit(16, "levels of fields")
    selections: int = limit(400, "selections")
    aliases: int = limit(50, "aliases")
    directives: int = limit(50, "directives")
    root_fields: int = limit(50, "root fields")
    mutations: int = limit(10, "mutations")
    pairs: int = limit(300, "pairs of fields with the same response name")
    values: int = limit(1000, "values in its variables")
    text: int = limit(10_000, "characters in a value")


NOUNS = {each.name: each.metadata[NOUN] for each in fields(Limits)}


@dataclass(frozen=True, slots=True)
class Counts:
    """The sizes of a selection with its fragments expanded. `root_fields` counts the fields of the first level, `depth` the levels."""

    root_fields: int = 0
    depth: int = 0
    selections: int = 0
    aliases: int = 0
    directives: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """The counts of two selections that stand side by side, on the same level."""
        return Counts(
            self.root_fields + other.root_fields,
            max(self.depth, other.depth),
            self.selections + other.selections,
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


NOTHING = Counts()


def exceeded_as_written(document: DocumentNode, limits: Limits) -> str | None:
    """The message for the limit that a document exceeds as it is written, without expanding its fragments; None if it exceeds none."""
    operations, fragments = operations_of(document), fragments_of(document)
    definitions = [*operations, *fragments.values()]
    sizes = {
        "operations": len(operations),
        "variables": sum(len(operation.variable_definitions or ()) for operation in operations),
        "literals": literals_in(document),
        "fragments": len(fragments),
        "spreads": sum(len(spreads_in(definition.selection_set)) for definition in definitions),
    }
    return first_exceeded(sizes, limits) or first_exceeded(measured([count(definition.selection_set, {}) for definition in definitions]), limits)


def exceeded_when_expanded(document: DocumentNode, limits: Limits) -> str | None:
    """The message for the limit that a document exceeds with its fragments expanded; None if it exceeds none.

    The document must be well-formed.
    """
    operations, fragments = operations_of(document), fragments_of(document)
    fragment_counts = counts_of_fragments(fragments)
    counts = [count_operation(operation, fragment_counts) for operation in operations]
    mutations = (each.root_fields for each, operation in zip(counts, operations, strict=True) if operation.operation is OperationType.MUTATION)
    sizes = {**measured(counts), "root_fields": max((each.root_fields for each in counts), default=0), "mutations": max(mutations, default=0)}
    # Pairs are counted last: a document that is too large when expanded is not walked to its end.
    return first_exceeded(sizes, limits) or first_exceeded({"pairs": sum(pairs(each, fragments) for each in operations)}, limits)


def measured(counts: Iterable[Counts]) -> dict[str, int]:
    """The counts that are limited for the whole document, by the names of their limits."""
    total = reduce(Counts.plus, counts, NOTHING)
    return {"depth": total.depth, "selections": total.selections, "aliases": total.aliases, "directives": total.directives}


def first_exceeded(sizes: Mapping[str, int], limits: Limits) -> str | None:
    """The message for the first size that exceeds its limit; None if no size does."""
    return next((too_many(name, limits) for name, size in sizes.items() if size > getattr(limits, name)), None)


def too_many(name: str, limits: Limits) -> str:
    """The message for an exceeded limit."""
    return f"the operation has too many {NOUNS[name]}; the maximum is {getattr(limits, name)}"


def count_operation(operation: OperationDefinitionNode, fragment_counts: Mapping[str, Counts]) -> Counts:
    """The counts of an operation. `fragment_counts`: the counts of each fragment, by name."""
    of_variables = [directive for variable in operation.variable_definitions or () for directive in variable.directives or ()]
    return Counts(directives=len(operation.directives or ()) + len(of_variables)).plus(count(operation.selection_set, fragment_counts))


def counts_of_fragments(fragments: Fragments) -> dict[str, Counts]:
    """The counts of each fragment by name, with the fragments that it uses expanded. Each fragment is counted once, however often it is used."""
    counts: dict[str, Counts] = {}
    for name in TopologicalSorter({name: spreads_in(fragment.selection_set) for name, fragment in fragments.items()}).static_order():
        if fragment := fragments.get(name):
            counts[name] = Counts(directives=len(fragment.directives or ())).plus(count(fragment.selection_set, counts))
    return counts


def count(selection_set: SelectionSetNode | None, fragment_counts: Mapping[str, Counts]) -> Counts:
    """The counts of a selection set. Its recursion is as deep as the parser lets definitions be."""
    total = NOTHING
    for selection in selection_set.selections if selection_set else ():
        total = total.plus(count_one(selection, fragment_counts))
    return total


def count_one(selection: SelectionNode, fragment_counts: Mapping[str, Counts]) -> Counts:
    """The counts of one selection."""
    own = Counts(selections=1, directives=len(selection.directives or ()))
    match selection:
        case FieldNode():
            inner = count(selection.selection_set, fragment_counts)
            whole = Counts(1, inner.depth + 1, inner.selections, inner.aliases + (selection.alias is not None), inner.directives)
            return own.plus(whole)
        case InlineFragmentNode():
            return own.plus(count(selection.selection_set, fragment_counts))
        case FragmentSpreadNode():
            return own.plus(fragment_counts.get(selection.name.value, NOTHING))
    return own


def literals_in(document: DocumentNode) -> int:
    """The number of values in arguments and defaults: lists and objects count, and so does each value inside them."""
    literals = 0
    to_visit: list[Node] = [document]
    while to_visit:
        node = to_visit.pop()
        literals += isinstance(node, ValueNode)
        for key in QUERY_DOCUMENT_KEYS.get(node.kind, ()):
            child = getattr(node, key)
            to_visit.extend(child if isinstance(child, tuple) else [child] if child else ())
    return literals


def pairs(operation: OperationDefinitionNode, fragments: Fragments) -> int:
    """The number of pairs of fields with the same response name. Validation compares the two fields of each pair."""
    number, to_visit = 0, [[operation.selection_set]]
    while to_visit:
        for selected in merged("", to_visit.pop(), fragments).values():
            number += len(selected) * (len(selected) - 1) // 2
            if inner := subselections(selected):
                to_visit.append(inner)
    return number


def too_many_values(variables: Mapping[str, object] | None, limits: Limits) -> str | None:
    """The message if the variables hold too many values or a text that is too long; else None. Stops at the first exceeded limit."""
    values = 0
    to_visit: list[Collection[object]] = [(variables or {}).values()]
    while to_visit:
        inner = to_visit.pop()
        values += len(inner)
        if values > limits.values:
            return first_exceeded({"values": values}, limits)
        for value in inner:
            if isinstance(value, str):
                if len(value) > limits.text:
                    return first_exceeded({"text": len(value)}, limits)
            elif isinstance(value, dict | list):
                to_visit.append(value.values() if isinstance(value, dict) else value)
    return None
