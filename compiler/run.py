"""One execution of a plan: what belongs to a single request, and nothing that outlives it."""

from collections.abc import Awaitable, Callable, Sequence
from math import inf
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableDefinitionNode,
    located_error,
)
from graphql.execution.values import VariableValues, get_variable_values

# Where in an answer a value stands, as it costs the least while nothing fails: a pair of the place above and a key, None at the root.
Place = Any
Key = str | int
# The fields that an operation selects anywhere, as pairs of type and field.
Selected = frozenset[tuple[str, str]]


def listed(place: Place) -> list[Key]:
    """The keys from the root on, as errors tell them."""
    keys: list[Key] = []
    while place is not None:
        place, key = place
        keys.append(key)
    keys.reverse()
    return keys


class Spot:
    """What is known beforehand of a value's place: its field and its type. `levels` says how far up a null goes from here: 0 where it may stay."""

    __slots__ = ("above", "field_name", "levels", "nodes", "parent_type", "required", "return_type")

    def __init__(
        self,
        return_type: GraphQLOutputType,
        required: bool,
        parent_type: GraphQLObjectType,
        field_name: str,
        nodes: Sequence[FieldNode],
        above: "Spot | None",
    ) -> None:
        self.return_type = return_type
        self.required = required
        self.parent_type = parent_type
        self.field_name = field_name
        self.nodes = list(nodes)
        self.above = above
        # None: up to the root, so that there is no data at all.
        self.levels: int | None = 0
        if required:
            self.levels = None if above is None or above.levels is None else above.levels + 1

    def located(self, error: Exception, place: Place) -> GraphQLError:
        """The error, with its place in the answer and in the document."""
        return located_error(error, self.nodes, listed(place))


class Hole(NamedTuple):
    """A value that has to be waited for, and what is done with it then."""

    awaitable: Awaitable[Any]
    spot: Spot
    place: Place
    complete: Callable[[Any, "Run", Place], Any]


class Operation(NamedTuple):
    """An operation, and what it stands in."""

    schema: GraphQLSchema
    definition: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    hide_suggestions: bool

    @property
    def variables(self) -> Sequence[VariableDefinitionNode]:
        """The variables that it declares."""
        return self.definition.variable_definitions or ()

    def coerced(self, raw: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        """What its variables are, or why some can't be used."""
        return get_variable_values(self.schema, self.variables, raw, max_errors=50, hide_suggestions=self.hide_suggestions)


class Limit(NamedTuple):
    """How many items all lists of an answer may have together, and what makes the error where there are more."""

    items: float
    error: Callable[[], Exception]


UNLIMITED = Limit(inf, Exception)


class Run:
    """The state of one execution."""

    __slots__ = (
        "context",
        "data",
        "errors",
        "holes",
        "items",
        "max_items",
        "operation",
        "raw",
        "root",
        "selected",
        "too_many",
        "values",
        "variables",
    )

    def __init__(
        self, operation: Operation, selected: Selected, limit: Limit, root: Any, context: Any, raw: dict[str, Any], variables: dict[str, Any]
    ) -> None:
        self.operation = operation
        self.max_items, self.too_many = limit
        self.selected = selected
        self.root = root
        self.context = context
        self.raw = raw
        self.variables = variables
        self.values: VariableValues | None = None
        self.data: dict[str, Any] | None = None
        self.errors: list[GraphQLError] = []
        self.items = 0
        self.holes: list[Hole] = []

    @property
    def variable_values(self) -> VariableValues:
        """The variables with their sources, for whoever needs more than their values."""
        if self.values is None:
            values = self.operation.coerced(self.raw)
            assert isinstance(values, VariableValues)
            self.values = values
        return self.values

    def failed(self, error: Exception, spot: Spot, place: Place) -> None:
        """Keep the error of a value that may be null."""
        self.errors.append(spot.located(error, place))

    def wait(self, awaitable: Awaitable[Any], spot: Spot, place: Place, complete: Callable[[Any, "Run", Place], Any]) -> None:
        """Leave a hole where the value will stand."""
        self.holes.append(Hole(awaitable, spot, place, complete))
