"""Functions that find the operations, fragments, fields and variables of an operation document."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)
from graphql.language.ast import QUERY_DOCUMENT_KEYS

Fragments = Mapping[str, FragmentDefinitionNode]
# The name of a type, and a field that is selected on this type.
SelectedField = tuple[str, FieldNode]


def operations_of(document: DocumentNode) -> list[OperationDefinitionNode]:
    """The operations of a document, in the order of the document."""
    return [definition for definition in document.definitions if isinstance(definition, OperationDefinitionNode)]


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The fragments of a document, by name."""
    return {definition.name.value: definition for definition in document.definitions if isinstance(definition, FragmentDefinitionNode)}


def well_formed(document: DocumentNode) -> bool:
    """Whether the document can safely be expanded.

    It may contain only operations and fragments. Each fragment must have a unique name, must be used by an operation, and may not contain itself.
    A fragment that is used must exist.
    """
    operations, fragments = operations_of(document), fragments_of(document)
    uses = {name: set(spreads_in(fragment.selection_set)) for name, fragment in fragments.items()}
    used: set[str] = set()
    to_visit = [name for operation in operations for name in spreads_in(operation.selection_set)]
    while to_visit:
        if (name := to_visit.pop()) not in used:
            used.add(name)
            to_visit.extend(uses.get(name, ()))
    try:
        TopologicalSorter(uses).prepare()
    except CycleError:
        return False
    return len(operations) + len(fragments) == len(document.definitions) and used == fragments.keys()


def spreads_in(selection_set: SelectionSetNode) -> list[str]:
    """The names of the fragments that a selection uses. A fragment that is used several times is listed several times."""
    names, to_visit = [], [selection_set]
    while to_visit:
        for selection in to_visit.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                names.append(selection.name.value)
            elif isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                to_visit.append(selection.selection_set)
    return names


def merged_fields(type: str, selections: Iterable[SelectionSetNode], fragments: Fragments) -> dict[str, list[SelectedField]]:
    """The fields of several selection sets on the same type, grouped by response name. Fragments are expanded.

    The document must be well-formed (see `well_formed`): if a fragment contained itself, this function would never end.
    """
    fields: dict[str, list[SelectedField]] = {}
    to_visit = [(type, selection_set) for selection_set in selections]
    while to_visit:
        type, selection_set = to_visit.pop()
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                fields.setdefault(response_name(selection), []).append((type, selection))
            elif isinstance(selection, InlineFragmentNode):
                to_visit.append((selection.type_condition.name.value if selection.type_condition else type, selection.selection_set))
            elif isinstance(selection, FragmentSpreadNode) and (fragment := fragments.get(selection.name.value)):
                to_visit.append((fragment.type_condition.name.value, fragment.selection_set))
    return fields


def subselections(selected: Iterable[SelectedField]) -> list[SelectionSetNode]:
    """The selection sets of fields with the same response name, as `merged_fields` groups them.

    GraphQL merges such fields, so these sets belong together. Fields without a selection set are left out.
    """
    return [field.selection_set for _, field in selected if field.selection_set]


def response_name(field: FieldNode) -> str:
    """The field's name in the response: its alias if it has one, otherwise its own name."""
    return (field.alias or field.name).value


def inner_variables(operation: OperationDefinitionNode, fragments: Fragments) -> frozenset[str]:
    """The variables that an operation uses anywhere except in the arguments of its root fields. The result may contain a few variables too many."""
    to_visit: list[Node] = [*fragments.values()]
    for selection in operation.selection_set.selections:
        # All variables of a fragment at the root count as inner variables, even those in arguments of root fields. Too many inner variables do no
        # harm: fewer subscribers then share their messages.
        parts = (*(selection.directives or ()), selection.selection_set) if isinstance(selection, FieldNode) else (selection,)
        to_visit += [part for part in parts if part]
    names = set()
    while to_visit:
        node = to_visit.pop()
        if isinstance(node, VariableNode):
            names.add(node.name.value)
        for key in QUERY_DOCUMENT_KEYS.get(node.kind, ()):
            child = getattr(node, key)
            to_visit.extend(child if isinstance(child, tuple) else [child] if child else ())
    return frozenset(names)
