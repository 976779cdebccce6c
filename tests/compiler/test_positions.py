"""What a value becomes: leaf types, enums, scalars, nulls and lists, at once and later."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLError, GraphQLScalarType, GraphQLSchema, Undefined, build_schema

from tests.comparison.answers import asked
from tests.comparison.values import Color, Fault, Level, Text, Whole


def schema(type: str) -> GraphQLSchema:
    """A schema with a field of a type."""
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
    """What the scalar Odd writes."""
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
async def test_what_can_be_written_is(type: str, value: Any, written: Any) -> None:
    answer = await asked(schema(type), "{ value thing { value } }", {"value": value, "thing": {"value": value}})

    assert repr(answer.data) == repr({"value": written, "thing": {"value": written}})
    assert not answer.errors


@pytest.mark.parametrize(("type", "value"), [(type, value) for type, values in REFUSED.items() for value in values])
async def test_what_can_not_be_written_is_an_error(type: str, value: Any) -> None:
    root = {"value": value, "thing": {"value": value, "other": 1}}

    nullable = await asked(schema(type), "{ value thing { value other } }", root)
    required = await asked(schema(f"{type}!"), "{ thing { value other } }", root)

    assert nullable.data == {"value": None, "thing": {"value": None, "other": 1}}
    assert nullable.failed.keys() == {"value", "thing.value"}
    assert required.data == {"thing": None}
    assert required.failed.keys() == {"thing.value"}


def a_generator() -> Iterator[int]:
    """Two numbers."""
    yield from (1, 2)


async def an_async_generator() -> AsyncIterator[int]:
    """Two numbers, later."""
    for number in (1, 2):
        await asyncio.sleep(0)
        yield number


async def later(value: Any) -> Any:
    """A value that has to be waited for; one that is an exception is raised."""
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
async def test_lists_come_in_many_ways(make: Any) -> None:
    answer = await asked(schema("[Int!]!"), "{ value thing { value } }", {"value": lambda info: make(), "thing": {"value": lambda info: make()}})

    assert answer.data == {"value": [1, 2], "thing": {"value": [1, 2]}}


BAD = ("x", None, Fault("as a value"))
LISTS: dict[tuple[str, str], Any] = {
    # What becomes of one bad item, and how far the null goes: with its place.
    ("[Int]", "value.1"): {"value": [1, None, 3]},
    ("[Int!]", "value.1"): {"value": None},
    ("[Int]!", "value.1"): {"value": [1, None, 3]},
    ("[Int!]!", "value.1"): None,
}


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "later"])
@pytest.mark.parametrize("bad", BAD, ids=repr)
@pytest.mark.parametrize(("type", "place"), LISTS)
async def test_a_null_goes_up_as_far_as_it_has_to(type: str, place: str, bad: Any, at_once: bool) -> None:
    def value(info: Any) -> list[Any]:
        return [1, bad if at_once else later(bad), 3]

    answer = await asked(schema(type), "{ value }", {"value": value})

    assert answer.data == LISTS[type, place]
    assert list(answer.failed) == ([] if bad is None and type.startswith("[Int]") else [place])


GRIDS: dict[str, Any] = {
    "[[Int]]": {"value": [[1], [2, None], [3]]},
    "[[Int!]]": {"value": [[1], None, [3]]},
    "[[Int!]!]": {"value": None},
    "[[Int!]!]!": None,
}


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "later"])
@pytest.mark.parametrize("type", GRIDS)
async def test_a_null_goes_up_through_lists_of_lists(type: str, at_once: bool) -> None:
    def value(info: Any) -> list[Any]:
        return [[1], [2, "x" if at_once else later("x")], [3]]

    answer = await asked(schema(type), "{ value }", {"value": value})

    assert answer.data == GRIDS[type]
    assert list(answer.failed) == ["value.1.1"]


async def test_items_of_a_list_go_with_the_one_that_fails() -> None:
    root = {"things": [{"value": 1}, {"value": "x"}, {"value": "y"}]}

    answer = await asked(schema("Int!"), "{ things { value } }", root)

    assert answer.data == {"things": None}
    assert list(answer.failed) == ["things.1.value"]


async def test_errors_of_items_stay_where_a_generator_breaks_off_behind_them() -> None:
    def value(info: Any) -> Iterator[Any]:
        yield "x"
        yield 2
        raise Fault("broke off")

    answer = await asked(schema("[Int]"), "{ value }", {"value": value})

    assert answer.data == {"value": None}
    assert answer.failed == {"value.0": "Int cannot represent non-integer value: 'x'", "value": "broke off"}


async def test_errors_of_items_stay_where_an_async_generator_breaks_off_behind_them() -> None:
    async def value(info: Any) -> AsyncIterator[Any]:
        yield "x"
        yield 2
        raise Fault("broke off")

    answer = await asked(schema("[Int]"), "{ value }", {"value": value})

    assert answer.failed.keys() == {"value.0", "value"}


async def test_a_list_without_end_ends_with_a_null_where_none_may_be() -> None:
    closed = []

    async def value(info: Any) -> AsyncIterator[Any]:
        try:
            yield 1
            while True:
                yield None
        finally:
            closed.append(True)

    answer = await asked(schema("[Int!]"), "{ value }", {"value": value})

    assert answer.data == {"value": None}
    assert len(closed) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fault("said"),
        lambda: later(Fault("said")),
        lambda: GraphQLError("said", extensions={"code": "X"}),
        lambda: later(GraphQLError("said", extensions={"code": "X"})),
    ],
)
async def test_an_exception_is_an_error_whichever_way_it_comes(make: Any) -> None:
    def raising(info: Any) -> Any:
        made = make()
        if isinstance(made, Exception):
            raise made
        return made

    for value in (raising, lambda info: make()):
        answer = await asked(schema("Int"), "{ thing { value other } }", {"thing": {"value": value, "other": 1}})

        assert answer.data == {"thing": {"value": None, "other": 1}}
        assert answer.failed == {"thing.value": "said"}


async def test_an_error_that_names_its_place_keeps_it() -> None:
    def value(info: Any) -> Any:
        raise GraphQLError("elsewhere", path=["else", 0])

    answer = await asked(schema("Int"), "{ value }", {"value": value})

    assert answer.failed == {"else.0": "elsewhere"}


async def test_errors_say_each_place_in_the_document() -> None:
    answer = await asked(schema("Int"), "{ value\n  ...F\n  a: value } fragment F on Query { value }", {"value": "x"})

    places = {".".join(map(str, error.path or ())): [(each.line, each.column) for each in error.locations or ()] for error in answer.errors}
    assert places == {"value": [(1, 3), (3, 36)], "a": [(3, 3)]}


async def test_errors_keep_what_was_raised_with_its_traceback() -> None:
    fault = Fault("raised")

    def value(info: Any) -> Any:
        raise fault

    answer = await asked(schema("Int"), "{ value }", {"value": value})

    [error] = answer.errors
    assert error.original_error is fault
    frames, trace = [], fault.__traceback__
    while trace:
        frames.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert frames[-1] == "value"


async def test_decimals_are_no_numbers_of_graphql() -> None:
    for type in ("Int", "Float"):
        await asked(schema(type), "{ value }", {"value": Decimal("1.5")})
