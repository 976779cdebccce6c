"""The cost of an operation. It is computed before execution from the costs that the schema declares at fields.

The costs of the selected fields are added up. Inside a list, they are multiplied by the number of rows that the operation requests, however many
rows the response has. Fields with @skip or @include are always counted. Fields with the same response name are merged, as in the response, and
counted once.
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

from gateway.operations.selections import Fragments, SelectedField, merged_fields, subselections
from resolvers.connection import DEFAULT_SIZE, MAX_ROWS
from schema.costs import FREE, Cost
from schema.fields import COST, declared

VariableValues = Mapping[str, object]

# The cost of the introspection fields `__schema` and `__type`. They read nothing from the database, but take longer than all other fields that don't.
INTROSPECTION = 50
# This many scalar values of one object cost 1 together. So selecting values is nearly free. They must cost something, because aliases can select the
# two dozen values of an object any number of times.
VALUES = 20


@dataclass(frozen=True, slots=True)
class Size:
    """The value of an argument `first` or `last`: a literal, or a variable with its default. If both are None, the argument is missing or null."""

    number: int | None = None
    variable: str | None = None

    def rows(self, variables: VariableValues) -> int | None:
        """The number of requested rows, clamped to 1 … MAX_ROWS. Numbers outside this range are refused later, by execution.

        None if the argument is missing or null.
        """
        requested = self.number if self.variable is None else variables.get(self.variable, self.number)
        if requested is None:
            return None
        return int(max(1, min(requested, MAX_ROWS))) if isinstance(requested, int | float) else MAX_ROWS


@dataclass(frozen=True, slots=True)
class PageSize:
    """The arguments `first` and `last` of a list field, which decide how many rows it returns. A field may have only `first`."""

    first: Size
    last: Size

    def rows(self, variables: VariableValues) -> int:
        """The maximum number of rows of the page: the larger of `first` and `last`, or the default size if both are missing."""
        return max(self.first.rows(variables) or 0, self.last.rows(variables) or 0) or DEFAULT_SIZE


@dataclass(frozen=True, slots=True)
class Price:
    """A formula for the cost of a selection, whose lists can have sizes that come from variables.

    `fixed` does not depend on variables. `pages` has an entry for each list: the arguments that decide its number of rows, and the price of a row.
    """

    fixed: int
    pages: tuple[tuple[PageSize, "Price"], ...] = ()

    def cost(self, variables: VariableValues) -> int:
        """The cost for these values of the variables, which are not validated yet."""
        cost = self.fixed
        for page, price in self.pages:
            cost += page.rows(variables) * price.cost(variables)
        return cost

    def exceeds_rows(self, maximum: int, variables: VariableValues) -> bool:
        """Whether the lists in `pages` can have more than `maximum` rows together. False for a single list: MAX_ROWS limits it to fewer rows."""
        return len(self.pages) > 1 and sum(page.rows(variables) for page, _ in self.pages) > maximum

    def plus(self, other: "Price") -> "Price":
        """The sum of this price and the other one."""
        return Price(self.fixed + other.fixed, self.pages + other.pages)

    def times(self, rows: int) -> "Price":
        """This price multiplied by a fixed number of rows."""
        return Price(self.fixed * rows, tuple((page, price.times(rows)) for page, price in self.pages))


class Pricing:
    """Computes the price of one operation, which must be valid."""

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

    def _selected(self, type: str, selections: list[SelectionSetNode], page: PageSize | None) -> Price:
        """The price of what is selected on one object.

        `page`: the arguments of the list field that returned the object; None if no list field did.
        """
        total, values = Price(0), 0
        for selected in merged_fields(type, selections, self._fragments).values():
            # One response name can stand for different fields if no object can have both of their types. All of these fields are added up, although
            # one object answers only one of them, so the price is an upper bound.
            for name in {field.name.value for _, field in selected}:
                total = total.plus(self._field([each for each in selected if each[1].name.value == name], page))
            values += not subselections(selected)
        return total.plus(Price(values // VALUES))

    def _field(self, selected: list[SelectedField], page: PageSize | None) -> Price:
        type, node = selected[0]
        if node.name.value.startswith("__"):
            return Price(INTROSPECTION if node.selection_set else 0)
        field = self._definition(type, node.name.value)
        cost: Cost = declared(field, COST, FREE)
        own_page = self._page(field, node)
        each = Price(cost.weight).plus(self._selected(get_named_type(field.type).name, subselections(selected), own_page))
        size = (own_page or page) if cost.paged else None
        return Price(0, ((size, each),)) if size else each.times(cost.rows)

    def _definition(self, type: str, name: str) -> GraphQLField:
        definition = self._schema.type_map[type]
        assert isinstance(definition, GraphQLObjectType | GraphQLInterfaceType)
        field: GraphQLField = definition.fields[name]
        return field

    def _page(self, field: GraphQLField, node: FieldNode) -> PageSize | None:
        if "first" not in field.args:
            return None
        arguments = {argument.name.value: argument.value for argument in node.arguments or ()}
        return PageSize(self._size(arguments.get("first")), self._size(arguments.get("last")))

    def _size(self, value: ValueNode | None) -> Size:
        if isinstance(value, VariableNode):
            name = value.name.value
            return Size(self._size(self._defaults.get(name)).number, name)
        return Size(int(value.value)) if isinstance(value, IntValueNode) else Size()
