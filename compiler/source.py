"""A selection, written down as Python: a function for each object and each list.

Only constants, numbers and names of the schema reach the source. Whatever else it needs, it finds in its globals.
"""

from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLField, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLOutputType, OperationType, is_abstract_type, is_leaf_type
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, GroupedFieldSet, collect_fields, collect_subfields
from graphql.execution.values import VariableValues

from compiler.calls import Calls
from compiler.checks import Checks
from compiler.classes import by_class, classes_of
from compiler.functions import Codes, Function, indented
from compiler.positions import AbstractPosition, LeafPosition, ListPosition, ObjectPosition, Position, abandon
from compiler.run import Operation

TYPENAME = "__typename"
MAX_POSITIONS = 3000
# More than the catalogue has.
MAX_KEPT = 64


class Refused(Exception):
    """An operation that isn't compiled, and why."""


class Writer:
    """Writes the functions of one plan, the innermost first, and keeps their texts."""

    def __init__(
        self, operation: Operation, fragments: dict[str, FragmentDetails], conditions: VariableValues, calls: Calls, checks: Checks, codes: Codes
    ) -> None:
        self._operation = operation
        self._fragments = fragments
        self._conditions = conditions
        self._calls = calls
        self._checks = checks
        self._codes = codes
        self._positions = 0
        # The functions that always answer alike for what is known by the same key.
        self._remembering: set[Callable[..., Any]] = set()
        self.texts: list[str] = []
        self.selected: set[tuple[str, str]] = set()

    def roots(self) -> list[Callable[..., Any]]:
        """The functions of the root's fields: one for all, or one for each where they have to wait for each other. Raises: Refused."""
        schema, definition, hide = self._operation.schema, self._operation.definition, self._operation.hide_suggestions
        type = schema.get_root_type(definition.operation)
        if not type:
            raise Refused(f"the schema has no {definition.operation.value}")
        grouped = collect_fields(schema, self._fragments, self._conditions, type, definition, hide).grouped_field_set
        if definition.operation is not OperationType.MUTATION:
            return [self._fields(type, grouped, None)]
        return [self._fields(type, {key: details}, None) for key, details in grouped.items()]

    def _fields(self, type: GraphQLObjectType, grouped: GroupedFieldSet, above: Position | None) -> Callable[..., Any]:
        """The function for the fields of an object: `o` is the object, `r` the run, `p` the place."""
        function = Function("o, r, p")
        lines, entries, constant = [], [], True
        for key, details in grouped.items():
            name = details[0].node.name.value
            field = self._operation.schema.get_field(type, name)
            if name == TYPENAME:
                entries.append(f"{key!r}: {type.name!r}")
            elif name.startswith("__"):
                raise Refused("introspection")
            elif field:
                self.selected.add((type.name, name))
                local = f"v{len(entries)}"
                position = self._position(field.type, field.type, type, details, above)
                lines += self._field(function, position, field, key, local)
                constant = constant and self._calls.reads(field) and of_leaves(position)
                entries.append(f"{key!r}: {local}")
        answer = f"{{{', '.join(entries)}}}"
        attribute = getattr(type.is_type_of, "key", None)
        if not constant or not attribute:
            return self._made(function, type.name, [*lines, f"return {answer}"])
        made = self._made(function, type.name, remembering(function, attribute, lines, answer))
        self._remembering.add(made)
        return made

    def _field(self, function: Function, position: Position, field: GraphQLField, key: str, local: str) -> list[str]:
        label, place = function.keep("P", position), f"(p, {key!r})"
        answer = self._calls.answer(function, field, position.nodes[0], label, place)
        completion = self._checks.completion(function, position, label, local, place)
        return trying([f"{local} = {answer}", *completion], position, label, local, place)

    def _position(
        self, type: GraphQLOutputType, return_type: GraphQLOutputType, parent: GraphQLObjectType, details: FieldDetailsList, above: Position | None
    ) -> Position:
        """The position of a value of a type, with all that is below it."""
        self._positions += 1
        if self._positions > MAX_POSITIONS:
            raise Refused(f"more than {MAX_POSITIONS} positions")
        required = isinstance(type, GraphQLNonNull)
        inner: Any = type.of_type if isinstance(type, GraphQLNonNull) else type
        nodes = [each.node for each in details]
        spot = (return_type, required, parent, nodes[0].name.value, nodes, above)
        if is_leaf_type(inner):
            leaf = LeafPosition(*spot)
            leaf.leaf_type = inner
            return leaf
        if isinstance(inner, GraphQLList):
            many = ListPosition(*spot)
            many.item = self._position(inner.of_type, return_type, parent, details, many)
            many.function = self._items(many.item)
            return many
        if is_abstract_type(inner):
            return self._abstract(inner, spot, details)
        return self._object(inner, spot, details)

    def _abstract(self, type: Any, spot: Any, details: FieldDetailsList) -> AbstractPosition:
        position = AbstractPosition(*spot)
        position.abstract_type = type
        possible = self._operation.schema.get_possible_types(type)
        position.types = {each.name: self._object(each, spot, details) for each in possible}
        position.known, position.by_class = {}, by_class(type, possible)
        return position

    def _object(self, type: GraphQLObjectType, spot: Any, details: FieldDetailsList) -> ObjectPosition:
        position = ObjectPosition(*spot)
        position.object_type = type
        position.known = classes_of(type)
        operation = self._operation
        grouped = collect_subfields(
            operation.schema, self._fragments, self._conditions, operation.definition, type, details, operation.hide_suggestions
        ).grouped_field_set
        position.function = self._fields(type, grouped, position)
        return position

    def _items(self, item: Position) -> Callable[..., Any]:
        """The function for the items of a list: `v` is the list, `r` the run, `p` the place."""
        function = Function("v, r, p")
        label, place = function.keep("P", item), "(p, i)"
        each = trying(self._checks.completion(function, item, label, "x", place), item, label, "x", place)
        loop = ["for i, x in enumerate(v):", *indented([*each, "out.append(x)"])]
        ended = ["except Exception:", f"    {function.keep('B', abandon)}(v, i)", "    raise"]
        counted = ["if v.__class__ is list or v.__class__ is tuple:", "    r.items += len(v)"]
        counted += ["    if r.items > r.max_items:", "        raise r.too_many()"]
        lines = ["out, i = [], -1", "try:", *indented(loop), *ended]
        constant = isinstance(item, ObjectPosition) and item.function in self._remembering
        lines = remembering_tuple(function, lines) if constant else [*lines, "return out"]
        return self._made(function, f"items of {item.parent_type}.{item.field_name}", [*counted, *lines])

    def _made(self, function: Function, about: str, body: Sequence[str]) -> Callable[..., Any]:
        text = function.text(body)
        named = "".join(f"; {name} is {resolver}" for name, resolver in function.resolvers.items())
        self.texts.append(f"# {about}{named}\n{text}")
        return function.made(text, self._codes)


def trying(lines: Sequence[str], position: Position, label: str, local: str, place: str) -> list[str]:
    """The lines, and what becomes of what they raise."""
    failed = f"raise {label}.located(e, {place}) from None" if position.required else f"{local} = r.failed(e, {label}, {place})"
    return ["try:", *indented(lines), "except Exception as e:", f"    {failed}"]


def remembering(function: Function, attribute: str, lines: Sequence[str], answer: str) -> list[str]:
    """The lines and the answer, which is kept where nothing failed: what is known by a key is always answered alike."""
    kept = function.keep("M", {})
    return [
        f"k = o.{attribute}",
        f"if k in {kept}:",
        f"    return {kept}[k]",
        "n = len(r.errors)",
        *lines,
        f"a = {answer}",
        "if len(r.errors) == n and not r.holes:",
        f"    if len({kept}) >= {MAX_KEPT}:",
        f"        {kept}.clear()",
        f"    {kept}[k] = a",
        "return a",
    ]


def remembering_tuple(function: Function, lines: Sequence[str]) -> list[str]:
    """The same for a list of such objects, where it is a tuple: that one will always hold the same."""
    kept = function.keep("M", {})
    return [
        f"k = {kept}.get(id(v))",
        "if k is not None and k[0] is v:",
        "    return k[1]",
        "n = len(r.errors)",
        *lines,
        "if v.__class__ is tuple and len(r.errors) == n and not r.holes:",
        f"    if len({kept}) >= {MAX_KEPT}:",
        f"        {kept}.clear()",
        f"    {kept}[id(v)] = v, out",
        "return out",
    ]


def of_leaves(position: Position) -> bool:
    """Whether what stands at a position is a leaf, or a list of such."""
    while isinstance(position, ListPosition):
        position = position.item
    return isinstance(position, LeafPosition)
