"""Plans for callers whom a guard lets pass don't contain the guard. Plans for other callers contain it, and it refuses them."""

import asyncio

import strawberry
from graphql import GraphQLSchema

from compiler.guards import unguarded
from tests.comparison.answers import answer_of, plans_of, result_of
from tests.comparison.dice import Dice
from tests.comparison.guards import Scoped, guard
from tests.comparison.resolvers import Context


@strawberry.type
class Thing:
    """A type with attributes and a resolver. The tests guard its fields."""

    name: str
    number: int | None

    @strawberry.field
    async def slowly(self) -> str:
        """Pauses, then returns a text."""
        await asyncio.sleep(0)
        return f"slowly {self.name}"


@strawberry.type
class Query:
    """The root type of the test schema."""

    @strawberry.field
    def thing(self) -> Thing | None:
        """Returns an object of the type Thing."""
        return Thing(name="row", number=1)


def built() -> GraphQLSchema:
    """Build a new test schema without guards, to whose fields a test adds guards."""
    schema: GraphQLSchema = strawberry.Schema(Query)._schema
    return schema


def test_unguarded_removes_outer_guards_up_to_the_first_that_refuses_the_variant() -> None:
    inner = Scoped(str, "field", "write")
    outer = Scoped(inner, "field", "read")

    assert unguarded(outer, frozenset({"read", "write"})) is str
    assert unguarded(outer, frozenset({"read"})) is inner
    assert unguarded(outer, frozenset({"write"})) is outer
    assert unguarded(None, frozenset()) is None


GUARDED = "{ thing { name number slowly } }"
ALL_FIELDS = {"name": "row", "number": 1, "slowly": "slowly row"}


async def test_guards_check_every_caller_regardless_of_earlier_callers() -> None:
    schema = built()
    for name, scope in (("name", "read"), ("number", "write"), ("slowly", "read")):
        guard(schema, "Thing", name, scope)
    plans = plans_of(schema, GUARDED)
    seen = {}

    for scopes in (frozenset({"read", "write"}), frozenset[str](), frozenset({"read"}), frozenset({"read", "write"}), frozenset[str]()):
        context = Context(Dice(1, 0), scopes)
        answer = await result_of(plans, context=context, variant=scopes)
        seen[scopes] = (answer.data, sorted(error.message for error in answer.errors or ()))
        await answer_of(schema, GUARDED, context=context, variant=scopes)

    assert seen == {
        frozenset({"read", "write"}): ({"thing": ALL_FIELDS}, []),
        frozenset(): ({"thing": None}, ["name needs read"]),
        frozenset({"read"}): ({"thing": {**ALL_FIELDS, "number": None}}, ["number needs write"]),
    }


async def test_a_guard_refuses_a_caller_without_the_scope() -> None:
    schema = built()
    guard(schema, "Thing", "number", "write")

    refused = await answer_of(schema, "{ thing { number } }", context=Context(Dice(1, 0)), variant=frozenset())

    assert refused.failed == {"thing.number": "number needs write"}
