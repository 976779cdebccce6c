"""One execution of a plan: the state of a single request, which doesn't outlive it."""

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

# The path of a value in the response: a pair of the parent's place and a key; None at the root.
# This form costs almost nothing until an error needs the list of keys.
Place = Any
Key = str | int
# The fields that an operation selects anywhere, as pairs of type and field.
Selected = frozenset[tuple[str, str]]


def keys_of(place: Place) -> list[Key]:
    """The keys of a place from the root on, as in the `path` of an error."""
    keys: list[Key] = []
    while place is not None:
        place, key = place
        keys.append(key)
    keys.reverse()
    return keys


class Spot:
    """The compile-time facts about a place: its field, its type and its parent's spot.

    `levels`: how many levels up an error nulls the response. 0: the value itself may be null.
    """

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
        # None: up to the root, so that `data` itself is null.
        self.levels: int | None = 0
        if required:
            self.levels = None if above is None or above.levels is None else above.levels + 1

    def located(self, error: Exception, place: Place) -> GraphQLError:
        """The error with its path in the response and its locations in the operation document."""
        return located_error(error, self.nodes, keys_of(place))


class Hole(NamedTuple):
    """A place of the response whose value has to be awaited, and the function that completes the value."""

    awaitable: Awaitable[Any]
    spot: Spot
    place: Place
    complete: Callable[[Any, "Run", Place], Any]


class Operation(NamedTuple):
    """An operation with its schema and the fragments of its document."""

    schema: GraphQLSchema
    definition: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    hide_suggestions: bool

    @property
    def variables(self) -> Sequence[VariableDefinitionNode]:
        """The variables that the operation declares."""
        return self.definition.variable_definitions or ()

    def coerced(self, raw: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        """The variables as graphql-core coerces them, or the errors of those that can't be used."""
        return get_variable_values(self.schema, self.variables, raw, max_errors=50, hide_suggestions=self.hide_suggestions)


class Limit(NamedTuple):
    """The maximum number of items that all lists of a response may have together, and a function that makes the error for more."""

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
        """The variables with their sources, as graphql-core represents them. They are coerced only when something reads this."""
        if self.values is None:
            values = self.operation.coerced(self.raw)
            assert isinstance(values, VariableValues)
            self.values = values
        return self.values

    def failed(self, error: Exception, spot: Spot, place: Place) -> None:
        """Record the error of a value that may be null."""
        self.errors.append(spot.located(error, place))

    def wait(self, awaitable: Awaitable[Any], spot: Spot, place: Place, complete: Callable[[Any, "Run", Place], Any]) -> None:
        """Record a hole: the value is filled in when it has been awaited."""
        self.holes.append(Hole(awaitable, spot, place, complete))
