"""What an operation costs: the costs that the schema declares at its fields, added up and multiplied before anything is executed.

What a directive may skip is counted; of what is answered under one name, the selections are counted as one.
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

from gateway.operations.selections import Fragments, Selected, below, merged
from resolvers.connection import DEFAULT_SIZE, MAX_ROWS
from schema.costs import FREE, Cost
from schema.fields import COST, declared

Variables = Mapping[str, object]

# To look at the schema takes longer than any other answer from memory.
INTROSPECTION = 50
# So many values of one object cost one more: there are objects with two dozen of them, and aliases.
VALUES = 20


@dataclass(frozen=True, slots=True)
class Size:
    """A number of rows that an argument asks for, as it stands or by a variable with its default; None where it isn't given."""

    number: int | None = None
    variable: str | None = None

    def rows(self, variables: Variables) -> int | None:
        """The number of rows, 1 to the most that a page can have: any other will be refused when it comes to it."""
        asked = self.number if self.variable is None else variables.get(self.variable, self.number)
        if asked is None:
            return None
        return int(max(1, min(asked, MAX_ROWS))) if isinstance(asked, int | float) else MAX_ROWS


@dataclass(frozen=True, slots=True)
class Page:
    """How many rows the page of a list has."""

    first: Size
    last: Size

    def rows(self, variables: Variables) -> int:
        """The rows of the end that is asked for."""
        return max(self.first.rows(variables) or 0, self.last.rows(variables) or 0) or DEFAULT_SIZE


@dataclass(frozen=True, slots=True)
class Price:
    """What something costs: a fixed part, and for each page as much for each of its rows as a price of its own says."""

    fixed: int
    pages: tuple[tuple[Page, "Price"], ...] = ()

    def cost(self, variables: Variables) -> int:
        """The cost with these variables, as the client sent them."""
        cost = self.fixed
        for page, price in self.pages:
            cost += page.rows(variables) * price.cost(variables)
        return cost

    def beside(self, other: "Price") -> "Price":
        """The price of both."""
        return Price(self.fixed + other.fixed, self.pages + other.pages)

    def times(self, rows: int) -> "Price":
        """The price of so many."""
        return Price(self.fixed * rows, tuple((page, price.times(rows)) for page, price in self.pages))


class Pricing:
    """Prices one valid operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = fragments
        self._defaults = {each.variable.name.value: each.default_value for each in operation.variable_definitions or ()}

    def price(self) -> Price:
        """What it costs."""
        root = self._schema.get_root_type(self._operation.operation)
        assert root
        return self._selected(root.name, [self._operation.selection_set], None)

    def _selected(self, type: str, selections: list[SelectionSetNode], page: Page | None) -> Price:
        """What is selected of an object. `page` is the one of the field that answered with the object."""
        total, values = Price(0), 0
        for answered in merged(type, selections, self._fragments).values():
            # Only of types that exclude each other can different fields be answered under one name.
            for name in {field.name.value for _, field in answered}:
                total = total.beside(self._field([each for each in answered if each[1].name.value == name], page))
            values += not below(answered)
        return total.beside(Price(values // VALUES))

    def _field(self, selected: list[Selected], page: Page | None) -> Price:
        type, node = selected[0]
        if node.name.value.startswith("__"):
            return Price(INTROSPECTION if node.selection_set else 0)
        field = self._definition(type, node.name.value)
        cost: Cost = declared(field, COST, FREE)
        inner = self._selected(get_named_type(field.type).name, below(selected), self._page(field, node))
        each = Price(cost.weight).beside(inner)
        return Price(0, ((page, each),)) if cost.paged and page else each.times(cost.rows)

    def _definition(self, type: str, name: str) -> GraphQLField:
        known = self._schema.type_map[type]
        assert isinstance(known, GraphQLObjectType | GraphQLInterfaceType)
        field: GraphQLField = known.fields[name]
        return field

    def _page(self, field: GraphQLField, node: FieldNode) -> Page | None:
        if not {"first", "last"} <= field.args.keys():
            return None
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        return Page(self._size(given.get("first")), self._size(given.get("last")))

    def _size(self, value: ValueNode | None) -> Size:
        if isinstance(value, VariableNode):
            name = value.name.value
            return Size(self._size(self._defaults.get(name)).number, name)
        return Size(int(value.value)) if isinstance(value, IntValueNode) else Size()
