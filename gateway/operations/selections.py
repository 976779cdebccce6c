"""What a document selects, its fragments put in their places."""

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
# A field, and the name of the type of which it is asked.
Selected = tuple[str, FieldNode]


def operations_of(document: DocumentNode) -> list[OperationDefinitionNode]:
    """The operations of a document, in its order."""
    return [definition for definition in document.definitions if isinstance(definition, OperationDefinitionNode)]


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The fragments of a document, by name."""
    return {definition.name.value: definition for definition in document.definitions if isinstance(definition, FragmentDefinitionNode)}


def sound(document: DocumentNode) -> bool:
    """Whether the document is operations and fragments alone, each fragment of a name of its own, used by an operation, and none circular."""
    operations, fragments = operations_of(document), fragments_of(document)
    uses = {name: set(spread_in(fragment.selection_set)) for name, fragment in fragments.items()}
    used: set[str] = set()
    waiting = [name for operation in operations for name in spread_in(operation.selection_set)]
    while waiting:
        if (name := waiting.pop()) not in used:
            used.add(name)
            waiting.extend(uses.get(name, ()))
    try:
        TopologicalSorter(uses).prepare()
    except CycleError:
        return False
    return len(operations) + len(fragments) == len(document.definitions) and used == fragments.keys()


def spread_in(selection_set: SelectionSetNode) -> list[str]:
    """The names of the fragments that are used in a selection, each as often as it is."""
    names, waiting = [], [selection_set]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                names.append(selection.name.value)
            elif isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                waiting.append(selection.selection_set)
    return names


def merged(type: str, selections: Iterable[SelectionSetNode], fragments: Fragments) -> dict[str, list[Selected]]:
    """The fields of selections of one type, by the names that they are answered under. For documents that are sound."""
    found: dict[str, list[Selected]] = {}
    waiting = [(type, selection_set) for selection_set in selections]
    while waiting:
        type, selection_set = waiting.pop()
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                found.setdefault(answered_as(selection), []).append((type, selection))
            elif isinstance(selection, InlineFragmentNode):
                waiting.append((selection.type_condition.name.value if selection.type_condition else type, selection.selection_set))
            elif isinstance(selection, FragmentSpreadNode) and (fragment := fragments.get(selection.name.value)):
                waiting.append((fragment.type_condition.name.value, fragment.selection_set))
    return found


def below(selected: Iterable[Selected]) -> list[SelectionSetNode]:
    """What is selected of fields that are answered as one."""
    return [field.selection_set for _, field in selected if field.selection_set]


def answered_as(field: FieldNode) -> str:
    """The name in the response."""
    return (field.alias or field.name).value


def inner_variables(operation: OperationDefinitionNode, fragments: Fragments) -> frozenset[str]:
    """The variables that are used anywhere but in the arguments of the root's fields themselves."""
    waiting: list[Node] = [*fragments.values()]
    for selection in operation.selection_set.selections:
        # Of a fragment at the root, all of its variables count: that is too many at worst.
        parts = (*(selection.directives or ()), selection.selection_set) if isinstance(selection, FieldNode) else (selection,)
        waiting += [part for part in parts if part]
    found = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, VariableNode):
            found.add(node.name.value)
        for key in QUERY_DOCUMENT_KEYS.get(node.kind, ()):
            child = getattr(node, key)
            waiting.extend(child if isinstance(child, tuple) else [child] if child else ())
    return frozenset(found)
