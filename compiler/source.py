"""Writes the source of a plan: one Python function for each object and each list that the operation selects. For the terms, see compiler/README.md.

The source contains only constants, numbers and names of the schema. All other objects are globals of the functions.
"""

from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLField, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLOutputType, OperationType, is_abstract_type, is_leaf_type
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, GroupedFieldSet, collect_fields, collect_subfields
from graphql.execution.values import VariableValues

from compiler.calls import Calls
from compiler.checks import Checks
from compiler.classes import class_decides, classes_of
from compiler.functions import Codes, Function, indented
from compiler.positions import AbstractPosition, LeafPosition, ListPosition, ObjectPosition, Position, close_remaining
from compiler.run import CompiledOperation

TYPENAME = "__typename"
MAX_POSITIONS = 3000
# For how many objects or tuples one function of a plan caches its results. The gateway's only cached objects are the reason codes of the catalogue,
# which are fewer.
MAX_CACHED = 64


class NotCompilable(Exception):
    """The operation can't be compiled. The message contains the reason."""


class Writer:
    """Writes the functions of one plan, from the innermost to the outermost.

    `texts` collects the sources of the functions, `selected` all selected fields as pairs of type name and field name.
    """

    def __init__(
        self,
        operation: CompiledOperation,
        fragments: dict[str, FragmentDetails],
        conditions: VariableValues,
        calls: Calls,
        checks: Checks,
        codes: Codes,
    ) -> None:
        self._operation = operation
        self._fragments = fragments
        self._conditions = conditions
        self._calls = calls
        self._checks = checks
        self._codes = codes
        self._positions = 0
        # The functions that cache their results by the key of an object. See `key` in compiler/README.md.
        self._cached_by_key: set[Callable[..., Any]] = set()
        self.texts: list[str] = []
        self.selected: set[tuple[str, str]] = set()

    def roots(self) -> list[Callable[..., Any]]:
        """Write all functions of the plan. Returns those for the fields of the root.

        Queries and subscriptions have one function for all root fields. Mutations have one for each root field, which run one after the other.

        Raises: NotCompilable.
        """
        schema, definition, hide = self._operation.schema, self._operation.definition, self._operation.hide_suggestions
        type = schema.get_root_type(definition.operation)
        if not type:
            raise NotCompilable(f"the schema has no {definition.operation.value}")
        grouped = collect_fields(schema, self._fragments, self._conditions, type, definition, hide).grouped_field_set
        if definition.operation is not OperationType.MUTATION:
            return [self._fields(type, grouped, None)]
        return [self._fields(type, {key: details}, None) for key, details in grouped.items()]

    def _fields(self, type: GraphQLObjectType, grouped: GroupedFieldSet, above: Position | None) -> Callable[..., Any]:
        """Write the function that completes the fields of an object. Its parameters: `o` is the object, `r` the run, `p` the object's place.

        `grouped`: the selected fields by response name. `above`: the position of the object, None at the root.
        """
        function = Function("o, r, p")
        lines, entries, constant = [], [], True
        for key, details in grouped.items():
            name = details[0].node.name.value
            field = self._operation.schema.get_field(type, name)
            if name == TYPENAME:
                entries.append(f"{key!r}: {type.name!r}")
            elif name.startswith("__"):
                raise NotCompilable("introspection")
            elif field:
                self.selected.add((type.name, name))
                local = f"v{len(entries)}"
                position = self._position(field.type, field.type, type, details, above)
                lines += self._field(function, position, field, key, local)
                constant = constant and self._calls.is_attribute(field) and holds_leaves(position)
                entries.append(f"{key!r}: {local}")
        answer = f"{{{', '.join(entries)}}}"
        attribute = getattr(type.is_type_of, "key", None)
        if not constant or not attribute:
            return self._made(function, type.name, [*lines, f"return {answer}"])
        made = self._made(function, type.name, cached_by_key(function, attribute, lines, answer))
        self._cached_by_key.add(made)
        return made

    def _field(self, function: Function, position: Position, field: GraphQLField, key: str, local: str) -> list[str]:
        label, place = function.bind("P", position), f"(p, {key!r})"
        call = self._calls.call(function, field, position.nodes[0], label, place)
        completion = self._checks.completion(function, position, label, local, place)
        return with_try([f"{local} = {call}", *completion], position, label, local, place)

    def _position(
        self, type: GraphQLOutputType, return_type: GraphQLOutputType, parent: GraphQLObjectType, details: FieldDetailsList, above: Position | None
    ) -> Position:
        """Make the position of a value of this type, and all positions below it, with their functions.

        `return_type`: the type of the whole field. For the items of a list, it differs from `type`. `above`: the position above, None at the root.
        """
        self._positions += 1
        if self._positions > MAX_POSITIONS:
            raise NotCompilable(f"more than {MAX_POSITIONS} positions")
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
        position.functions, position.class_decides = {}, class_decides(type, possible)
        return position

    def _object(self, type: GraphQLObjectType, spot: Any, details: FieldDetailsList) -> ObjectPosition:
        position = ObjectPosition(*spot)
        position.object_type = type
        position.classes = classes_of(type)
        operation = self._operation
        grouped = collect_subfields(
            operation.schema, self._fragments, self._conditions, operation.definition, type, details, operation.hide_suggestions
        ).grouped_field_set
        position.function = self._fields(type, grouped, position)
        return position

    def _items(self, item: Position) -> Callable[..., Any]:
        """Write the function that completes the items of a list. Its parameters: `v` is the list, `r` the run, `p` the list's place."""
        function = Function("v, r, p")
        label, place = function.bind("P", item), "(p, i)"
        each = with_try(self._checks.completion(function, item, label, "x", place), item, label, "x", place)
        loop = ["for i, x in enumerate(v):", *indented([*each, "out.append(x)"])]
        on_failure = ["except Exception:", f"    {function.bind('B', close_remaining)}(v, i)", "    raise"]
        counted = ["if v.__class__ is list or v.__class__ is tuple:", "    r.items += len(v)"]
        counted += ["    if r.items > r.max_items:", "        raise r.too_many()"]
        lines = ["out, i = [], -1", "try:", *indented(loop), *on_failure]
        constant = isinstance(item, ObjectPosition) and item.function in self._cached_by_key
        lines = cached_by_identity(function, lines) if constant else [*lines, "return out"]
        return self._made(function, f"items of {item.parent_type}.{item.field_name}", [*counted, *lines])

    def _made(self, function: Function, about: str, body: Sequence[str]) -> Callable[..., Any]:
        text = function.text(body)
        named = "".join(f"; {name} is {resolver}" for name, resolver in function.resolvers.items())
        self.texts.append(f"# {about}{named}\n{text}")
        return function.made(text, self._codes)


def with_try(lines: Sequence[str], position: Position, label: str, local: str, place: str) -> list[str]:
    """These lines of source inside a `try` statement. If they raise an exception, the value of the variable `local` fails.

    The error is recorded, and the value becomes null. If the value must not be null, the error is raised again instead: the value above then fails.
    `label` and `place`: the expressions for the field's position, and for its place in the response.
    """
    failed = f"raise {label}.located(e, {place}) from None" if position.required else f"{local} = r.failed(e, {label}, {place})"
    return ["try:", *indented(lines), "except Exception as e:", f"    {failed}"]


def cached_by_key(function: Function, attribute: str, lines: Sequence[str], answer: str) -> list[str]:
    """The source of a function that completes an object and caches the result by the object's key (see `key` in compiler/README.md).

    Objects with the same key are equal in all other attributes. A result with errors or holes is not cached.
    `attribute`: the attribute that holds the key. `lines`: the source that completes the object. `answer`: the expression for the result.
    """
    cached = function.bind("M", {})
    return [
        f"k = o.{attribute}",
        f"if k in {cached}:",
        f"    return {cached}[k]",
        "n = len(r.errors)",
        *lines,
        f"a = {answer}",
        "if len(r.errors) == n and not r.holes:",
        f"    if len({cached}) >= {MAX_CACHED}:",
        f"        {cached}.clear()",
        f"    {cached}[k] = a",
        "return a",
    ]


def cached_by_identity(function: Function, lines: Sequence[str]) -> list[str]:
    """The source of a function that completes a list, and caches the result if the list is a tuple.

    It is used for lists of objects with keys (see `key` in compiler/README.md). The cache finds a tuple by its identity, because a tuple always
    contains the same objects.
    """
    cached = function.bind("M", {})
    return [
        f"k = {cached}.get(id(v))",
        "if k is not None and k[0] is v:",
        "    return k[1]",
        "n = len(r.errors)",
        *lines,
        "if v.__class__ is tuple and len(r.errors) == n and not r.holes:",
        f"    if len({cached}) >= {MAX_CACHED}:",
        f"        {cached}.clear()",
        f"    {cached}[id(v)] = v, out",
        "return out",
    ]


def holds_leaves(position: Position) -> bool:
    """Whether the values of a position are scalars or enums, or lists of these at any depth."""
    while isinstance(position, ListPosition):
        position = position.item
    return isinstance(position, LeafPosition)
