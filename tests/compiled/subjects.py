"""The schemas under test, with all that an execution of an operation of theirs begins with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, GraphQLSchema, OperationDefinitionNode, OperationType
from hypothesis import strategies as st
from hypothesis_graphql import nodes

from tests.compiled import nasty, raw
from tests.compiled.asked import Context
from tests.compiled.beings import KINDS, Being
from tests.compiled.dice import Dice
from tests.compiled.raw import Entry

SCALARS = {
    "DateTime": st.sampled_from(["2026-03-02T12:00:00Z", "2026-03-02T12:00:00.25+05:30"]).map(nodes.String),
    "Odd": st.sampled_from(["x", "list", "tree"]).map(nodes.String),
    "JSON": st.integers(-5, 5).map(nodes.Int),
}
SCOPES = [frozenset(given) for given in ((), ("read",), ("read", "sensitive"), ("read", "write", "sensitive"), ("write",))]


@dataclass(frozen=True)
class Subject:
    """A schema, and how an execution begins: with a root for an operation, by dice."""

    name: str
    schema: GraphQLSchema
    root: Callable[[OperationDefinitionNode, Dice], Any]
    types: tuple[OperationType, ...]
    scalars: dict[str, Any] = field(default_factory=lambda: SCALARS)


def nasty_root(operation: OperationDefinitionNode, dice: Dice) -> Any:
    """An object; for a subscription, an event."""
    if operation.operation is not OperationType.SUBSCRIPTION:
        return Being(dice, "root")
    [first, *_] = operation.selection_set.selections
    assert isinstance(first, FieldNode)
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in first.name.value)
    try:
        return KINDS[name](dice, "event")
    except Exception as fault:
        return fault


def raw_root(operation: OperationDefinitionNode, dice: Dice) -> Any:
    """A dictionary, or what is read like one."""
    return Entry(dice, "root", None)


def subjects() -> list[Subject]:
    """All of them, fresh."""
    usual = (OperationType.QUERY, OperationType.QUERY, OperationType.QUERY, OperationType.MUTATION, OperationType.SUBSCRIPTION)
    return [
        Subject("nasty", nasty.build(), nasty_root, usual),
        Subject("raw", raw.build(), raw_root, (OperationType.QUERY, OperationType.QUERY, OperationType.MUTATION)),
    ]


def context(dice: Dice, scopes: frozenset[str]) -> Context:
    """A fresh one."""
    return Context(dice, scopes)
