"""A selection, written down as Python: a function for each object and each list, with the checks that let a value pass at once.

Only constants, numbers and names of the schema reach the source. Whatever else it needs, it finds in its globals.
"""

from collections.abc import Hashable, Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum, EnumType, Flag
from keyword import iskeyword
from typing import Any

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    OperationType,
    default_field_resolver,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, GroupedFieldSet, collect_fields, collect_subfields
from graphql.execution.values import VariableValues
from graphql.language import FieldNode

from gateway.compiled.arguments import Arguments, Converter
from gateway.compiled.classes import classes_of, classes_of_all
from gateway.compiled.guards import unguarded
from gateway.compiled.info import LazyInfo, resolve_info
from gateway.compiled.plain import Plain, plain
from gateway.compiled.positions import AbstractPosition, LeafPosition, ListPosition, ObjectPosition, Position, abandon
from gateway.compiled.run import Operation

TYPENAME = "__typename"
QUICK: dict[Any, str] = {
    GraphQLString.coerce_output_value: "{0}.__class__ is str",
    GraphQLID.coerce_output_value: "{0}.__class__ is str",
    GraphQLInt.coerce_output_value: f"{{0}}.__class__ is int and {GRAPHQL_MIN_INT} <= {{0}} <= {GRAPHQL_MAX_INT}",
    GraphQLFloat.coerce_output_value: "{0}.__class__ is float and {0} - {0} == 0.0",
    GraphQLBoolean.coerce_output_value: "{0}.__class__ is bool",
}
# Orjson writes an instant in UTC as `isoformat` does, in a tenth of the time.
LEFT_TO_ORJSON: dict[Any, str] = {datetime.isoformat: "{0}.__class__ is datetime and {0}.tzinfo is UTC"}


class Refused(Exception):
    """An operation that isn't compiled, and why."""


class Writer:
    """Writes the functions of one plan."""

    def __init__(
        self,
        operation: Operation,
        fragments: dict[str, FragmentDetails],
        conditions: VariableValues,
        variant: Hashable,
        *,
        dates_left_to_orjson: bool,
        most_positions: int,
    ) -> None:
        self._operation = operation
        self._fragments = fragments
        self._conditions = conditions
        self._variant = variant
        self._quick: dict[Any, str] = {**QUICK, **(LEFT_TO_ORJSON if dates_left_to_orjson else {})}
        self._most_positions = most_positions
        self._positions = 0
        self._functions: list[str] = []
        # The names of the functions that positions will know, once there are any.
        self._functions_of: dict[ListPosition | ObjectPosition, str] = {}
        self._of_classes: list[tuple[AbstractPosition, type, ObjectPosition]] = []
        self.names: dict[str, Any] = {
            "LazyInfo": LazyInfo, "resolve_info": resolve_info, "abandon": abandon, "datetime": datetime, "UTC": UTC
        }  # fmt: skip

    @property
    def source(self) -> str:
        """All functions."""
        return "\n\n".join(self._functions) + "\n"

    def roots(self) -> list[str]:
        """The names of the functions of the root's fields: one for all, or one for each where they have to wait for each other. Raises: Refused."""
        schema, definition, hide = self._operation.schema, self._operation.definition, self._operation.hide_suggestions
        type = schema.get_root_type(definition.operation)
        if not type:
            raise Refused(f"the schema has no {definition.operation.value}")
        grouped = collect_fields(schema, self._fragments, self._conditions, type, definition, hide).grouped_field_set
        if definition.operation is not OperationType.MUTATION:
            return [self._fields(type, grouped, None)]
        return [self._fields(type, {key: details}, None) for key, details in grouped.items()]

    def linked(self) -> None:
        """Have positions know the functions, which stand among the names by now."""
        for position, name in self._functions_of.items():
            position.function = self.names[name]
        for abstract, known, found in self._of_classes:
            abstract.known[known] = found.function

    def _fields(self, type: GraphQLObjectType, grouped: GroupedFieldSet, above: Position | None) -> str:
        """The function for the fields of an object."""
        lines, entries = [], []
        for key, details in grouped.items():
            name = details[0].node.name.value
            field = self._operation.schema.get_field(type, name)
            if name == TYPENAME:
                entries.append(f"{key!r}: {type.name!r}")
            elif name.startswith("__"):
                raise Refused("introspection")
            elif field:
                local = f"v{len(entries)}"
                lines += self._field(type, field, key, details, above, local)
                entries.append(f"{key!r}: {local}")
        return self._function("f", "o, r, p", [*lines, f"return {{{', '.join(entries)}}}"])

    def _field(
        self, type: GraphQLObjectType, field: GraphQLField, key: str, details: FieldDetailsList, above: Position | None, local: str
    ) -> list[str]:
        position = self._position(field.type, field.type, type, details, above)
        label, place = self._keep("P", position), f"(p, {key!r})"
        answer = self._answer(field, details[0].node, label, place)
        return guarded([f"{local} = {answer}", *self._completion(position, label, local, place)], position, label, local, place)

    def _position(
        self, type: GraphQLOutputType, return_type: GraphQLOutputType, parent: GraphQLObjectType, details: FieldDetailsList, above: Position | None
    ) -> Position:
        """The position of a value of a type, with all that is below it."""
        self._positions += 1
        if self._positions > self._most_positions:
            raise Refused(f"more than {self._most_positions} positions")
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
            item = self._position(inner.of_type, return_type, parent, details, many)
            self._functions_of[many] = self._list(item)
            return many
        if is_abstract_type(inner):
            abstract = AbstractPosition(*spot)
            abstract.abstract_type = inner
            possible = self._operation.schema.get_possible_types(inner)
            abstract.types = {each.name: self._object(each, spot, details) for each in possible}
            abstract.below += abstract.types.values()
            abstract.known = {}
            self._of_classes += [(abstract, known, abstract.types[each.name]) for known, each in classes_of_all(inner, possible).items()]
            return abstract
        return self._object(inner, spot, details)

    def _object(self, type: GraphQLObjectType, spot: Any, details: FieldDetailsList) -> ObjectPosition:
        position = ObjectPosition(*spot)
        position.object_type = type
        position.known = classes_of(type)
        operation = self._operation
        grouped = collect_subfields(
            operation.schema, self._fragments, self._conditions, operation.definition, type, details, operation.hide_suggestions
        ).grouped_field_set
        self._functions_of[position] = self._fields(type, grouped, position)
        return position

    def _list(self, item: Position) -> str:
        """The function for the items of a list."""
        label, place = self._keep("P", item), "(p, i)"
        each = guarded(self._completion(item, label, "x", place), item, label, "x", place)
        loop = ["for i, x in enumerate(v):", *indented([*each, "out.append(x)"])]
        return self._function(
            "l", "v, r, p", ["out, i = [], -1", "try:", *indented(loop), "except Exception:", "    abandon(v, i)", "    raise", "return out"]
        )

    def _completion(self, position: Position, label: str, local: str, place: str) -> list[str]:
        """What makes of a local variable, which holds what was answered, what stands in the answer."""
        slow = f"{local} = {label}.slow({local}, r, {place})"
        test, quick = self._quickly(position, local, place)
        if not test:
            return [slow] if position.required else [f"if {local} is not None:", f"    {slow}"]
        if not quick:
            present = "" if position.required else f"{local} is not None and "
            return [f"if {present}not ({test}):", f"    {slow}"]
        return [f"if {test}:", f"    {local} = {quick}", "else:" if position.required else f"elif {local} is not None:", f"    {slow}"]

    def _quickly(self, position: Position, local: str, place: str) -> tuple[str | None, str | None]:
        """How to see that a value needs no further look, and what to make of it then; None: it stays as it is."""
        match position:
            case LeafPosition():
                return self._leaf_quickly(position.leaf_type, local)
            case ListPosition():
                test = f"{local}.__class__ is list or {local}.__class__ is tuple"
                return test, f"{self._functions_of[position]}({local}, r, {place})"
            case ObjectPosition():
                return f"{local}.__class__ in {self._keep('S', position.known)}", f"{self._functions_of[position]}({local}, r, {place})"
            case AbstractPosition():
                return f"q := {self._keep('Q', position.known)}.get({local}.__class__)", f"q({local}, r, {place})"
        return None, None

    def _leaf_quickly(self, type: Any, local: str) -> tuple[str | None, str | None]:
        if not isinstance(type, GraphQLEnumType):
            test = self._quick.get(type.coerce_output_value)
            return test and test.format(local), None
        if known := names_of(type):
            return f"{local}.__class__ is {self._keep('E', known[0])}", f"{self._keep('N', known[1])}[{local}._name_]"
        return None, None

    def _answer(self, field: GraphQLField, node: FieldNode, label: str, place: str) -> str:
        """What asks the resolver."""
        resolve = unguarded(field.resolve, self._variant)
        known = plain(self._operation.schema, field, resolve)
        if known and not known.resolver:
            return self._attribute(known)
        if known:
            return self._direct(known, field, node, label, place)
        info = f"resolve_info(r, {label}, {place})"
        return f"{self._keep('R', resolve or default_field_resolver)}(o, {info}{self._arguments(field, node, None, info)})"

    def _attribute(self, known: Plain) -> str:
        name = known.definition.python_name
        if known.definition.default_resolver is not getattr:
            return f"{self._keep('R', known.definition.default_resolver)}(o, {name!r})"
        return f"o.{name}" if name.isidentifier() and not iskeyword(name) else f"getattr(o, {name!r})"

    def _direct(self, known: Plain, field: GraphQLField, node: FieldNode, label: str, place: str) -> str:
        resolver = known.resolver
        assert resolver
        info_class, definition = self._keep("C", known.converter.config.info_class), self._keep("D", known.definition)
        info = f"{info_class}(_raw_info=LazyInfo(r, {label}, {place}), _field={definition})"
        # One and the same parameter may be both parent and root.
        named = {each.name: "o" for each in (resolver.parent_parameter, resolver.root_parameter) if each}
        if resolver.info_parameter:
            named[resolver.info_parameter.name] = info
        parts = [*(["o"] if resolver.self_parameter else []), *(f"{name}={value}" for name, value in named.items())]
        given = self._arguments(field, node, Converter(known.converter, known.definition.arguments), info)
        return f"{self._keep('F', resolver.wrapped_func)}({', '.join(parts)}{given if parts else given.removeprefix(', ')})"

    def _arguments(self, field: GraphQLField, node: FieldNode, convert: Converter | None, info: str) -> str:
        if not field.args:
            return ""
        arguments = Arguments(field, node, convert)
        if arguments.prepared and not arguments.variables:
            return f", **{self._keep('K', arguments.constant)}" if arguments.constant else ""
        return f", **{self._keep('A', arguments)}(r, lambda: {info})"

    def _function(self, prefix: str, parameters: str, body: Sequence[str]) -> str:
        name = self._name(prefix)
        self._functions.append("\n".join([f"def {name}({parameters}):", *indented(body)]))
        return name

    def _keep(self, prefix: str, value: object) -> str:
        name = self._name(prefix)
        self.names[name] = value
        return name

    def _name(self, prefix: str) -> str:
        return f"{prefix}{len(self.names) + len(self._functions)}"


def guarded(lines: Sequence[str], position: Position, label: str, local: str, place: str) -> list[str]:
    """The lines, and what becomes of what they raise."""
    failed = f"raise {label}.located(e, {place}) from None" if position.required else f"{local} = r.failed(e, {label}, {place})"
    return ["try:", *indented(lines), "except Exception as e:", f"    {failed}"]


def indented(lines: Sequence[str]) -> list[str]:
    """The lines, one level deeper."""
    return [f"    {line}" for line in lines]


def names_of(enum: GraphQLEnumType) -> tuple[EnumType, dict[str, str]] | None:
    """The Python enum that an enum stands for, and how each of its members is written; None where there is none, or some can't be."""
    known: Any = getattr(enum, "wrapped_cls", None)
    if not isinstance(known, EnumType) or Flag in known.__mro__:
        return None
    try:
        # To hash a member would be far slower than to hash its name.
        members: Iterable[Enum] = known
        return known, {member.name: enum.coerce_output_value(member) for member in members}
    except (GraphQLError, ValueError):
        return None
