"""The schemas under test, with all that an execution of an operation of theirs begins with."""

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

SCALARS = {
    "DateTime": st.sampled_from(["2026-03-02T12:00:00Z", "2026-03-02T12:00:00.25+05:30"]).map(nodes.String),
    "Odd": st.sampled_from(["x", "list", "tree"]).map(nodes.String),
    "JSON": st.integers(-5, 5).map(nodes.Int),
}
SCOPES = [frozenset(given) for given in ((), ("read",), ("read", "sensitive"), ("read", "write", "sensitive"), ("write",))]
USUAL = (OperationType.QUERY, OperationType.QUERY, OperationType.QUERY, OperationType.MUTATION)


@dataclass(frozen=True)
class Start:
    """What one execution begins with, apart from the operation."""

    variables: dict[str, Any] | None
    seed: int
    rate: float

    @property
    def dice(self) -> Dice:
        """Fresh dice."""
        return Dice(self.seed, self.rate)


class Begun(NamedTuple):
    """The root, the context, and what plans are told apart by."""

    root: Any
    context: Any
    variant: Hashable


@dataclass(frozen=True, eq=False)
class Subject:
    """A schema, and how the executions of an operation begin: the first one by graphql-core, the second by whoever is compared with it."""

    name: str
    schema: GraphQLSchema
    begin: Callable[[OperationDefinitionNode, Start, bool], Begun]
    types: tuple[OperationType, ...] = USUAL
    scalars: dict[str, Any] = field(default_factory=lambda: SCALARS)
    # What inputs of a type are, by its name.
    known: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    # What answers read like without what is new in each.
    plainly: Callable[[str], str] = lambda text: text
    # The beginnings of messages that are told once, wherever that is.
    told_once: tuple[str, ...] = ()


def begin_nasty(operation: OperationDefinitionNode, start: Start, first: bool) -> Begun:
    """With an object; for a subscription, with an event."""
    root = event(operation, start.dice) if operation.operation is OperationType.SUBSCRIPTION else Being(start.dice, "root")
    return begun(root, start)


def begin_raw(operation: OperationDefinitionNode, start: Start, first: bool) -> Begun:
    """With what is read like a dictionary."""
    return begun(Entry(start.dice, "root", None), start)


def begun(root: Any, start: Start) -> Begun:
    """With a caller of some scopes."""
    scopes = start.dice.chosen(SCOPES, "scopes")
    return Begun(root, Context(start.dice, scopes), scopes)


def event(operation: OperationDefinitionNode, dice: Dice) -> Any:
    """An event of the subscription."""
    [first, *_] = operation.selection_set.selections
    assert isinstance(first, FieldNode)
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in first.name.value)
    try:
        return KINDS[name](dice, "event")
    except Exception as fault:
        return fault


def subjects() -> list[Subject]:
    """Those that need no database, fresh."""
    return [
        Subject("nasty", nasty.build(), begin_nasty, (*USUAL, OperationType.SUBSCRIPTION)),
        Subject("raw", raw.build(), begin_raw),
    ]
