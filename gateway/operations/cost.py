"""The cost of an operation: the costs that the schema declares at its fields, added up and multiplied before anything is executed.

Fields that a directive may skip are counted. The selections of fields with the same response name are merged and counted once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from gateway.operations.selections import Fragments, Selected, merged, subselections
from resolvers.connection import DEFAULT_SIZE, MAX_ROWS
from schema.costs import FREE, Cost
from schema.fields import COST, declared

Variables = Mapping[str, object]

# Introspection takes longer than any other response from memory.
INTROSPECTION = 50
# Each 20 values of one object cost 1 more: some objects have two dozen values, and aliases multiply them.
VALUES = 20


@dataclass(frozen=True, slots=True)
class Size:
    """The number of rows that an argument requests, as a literal or as a variable with its default. None: the argument is missing or null."""

    number: int | None = None
    variable: str | None = None

    def rows(self, variables: Variables) -> int | None:
        """The number of rows, clamped to 1 … MAX_ROWS. Execution refuses any other number later."""
        requested = self.number if self.variable is None else variables.get(self.variable, self.number)
        if requested is None:
            return None
        return int(max(1, min(requested, MAX_ROWS))) if isinstance(requested, int | float) else MAX_ROWS


@dataclass(frozen=True, slots=True)
class Page:
    """The size of a page of a list, by its arguments `first` and `last`."""

    first: Size
    last: Size

    def rows(self, variables: Variables) -> int:
        """The number of rows that `first` or `last` requests, or else the default."""
        return max(self.first.rows(variables) or 0, self.last.rows(variables) or 0) or DEFAULT_SIZE


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a selection: a fixed part, and for each page a price for each of its rows."""

    fixed: int
    pages: tuple[tuple[Page, "Price"], ...] = ()

    def cost(self, variables: Variables) -> int:
        """The cost with the variables as the client sent them."""
        cost = self.fixed
        for page, price in self.pages:
            cost += page.rows(variables) * price.cost(variables)
        return cost

    def plus(self, other: "Price") -> "Price":
        """The sum of both prices."""
        return Price(self.fixed + other.fixed, self.pages + other.pages)

    def times(self, rows: int) -> "Price":
        """This price for a number of rows."""
        return Price(self.fixed * rows, tuple((page, price.times(rows)) for page, price in self.pages))


class Pricing:
    """Prices one valid operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = fragments
        self._defaults = {each.variable.name.value: each.default_value for each in operation.variable_definitions or ()}

    def price(self) -> Price:
        """The price of the operation."""
        root = self._schema.get_root_type(self._operation.operation)
        assert root
        return self._selected(root.name, [self._operation.selection_set], None)

    def _selected(self, type: str, selections: list[SelectionSetNode], page: Page | None) -> Price:
        """The price of the selections of an object. `page` is the page of the field that returned the object."""
        total, values = Price(0), 0
        for selected in merged(type, selections, self._fragments).values():
            # Different fields can have the same response name only on types that exclude each other.
            for name in {field.name.value for _, field in selected}:
                total = total.plus(self._field([each for each in selected if each[1].name.value == name], page))
            values += not subselections(selected)
        return total.plus(Price(values // VALUES))

    def _field(self, selected: list[Selected], page: Page | None) -> Price:
        type, node = selected[0]
        if node.name.value.startswith("__"):
            return Price(INTROSPECTION if node.selection_set else 0)
        field = self._definition(type, node.name.value)
        cost: Cost = declared(field, COST, FREE)
        inner = self._selected(get_named_type(field.type).name, subselections(selected), self._page(field, node))
        each = Price(cost.weight).plus(inner)
        return Price(0, ((page, each),)) if cost.paged and page else each.times(cost.rows)

    def _definition(self, type: str, name: str) -> GraphQLField:
        definition = self._schema.type_map[type]
        assert isinstance(definition, GraphQLObjectType | GraphQLInterfaceType)
        field: GraphQLField = definition.fields[name]
        return field

    def _page(self, field: GraphQLField, node: FieldNode) -> Page | None:
        if not {"first", "last"} <= field.args.keys():
            return None
        arguments = {argument.name.value: argument.value for argument in node.arguments or ()}
        return Page(self._size(arguments.get("first")), self._size(arguments.get("last")))

    def _size(self, value: ValueNode | None) -> Size:
        if isinstance(value, VariableNode):
            name = value.name.value
            return Size(self._size(self._defaults.get(name)).number, name)
        return Size(int(value.value)) if isinstance(value, IntValueNode) else Size()
