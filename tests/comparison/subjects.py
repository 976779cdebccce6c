"""Subjects: the schemas that are compared, and the arguments with which their operations are executed.

For the terms, see tests/comparison/README.md.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphql import FieldNode, GraphQLSchema, OperationDefinitionNode, OperationType
from hypothesis import strategies as st
from hypothesis_graphql import nodes

from tests.comparison import nasty, raw
from tests.comparison.dice import Dice
from tests.comparison.objects import KINDS, Being
from tests.comparison.raw import Entry
from tests.comparison.resolvers import Context

# How hypothesis-graphql makes values of the custom scalars in the operations that it generates.
SCALARS = {
    "DateTime": st.sampled_from(["2026-03-02T12:00:00Z", "2026-03-02T12:00:00.25+05:30"]).map(nodes.String),
    "Odd": st.sampled_from(["x", "list", "tree"]).map(nodes.String),
    "JSON": st.integers(-5, 5).map(nodes.Int),
}
SCOPES = [frozenset(scopes) for scopes in ((), ("read",), ("read", "sensitive"), ("read", "write", "sensitive"), ("write",))]
# The types of operations. For each generated operation, one is chosen at random. QUERY occurs three times, so that most operations are queries.
USUAL = (OperationType.QUERY, OperationType.QUERY, OperationType.QUERY, OperationType.MUTATION)


@dataclass(frozen=True)
class Start:
    """What one execution needs besides the operation: the variables, and the seed and rate of the dice."""

    variables: dict[str, Any] | None
    seed: int
    rate: float

    @property
    def dice(self) -> Dice:
        """New dice with this seed and rate. They make the same choices each time."""
        return Dice(self.seed, self.rate)


class ExecuteArguments(NamedTuple):
    """The root, the context and the variant with which an operation is executed."""

    root: Any
    context: Any
    variant: Hashable


@dataclass(frozen=True, eq=False)
class Subject:
    """A schema that is compared, with everything that is needed to generate and execute its operations.

    `begin` makes the arguments of one execution. Its last parameter is True for graphql-core, and False for the executor that is compared with it.
    """

    name: str
    schema: GraphQLSchema
    begin: Callable[[OperationDefinitionNode, Start, bool], ExecuteArguments]
    types: tuple[OperationType, ...] = USUAL
    scalars: dict[str, Any] = field(default_factory=lambda: SCALARS)
    # Preferred input values of a type, by its name.
    samples: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    # Removes the parts of a result's text that are new in each result.
    normalize: Callable[[str], str] = lambda text: text
    # The beginnings of messages that a result reports only once, even if several fields cause them. The executors may choose different fields.
    reported_once: tuple[str, ...] = ()


def begin_nasty(operation: OperationDefinitionNode, start: Start, first: bool) -> ExecuteArguments:
    """Make the arguments of an execution of the nasty schema (tests/comparison/nasty.py). The root is an object, or (for a subscription) an event."""
    root = event(operation, start.dice) if operation.operation is OperationType.SUBSCRIPTION else Being(start.dice, "root")
    return execute_arguments(root, start)


def begin_raw(operation: OperationDefinitionNode, start: Start, first: bool) -> ExecuteArguments:
    """Make the arguments of an execution of the raw schema (tests/comparison/raw.py). The root is a mapping, as all objects of that schema are."""
    return execute_arguments(Entry(start.dice, "root", None), start)


def execute_arguments(root: Any, start: Start) -> ExecuteArguments:
    """Make the arguments of an execution with this root. The caller's scopes are random."""
    scopes = start.dice.chosen(SCOPES, "scopes")
    return ExecuteArguments(root, Context(start.dice, scopes), scopes)


def event(operation: OperationDefinitionNode, dice: Dice) -> Any:
    """A random event for the field of this subscription of the nasty schema."""
    [first, *_] = operation.selection_set.selections
    assert isinstance(first, FieldNode)
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in first.name.value)
    try:
        return KINDS[name](dice, "event")
    except Exception as fault:
        return fault


def subjects() -> list[Subject]:
    """Make the subjects that need no database: the nasty and the raw schema."""
    return [
        Subject("nasty", nasty.build(), begin_nasty, (*USUAL, OperationType.SUBSCRIPTION)),
        Subject("raw", raw.build(), begin_raw),
    ]
