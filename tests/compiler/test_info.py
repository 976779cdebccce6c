"""Tests the `info` argument of resolvers: the attributes that are computed on access, and the functions `gather` and `track`."""

import asyncio
from typing import Any

import pytest
import strawberry
from graphql import GraphQLSchema
from strawberry.types.info import Info

from compiler.info import LazyInfo, gather, track, tracked
from tests.comparison.answers import plans_of, result_of
from tests.comparison.awaitables import works
from tests.comparison.values import Fault


@strawberry.type
class Thing:
    """A type with an attribute and a resolver."""

    name: str

    @strawberry.field
    def described(self, info: Info, number: int = 1) -> str:
        """Append the resolver's `info` to the context, which is a list in these tests, so that the test can examine it."""
        info.context.append(info._raw_info)
        return self.name


@strawberry.type
class Query:
    """The root type of the test schema."""

    things: list[Thing]


SCHEMA: GraphQLSchema = strawberry.Schema(Query)._schema


async def test_the_info_of_a_directly_called_resolver_describes_its_field() -> None:
    infos: list[Any] = []

    await result_of(plans_of(SCHEMA, "query Q($x: Int = 3) { a: things { b: described(number: $x) } }"), Query(things=[Thing(name="one")]), infos)

    [info] = infos
    assert isinstance(info, LazyInfo)
    assert info.context is infos
    assert info.selected == {("Query", "things"), ("Thing", "described")}
    assert info.field_name == "described"
    assert info.path.as_list() == ["a", 0, "b"]
    assert [info.path.typename, info.path.prev.typename, info.path.prev.prev.typename] == ["Thing", None, "Query"]
    assert info.parent_type is SCHEMA.type_map["Thing"]
    assert info.variable_values.coerced == {"x": 3}


async def test_gather_cancels_the_other_values_if_one_fails() -> None:
    async def fails() -> None:
        raise Fault("failed")

    waiting = asyncio.ensure_future(asyncio.Event().wait())

    with pytest.raises(Fault):
        await gather([waiting, fails()])

    assert waiting.cancelled()


async def test_tracked_values_are_awaited_in_the_background() -> None:
    task = asyncio.ensure_future(works(None))

    track([task, "not awaitable"])
    assert len(tracked) == 1
    await asyncio.wait_for(asyncio.gather(*tracked), 30)
    await asyncio.sleep(0)

    assert task.result() == 1
    assert not tracked
