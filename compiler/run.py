"""The state of one execution of a plan, and what is known about its operation at compile time. For the terms, see compiler/README.md."""

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

# The path of one value in one response: a pair of the parent's place and a key; None at the root.
# A pair costs almost nothing. The list of keys is made only for errors, and for values that are awaited.
Place = Any
PathKey = str | int
# The fields that an operation selects anywhere, as pairs of type name and field name.
SelectedFields = frozenset[tuple[str, str]]


def keys_of(place: Place) -> list[PathKey]:
    """The path of a place as a list of keys, which begins at the root. Errors contain this list as `path`."""
    keys: list[PathKey] = []
    while place is not None:
        place, key = place
        keys.append(key)
    keys.reverse()
    return keys


class Spot:
    """What is known at compile time about a field, or about the items of a list: its field, its type and its parent's spot (`above`).

    `required`: whether the value must not be null. `levels`: how many levels above a failed value become null with it. 0: only the value itself
    becomes null.
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
        # None: all levels up to the root. If the value fails, the whole `data` of the response then becomes null.
        self.levels: int | None = 0
        if required:
            self.levels = None if above is None or above.levels is None else above.levels + 1

    def located(self, error: Exception, place: Place) -> GraphQLError:
        """The error with its path in the response and its locations in the operation document."""
        return located_error(error, self.nodes, keys_of(place))


class Hole(NamedTuple):
    """A place in the response whose value has to be awaited. `complete` is the function that then completes the value."""

    awaitable: Awaitable[Any]
    spot: Spot
    place: Place
    complete: Callable[[Any, "Run", Place], Any]


class CompiledOperation(NamedTuple):
    """A validated operation, with the schema and the fragments of its operation document.

    `hide_suggestions`: whether error messages leave out similar names of the schema.
    """

    schema: GraphQLSchema
    definition: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    hide_suggestions: bool

    @property
    def variables(self) -> Sequence[VariableDefinitionNode]:
        """The variables that the operation declares."""
        return self.definition.variable_definitions or ()

    def coerced(self, raw: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        """Let graphql-core coerce the variables. Returns the coerced values, or the errors of the invalid variables."""
        return get_variable_values(self.schema, self.variables, raw, max_errors=50, hide_suggestions=self.hide_suggestions)


class Limit(NamedTuple):
    """The maximum number of items that all lists of a response may have together. `error` makes the exception for a response with more items."""

    items: float
    error: Callable[[], Exception]


UNLIMITED = Limit(inf, Exception)


class Run:
    """The state of one execution of a plan. Each execution creates a new object of this class.

    `raw`: the variables as the client sent them. `variables`: their values after coercion. `data`, `errors`: the response so far.
    `items`: how many items the lists of the response have so far. `max_items`, `too_many`: the two parts of the `Limit`.
    """

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
        self,
        operation: CompiledOperation,
        selected: SelectedFields,
        limit: Limit,
        root: Any,
        context: Any,
        raw: dict[str, Any],
        variables: dict[str, Any],
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
        """The variables with their sources, as graphql-core represents them. Coerced when first read, because most runs don't need them."""
        if self.values is None:
            values = self.operation.coerced(self.raw)
            assert isinstance(values, VariableValues)
            self.values = values
        return self.values

    def failed(self, error: Exception, spot: Spot, place: Place) -> None:
        """Record an error of a nullable value. Returns None, which becomes the value in the response."""
        self.errors.append(spot.located(error, place))

    def wait(self, awaitable: Awaitable[Any], spot: Spot, place: Place, complete: Callable[[Any, "Run", Place], Any]) -> None:
        """Record a hole. `complete` is called with the result of the awaitable, and returns the value that fills the hole."""
        self.holes.append(Hole(awaitable, spot, place, complete))
