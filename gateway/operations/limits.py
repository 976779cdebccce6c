"""How much an operation document may hold, counted before anything is done with it whose effort grows faster than the document."""

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

from gateway.operations.selections import Fragments, below, fragments_of, merged, operations_of, spread_in

TOLD = "told"


def limit(most: int, told: str) -> int:
    """A limit, and what it is a number of, in the words that clients are told."""
    default: int = field(default=most, metadata={TOLD: told})
    return default


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of each. What frontends send stays far below; the introspection of tools is 15 levels deep."""

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
    pairs: int = limit(300, "pairs of fields that are answered as one")
    values: int = limit(1000, "values in its variables")
    text: int = limit(10_000, "characters in a value")


NAMES = {each.name: each.metadata[TOLD] for each in fields(Limits)}


@dataclass(frozen=True, slots=True)
class Counts:
    """What there is of each, its fragments put in their places. `root_fields` are those of the first level, `depth` is the deepest of all."""

    root_fields: int = 0
    depth: int = 0
    selections: int = 0
    aliases: int = 0
    directives: int = 0

    def beside(self, other: "Counts") -> "Counts":
        """Those of both, on the same level."""
        return Counts(
            self.root_fields + other.root_fields,
            max(self.depth, other.depth),
            self.selections + other.selections,
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


NOTHING = Counts()


def exceeded_at_first(document: DocumentNode, limits: Limits) -> str | None:
    """The limit that a document exceeds as it stands, before fragments are followed; None where it keeps them."""
    operations, fragments = operations_of(document), fragments_of(document)
    definitions = [*operations, *fragments.values()]
    sizes = {
        "operations": len(operations),
        "variables": sum(len(operation.variable_definitions or ()) for operation in operations),
        "literals": literals_in(document),
        "fragments": len(fragments),
        "spreads": sum(len(spread_in(definition.selection_set)) for definition in definitions),
    }
    return told(sizes, limits) or told(measured([count(definition.selection_set, {}) for definition in definitions]), limits)


def exceeded(document: DocumentNode, limits: Limits) -> str | None:
    """The limit that a document exceeds; None where it keeps them.

    For documents that are sound.
    """
    operations, fragments = operations_of(document), fragments_of(document)
    known = of_fragments(fragments)
    counts = [of_operation(operation, known) for operation in operations]
    mutations = (each.root_fields for each, operation in zip(counts, operations, strict=True) if operation.operation is OperationType.MUTATION)
    sizes = {**measured(counts), "root_fields": max((each.root_fields for each in counts), default=0), "mutations": max(mutations, default=0)}
    # What is too large to be put together is not walked through to the end.
    return told(sizes, limits) or told({"pairs": sum(pairs(each, fragments) for each in operations)}, limits)


def measured(counts: Iterable[Counts]) -> dict[str, int]:
    """The counts that hold for a document as a whole, by the names of their limits."""
    total = reduce(Counts.beside, counts, NOTHING)
    return {"depth": total.depth, "selections": total.selections, "aliases": total.aliases, "directives": total.directives}


def told(counts: Mapping[str, int], limits: Limits) -> str | None:
    """The first limit that is exceeded, in words."""
    return next((too_many(name, limits) for name, count in counts.items() if count > getattr(limits, name)), None)


def too_many(name: str, limits: Limits) -> str:
    """What is told of a limit that is exceeded."""
    return f"the operation has too many {NAMES[name]}; the most is {getattr(limits, name)}"


def of_operation(operation: OperationDefinitionNode, known: Mapping[str, Counts]) -> Counts:
    """The counts of an operation, where those of the fragments are known."""
    variables = [directive for variable in operation.variable_definitions or () for directive in variable.directives or ()]
    return Counts(directives=len(operation.directives or ()) + len(variables)).beside(count(operation.selection_set, known))


def of_fragments(fragments: Fragments) -> dict[str, Counts]:
    """The counts of each fragment, with those that it uses in their places. Each is counted once, however often it is used."""
    known: dict[str, Counts] = {}
    for name in TopologicalSorter({name: spread_in(fragment.selection_set) for name, fragment in fragments.items()}).static_order():
        if fragment := fragments.get(name):
            known[name] = Counts(directives=len(fragment.directives or ())).beside(count(fragment.selection_set, known))
    return known


def count(selection_set: SelectionSetNode | None, known: Mapping[str, Counts]) -> Counts:
    """The counts of what is selected, where those of the fragments in it are known. It is as deep as the parser lets definitions be."""
    total = NOTHING
    for selection in selection_set.selections if selection_set else ():
        total = total.beside(of_one(selection, known))
    return total


def of_one(selection: SelectionNode, known: Mapping[str, Counts]) -> Counts:
    """The counts of one selection."""
    own = Counts(selections=1, directives=len(selection.directives or ()))
    match selection:
        case FieldNode():
            inner = count(selection.selection_set, known)
            whole = Counts(1, inner.depth + 1, inner.selections, inner.aliases + (selection.alias is not None), inner.directives)
            return own.beside(whole)
        case InlineFragmentNode():
            return own.beside(count(selection.selection_set, known))
        case FragmentSpreadNode():
            return own.beside(known.get(selection.name.value, NOTHING))
    return own


def literals_in(document: DocumentNode) -> int:
    """How many values there are in arguments and as defaults: lists and objects, and all that is in them."""
    found = 0
    waiting: list[Node] = [document]
    while waiting:
        node = waiting.pop()
        found += isinstance(node, ValueNode)
        for key in QUERY_DOCUMENT_KEYS.get(node.kind, ()):
            child = getattr(node, key)
            waiting.extend(child if isinstance(child, tuple) else [child] if child else ())
    return found


def pairs(operation: OperationDefinitionNode, fragments: Fragments) -> int:
    """How many pairs there are of fields that are answered as one: the two of each are compared when the document is validated."""
    found, waiting = 0, [[operation.selection_set]]
    while waiting:
        for selected in merged("", waiting.pop(), fragments).values():
            found += len(selected) * (len(selected) - 1) // 2
            if inner := below(selected):
                waiting.append(inner)
    return found


def too_many_values(variables: Mapping[str, object] | None, limits: Limits) -> str | None:
    """What is told where the variables hold more values than they may, or longer ones; None where they don't. Stops as soon as that is known."""
    values = 0
    waiting: list[Collection[object]] = [(variables or {}).values()]
    while waiting:
        inner = waiting.pop()
        values += len(inner)
        if values > limits.values:
            return told({"values": values}, limits)
        for value in inner:
            if isinstance(value, str):
                if len(value) > limits.text:
                    return told({"text": len(value)}, limits)
            elif isinstance(value, dict | list):
                waiting.append(value.values() if isinstance(value, dict) else value)
    return None
