"""Size limits of operation documents. They are checked before any step whose time grows faster than the length of the document."""

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

from gateway.operations.selections import Fragments, fragments_of, merged_fields, operations_of, spreads_in, subselections

NOUN = "noun"


def limit(maximum: int, noun: str) -> int:
    """Declare a field of `Limits` with its default. `noun`: what the limit counts, for messages to clients such as "too many root fields"."""
    default: int = field(default=maximum, metadata={NOUN: noun})
    return default


@dataclass(frozen=True, slots=True)
class Limits:
    """The maximum of each size of an operation document.

    The defaults are far above the sizes of the documents that frontends send. `depth` also leaves room for the introspection queries of tools such as
    GraphiQL, which have 15 levels.
    """

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
    """How much a selection contains, counted for the limits. `root_fields`: the fields of its first level. `depth`: its levels of fields."""

    root_fields: int = 0
    depth: int = 0
    selections: int = 0
    aliases: int = 0
    directives: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """The counts of both selections together. Both must be on the same level of a document."""
        return Counts(
            self.root_fields + other.root_fields,
            max(self.depth, other.depth),
            self.selections + other.selections,
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


NOTHING = Counts()


def exceeded_as_written(document: DocumentNode, limits: Limits) -> str | None:
    """Check the limits without expanding fragments. Returns the message for the first exceeded limit, or None."""
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
    """Check the limits with every fragment counted at each of its uses. Returns the message for the first exceeded limit, or None.

    The document must be well-formed (see `well_formed` in `selections.py`).
    """
    operations, fragments = operations_of(document), fragments_of(document)
    fragment_counts = counts_of_fragments(fragments)
    counts = [count_operation(operation, fragment_counts) for operation in operations]
    mutations = (each.root_fields for each, operation in zip(counts, operations, strict=True) if operation.operation is OperationType.MUTATION)
    sizes = {**measured(counts), "root_fields": max((each.root_fields for each in counts), default=0), "mutations": max(mutations, default=0)}
    # The pairs of fields (see `pairs`) are counted last, because counting them walks through every use of every fragment. All documents for which
    # that would take long exceed one of the limits above.
    return first_exceeded(sizes, limits) or first_exceeded({"pairs": sum(pairs(each, fragments) for each in operations)}, limits)


def measured(counts: Iterable[Counts]) -> dict[str, int]:
    """Combine the counts of several selections. Returns those that `Limits` limits for a whole document, by the names of the fields of `Limits`."""
    total = reduce(Counts.plus, counts, NOTHING)
    return {"depth": total.depth, "selections": total.selections, "aliases": total.aliases, "directives": total.directives}


def first_exceeded(sizes: Mapping[str, int], limits: Limits) -> str | None:
    """Compare sizes with the limits of the same names. Returns the message for the first exceeded limit, or None."""
    return next((too_many(name, limits) for name, size in sizes.items() if size > getattr(limits, name)), None)


def too_many(name: str, limits: Limits) -> str:
    """The message for the client which says that a limit is exceeded. `name`: the field of `Limits`."""
    return f"the operation has too many {NOUNS[name]}; the maximum is {getattr(limits, name)}"


def count_operation(operation: OperationDefinitionNode, fragment_counts: Mapping[str, Counts]) -> Counts:
    """The counts of an operation. `fragment_counts`: the counts of each fragment, by name."""
    of_variables = [directive for variable in operation.variable_definitions or () for directive in variable.directives or ()]
    return Counts(directives=len(operation.directives or ()) + len(of_variables)).plus(count(operation.selection_set, fragment_counts))


def counts_of_fragments(fragments: Fragments) -> dict[str, Counts]:
    """The counts of each fragment, by name. The counts of a fragment include those of the fragments that it uses.

    Each fragment is walked through only once, so the time does not grow with the number of uses.
    """
    counts: dict[str, Counts] = {}
    for name in TopologicalSorter({name: spreads_in(fragment.selection_set) for name, fragment in fragments.items()}).static_order():
        if fragment := fragments.get(name):
            counts[name] = Counts(directives=len(fragment.directives or ())).plus(count(fragment.selection_set, counts))
    return counts


def count(selection_set: SelectionSetNode | None, fragment_counts: Mapping[str, Counts]) -> Counts:
    """The counts of a selection set. The function is recursive, but no deeper than the parser, which has already accepted the document."""
    total = NOTHING
    for selection in selection_set.selections if selection_set else ():
        total = total.plus(count_one(selection, fragment_counts))
    return total


def count_one(selection: SelectionNode, fragment_counts: Mapping[str, Counts]) -> Counts:
    """The counts of one selection: a field, an inline fragment or the use of a fragment, with all that it contains."""
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
    """The number of values in arguments and defaults. A list or an object counts as one value, and each value inside it counts too."""
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
    """The number of pairs of fields with the same response name. Validation compares the fields of every pair, so many pairs would take long."""
    number, to_visit = 0, [[operation.selection_set]]
    while to_visit:
        for selected in merged_fields("", to_visit.pop(), fragments).values():
            number += len(selected) * (len(selected) - 1) // 2
            if inner := subselections(selected):
                to_visit.append(inner)
    return number


def too_many_values(variables: Mapping[str, object] | None, limits: Limits) -> str | None:
    """Check the limits of the variables' values. Returns the message for the first exceeded limit, or None.

    Variables may not contain too many values, nor a text that is too long.
    """
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
