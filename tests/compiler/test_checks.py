"""Tests of quick checks (see compiler/README.md), which complete common values without a position. A member of an enum is completed to its name."""

from datetime import UTC, datetime
from enum import Enum, Flag

import pytest
import strawberry
from graphql import GraphQLEnumType, GraphQLScalarType, GraphQLSchema

from compiler.checks import names_of
from tests.comparison.answers import answer_of, plans_of, result_of
from tests.comparison.executors import direct_serializers
from tests.comparison.values import NOON, Text


class Color(Enum):
    """An enum whose values differ from its members' names, so that a test sees which of the two was used."""

    RED = "r"
    BLUE = 3


class Access(Flag):
    """A flag, which quick checks must leave to the position: a combination of its members is not a member itself, so it has no name."""

    READ = 1
    WRITE = 2


strawberry.enum(Color)
strawberry.enum(Access)


@strawberry.type
class Dated:
    """A type with an instant."""

    at: datetime


@strawberry.type
class Query:
    """The root type of the test schema."""

    text: str
    color: Color
    access: Access
    dated: Dated


def built() -> GraphQLSchema:
    """Build the test schema."""
    schema: GraphQLSchema = strawberry.Schema(Query)._schema
    return schema


def enum(name: str) -> GraphQLEnumType:
    """The enum of the test schema with this name."""
    found = built().type_map[name]
    assert isinstance(found, GraphQLEnumType)
    return found


def test_names_of_maps_the_python_names_of_an_enums_members_to_their_graphql_names() -> None:
    assert names_of(enum("Color")) == (Color, {"RED": "RED", "BLUE": "BLUE"})


def test_an_enum_without_a_python_enum_or_with_flags_has_no_names() -> None:
    assert names_of(GraphQLEnumType("Plain", {"RED": "r"})) is None
    assert names_of(enum("Access")) is None


async def test_the_position_completes_a_value_of_a_subclass_of_a_common_class() -> None:
    root = Query(text=Text("text"), color=Color.RED, access=Access.READ, dated=Dated(at=NOON))

    answer = await answer_of(built(), "{ text color access }", root)

    assert answer.data == {"text": "text", "color": "RED", "access": "READ"}


def test_a_plan_checks_the_class_of_a_leaf_before_it_calls_the_position() -> None:
    plan = plans_of(built(), "{ text }").plan({})

    assert plan
    assert "if not (v0.__class__ is str):" in plan.source
    assert ".slow(v0, r, (p, 'text'))" in plan.source


@pytest.mark.parametrize(
    "at",
    [NOON, NOON.replace(microsecond=7), datetime(1, 1, 1, tzinfo=UTC), NOON.replace(tzinfo=None), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)],
)
async def test_a_plan_calls_a_serializer_directly_for_values_of_its_class(at: datetime) -> None:
    schema = built()
    plans = plans_of(schema, "{ dated { at } }", serializers=direct_serializers(schema))
    plan = plans.plan({})

    result = await result_of(plans, Query(text="", color=Color.RED, access=Access.READ, dated=Dated(at=at)))

    assert plan
    assert "    v0 = T" in plan.source
    assert result.data == {"dated": {"at": at.isoformat()}}


async def test_a_serializer_that_is_called_directly_fails_as_in_graphql_core() -> None:
    def refuse(at: datetime) -> str:
        raise ValueError(f"{at.year} is refused")

    schema = built()
    scalar = schema.type_map["DateTime"]
    assert isinstance(scalar, GraphQLScalarType)
    scalar.coerce_output_value = refuse
    root = Query(text="", color=Color.RED, access=Access.READ, dated=Dated(at=NOON))

    result = await result_of(plans_of(schema, "{ dated { at } }", serializers={refuse: datetime}), root)

    answer = await answer_of(schema, "{ dated { at } }", root)
    assert result.errors
    [error] = result.errors
    assert result.data == answer.data is None
    assert (error.message, error.path) == ("2026 is refused", ["dated", "at"])
    assert answer.failed == {"dated.at": "2026 is refused"}
