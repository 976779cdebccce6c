"""Tests the state of one execution: places, how many levels become null if a value fails, and the limit of items."""

import pytest
from graphql import GraphQLObjectType, GraphQLString

from compiler import Compiler, Limit
from compiler.run import Spot, keys_of
from tests.comparison.answers import operation_of, result_of
from tests.comparison.awaitables import SCHEMA
from tests.comparison.values import Fault

TYPE = GraphQLObjectType("Thing", {})


def spot(required: bool, above: Spot | None = None) -> Spot:
    """A spot (see compiler/README.md) for a field that is non-null if `required`. `above`: the spot of the parent."""
    return Spot(GraphQLString, required, TYPE, "field", [], above)


def test_the_keys_of_a_place_begin_at_the_root() -> None:
    assert keys_of((((None, "things"), 1), "name")) == ["things", 1, "name"]
    assert keys_of(None) == []


def test_an_error_nulls_the_nearest_nullable_ancestor() -> None:
    nullable = spot(False)

    assert nullable.levels == 0
    assert spot(True, nullable).levels == 1
    assert spot(True, spot(True, nullable)).levels == 2
    assert spot(False, spot(True, nullable)).levels == 0


def test_without_a_nullable_ancestor_an_error_nulls_the_data() -> None:
    assert spot(True).levels is None
    assert spot(True, spot(True)).levels is None


def test_an_error_has_the_path_of_its_place() -> None:
    error = spot(False).located(Fault("failed"), ((None, "things"), 1))

    assert (error.message, error.path) == ("failed", ["things", 1])
    assert isinstance(error.original_error, Fault)


@pytest.mark.parametrize(("items", "messages"), [(3, []), (4, ["more than 3 items"])])
async def test_all_lists_of_a_response_share_one_limit(items: int, messages: list[str]) -> None:
    compiler = Compiler(SCHEMA, limit=Limit(3, lambda: Fault("more than 3 items")))
    plans = compiler.plans(*operation_of("{ thing { a: all { fast } b: all { fast } } }"))
    lists = iter([[{"fast": 1}] * 2, [{"fast": 2}] * (items - 2)])

    result = await result_of(plans, {"thing": {"all": lambda info: next(lists)}})

    assert [error.message for error in result.errors or ()] == messages
