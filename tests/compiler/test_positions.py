"""The compiler completes values as graphql-core does: scalars, enums, nulls, lists and errors, synchronous and awaited."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLError, GraphQLScalarType, GraphQLSchema, Undefined, build_schema

from tests.comparison.answers import answer_of
from tests.comparison.values import Color, Fault, Level, Text, Whole


def schema(type: str) -> GraphQLSchema:
    """Build a schema with a field `value` of this type, at the root and in an object."""
    built = build_schema(f"""
        enum Color {{ RED GREEN BLUE }}
        scalar Odd
        type Thing {{ value: {type}, other: Int }}
        type Query {{ value: {type}, thing: Thing, things: [Thing!] }}
    """)
    color, odd = built.type_map["Color"], built.type_map["Odd"]
    assert isinstance(color, GraphQLEnumType)
    assert isinstance(odd, GraphQLScalarType)
    for name, each in color.values.items():
        each.value = Color[name]
    odd.coerce_output_value = odd_value
    return built


def odd_value(value: Any) -> Any:
    """Serializes a value of the scalar Odd. Some texts become None, Undefined or a list; the text "raises" raises an exception."""
    if value == "raises":
        raise Fault("raised")
    return {"nothing": None, "undefined": Undefined, "list": [value, {"a": 1}]}.get(value, value)


NAN, INFINITY = float("nan"), float("inf")
WRITTEN: dict[str, list[tuple[Any, Any]]] = {
    "String": [("a", "a"), (1, "1"), (1.5, "1.5"), (True, "true"), (False, "false"), (Text("t"), "t"), (None, None), (Undefined, None)],
    "Int": [(1, 1), (2**31 - 1, 2**31 - 1), (-(2**31), -(2**31)), (True, 1), (2.0, 2), ("3", 3), (Whole(4), 4), (None, None), (Undefined, None)],
    "Float": [(1.5, 1.5), (1, 1.0), (True, 1), ("1.5", 1.5), (None, None)],
    "Boolean": [(True, True), (0, False), (2, True), (0.0, False), (None, None)],
    "ID": [("a", "a"), (7, "7"), (2**70, str(2**70)), (7.0, "7"), (None, None)],
    "Color": [(Color.RED, "RED"), (Color.BLUE, "BLUE"), (None, None), (Undefined, None)],
    "Odd": [("x", "x"), ("list", ["list", {"a": 1}]), (0, 0), (False, False), (None, None), (Undefined, None)],
    "[Int]": [(None, None), (Undefined, None), ([], []), ((), [])],
}
REFUSED: dict[str, list[Any]] = {
    "String": [[], {}, object(), b"x", NAN],
    "Int": [2**31, -(2**31) - 1, 1.5, NAN, INFINITY, "x", "", [], Whole(2**40)],
    "Float": [NAN, INFINITY, -INFINITY, "NaN", "x", "", [], 10**400],
    "Boolean": ["true", "", [], NAN],
    "ID": [1.5, True, [], b"x"],
    "Color": ["RED", "r", 3, Level.LOW, [], object()],
    "Odd": ["raises", "nothing", "undefined"],
    "[Int]": ["text", 5, object(), 1.5],
}


@pytest.mark.parametrize(("type", "value", "written"), [(type, *pair) for type, pairs in WRITTEN.items() for pair in pairs])
async def test_a_valid_value_is_serialized(type: str, value: Any, written: Any) -> None:
    answer = await answer_of(schema(type), "{ value thing { value } }", {"value": value, "thing": {"value": value}})

    assert repr(answer.data) == repr({"value": written, "thing": {"value": written}})
    assert not answer.errors


@pytest.mark.parametrize(("type", "value"), [(type, value) for type, values in REFUSED.items() for value in values])
async def test_an_invalid_value_is_an_error(type: str, value: Any) -> None:
    root = {"value": value, "thing": {"value": value, "other": 1}}

    nullable = await answer_of(schema(type), "{ value thing { value other } }", root)
    required = await answer_of(schema(f"{type}!"), "{ thing { value other } }", root)

    assert nullable.data == {"value": None, "thing": {"value": None, "other": 1}}
    assert nullable.failed.keys() == {"value", "thing.value"}
    assert required.data == {"thing": None}
    assert required.failed.keys() == {"thing.value"}


def a_generator() -> Iterator[int]:
    """A generator that yields two numbers, as the value of a list field."""
    yield from (1, 2)


async def an_async_generator() -> AsyncIterator[int]:
    """An async generator that pauses before each of two numbers, as the value of a list field."""
    for number in (1, 2):
        await asyncio.sleep(0)
        yield number


async def later(value: Any) -> Any:
    """Pauses, then returns the value. If the value is an exception, raises it."""
    await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


@pytest.mark.parametrize(
    "make",
    [
        lambda: [1, 2],
        lambda: (1, 2),
        lambda: deque((1, 2)),
        lambda: {1: None, 2: None}.keys(),
        lambda: range(1, 3),
        a_generator,
        an_async_generator,
        lambda: [later(1), 2],
        lambda: (1, later(2)),
        lambda: later([1, later(2)]),
    ],
)
async def test_any_iterable_is_completed_as_a_list(make: Any) -> None:
    answer = await answer_of(schema("[Int!]!"), "{ value thing { value } }", {"value": lambda info: make(), "thing": {"value": lambda info: make()}})

    assert answer.data == {"value": [1, 2], "thing": {"value": [1, 2]}}


BAD = ("x", None, Fault("as a value"))
LISTS: dict[tuple[str, str], Any] = {
    # What an executor must return for a list whose second item is bad. Keys: the list's type, and the path of the error. Values: the response's data.
    ("[Int]", "value.1"): {"value": [1, None, 3]},
    ("[Int!]", "value.1"): {"value": None},
    ("[Int]!", "value.1"): {"value": [1, None, 3]},
    ("[Int!]!", "value.1"): None,
}


@pytest.mark.parametrize("synchronous", [True, False], ids=["synchronous", "awaited"])
@pytest.mark.parametrize("bad", BAD, ids=repr)
@pytest.mark.parametrize(("type", "place"), LISTS)
async def test_a_null_propagates_to_the_nearest_nullable_ancestor(type: str, place: str, bad: Any, synchronous: bool) -> None:
    def value(info: Any) -> list[Any]:
        return [1, bad if synchronous else later(bad), 3]

    answer = await answer_of(schema(type), "{ value }", {"value": value})

    assert answer.data == LISTS[type, place]
    assert list(answer.failed) == ([] if bad is None and type.startswith("[Int]") else [place])


GRIDS: dict[str, Any] = {
    "[[Int]]": {"value": [[1], [2, None], [3]]},
    "[[Int!]]": {"value": [[1], None, [3]]},
    "[[Int!]!]": {"value": None},
    "[[Int!]!]!": None,
}


@pytest.mark.parametrize("synchronous", [True, False], ids=["synchronous", "awaited"])
@pytest.mark.parametrize("type", GRIDS)
async def test_a_null_propagates_through_lists_of_lists(type: str, synchronous: bool) -> None:
    def value(info: Any) -> list[Any]:
        return [[1], [2, "x" if synchronous else later("x")], [3]]

    answer = await answer_of(schema(type), "{ value }", {"value": value})

    assert answer.data == GRIDS[type]
    assert list(answer.failed) == ["value.1.1"]


async def test_a_failed_non_null_item_nulls_the_list() -> None:
    root = {"things": [{"value": 1}, {"value": "x"}, {"value": "y"}]}

    answer = await answer_of(schema("Int!"), "{ things { value } }", root)

    assert answer.data == {"things": None}
    assert list(answer.failed) == ["things.1.value"]


async def test_errors_of_items_are_reported_even_if_the_generator_fails_later() -> None:
    def value(info: Any) -> Iterator[Any]:
        yield "x"
        yield 2
        raise Fault("failed later")

    answer = await answer_of(schema("[Int]"), "{ value }", {"value": value})

    assert answer.data == {"value": None}
    assert answer.failed == {"value.0": "Int cannot represent non-integer value: 'x'", "value": "failed later"}


async def test_errors_of_items_are_reported_even_if_the_async_generator_fails_later() -> None:
    async def value(info: Any) -> AsyncIterator[Any]:
        yield "x"
        yield 2
        raise Fault("failed later")

    answer = await answer_of(schema("[Int]"), "{ value }", {"value": value})

    assert answer.failed.keys() == {"value.0", "value"}


async def test_an_endless_list_is_closed_at_the_first_null_in_a_list_of_non_null_items() -> None:
    closed = []

    async def value(info: Any) -> AsyncIterator[Any]:
        try:
            yield 1
            while True:
                yield None
        finally:
            closed.append(True)

    answer = await answer_of(schema("[Int!]"), "{ value }", {"value": value})

    assert answer.data == {"value": None}
    assert len(closed) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fault("failed"),
        lambda: later(Fault("failed")),
        lambda: GraphQLError("failed", extensions={"code": "X"}),
        lambda: later(GraphQLError("failed", extensions={"code": "X"})),
    ],
)
async def test_an_exception_is_an_error_whether_raised_or_returned(make: Any) -> None:
    def raising(info: Any) -> Any:
        made = make()
        if isinstance(made, Exception):
            raise made
        return made

    for value in (raising, lambda info: make()):
        answer = await answer_of(schema("Int"), "{ thing { value other } }", {"thing": {"value": value, "other": 1}})

        assert answer.data == {"thing": {"value": None, "other": 1}}
        assert answer.failed == {"thing.value": "failed"}


async def test_an_error_that_already_has_a_path_keeps_the_path() -> None:
    def value(info: Any) -> Any:
        raise GraphQLError("elsewhere", path=["else", 0])

    answer = await answer_of(schema("Int"), "{ value }", {"value": value})

    assert answer.failed == {"else.0": "elsewhere"}


async def test_errors_have_all_locations_in_the_document() -> None:
    answer = await answer_of(schema("Int"), "{ value\n  ...F\n  a: value } fragment F on Query { value }", {"value": "x"})

    places = {".".join(map(str, error.path or ())): [(each.line, each.column) for each in error.locations or ()] for error in answer.errors}
    assert places == {"value": [(1, 3), (3, 36)], "a": [(3, 3)]}


async def test_errors_keep_the_original_exception_with_its_traceback() -> None:
    fault = Fault("raised")

    def value(info: Any) -> Any:
        raise fault

    answer = await answer_of(schema("Int"), "{ value }", {"value": value})

    [error] = answer.errors
    assert error.original_error is fault
    frames, trace = [], fault.__traceback__
    while trace:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert frames[-1] == "value"


async def test_decimals_are_completed_as_by_graphql_core() -> None:
    for type in ("Int", "Float"):
        await answer_of(schema(type), "{ value }", {"value": Decimal("1.5")})
