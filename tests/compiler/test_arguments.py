"""The compiler passes arguments to resolvers as graphql-core does: literals and variables, missing and null ones, with defaults and without."""

from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLError, GraphQLScalarType, GraphQLSchema, build_schema

from compiler import Compiler
from compiler.arguments import about_arguments
from tests.comparison.answers import answer_of, operation_of
from tests.comparison.executors import awaited
from tests.comparison.inputs import read_odd, write_odd
from tests.comparison.values import Color


def built() -> GraphQLSchema:
    """Build a schema whose fields have arguments of all kinds. The resolvers in ROOT echo their arguments."""
    schema = build_schema("""
        enum Color { RED GREEN BLUE }
        scalar Odd
        input Range { minimum: Int = 1, maximum: Int, steps: [Int!]! = [1, 2], color: Color = GREEN, range: Range, odd: Odd }
        input Either @oneOf { number: Int, text: String }
        type Query {
          plain(a: Int, b: String, c: Boolean, d: Float, e: ID): String
          defaulted(a: Int = 3, b: Int! = 4, c: Color = RED, d: [Int] = [1, null]): String
          needed(a: Int!): String
          lists(a: [Int], b: [Int!]!, c: [[Int]]): String
          input(range: Range, ranges: [Range!] = [{ minimum: 5 }]): String
          either(either: Either!): String
          color(color: Color, colors: [Color!]): String
          odd(odd: Odd): String
        }
    """)
    color, odd = schema.type_map["Color"], schema.type_map["Odd"]
    assert isinstance(color, GraphQLEnumType)
    assert isinstance(odd, GraphQLScalarType)
    for name, each in color.values.items():
        each.value = Color[name]
    odd.coerce_input_value, odd.coerce_output_value = read_odd, write_odd
    return schema


SCHEMA = built()
assert SCHEMA.query_type
ROOT = dict.fromkeys(SCHEMA.query_type.fields, lambda info, **arguments: repr(arguments))

Case = tuple[str, dict[str, Any] | None, str]
CASES: dict[str, Case] = {
    "literals": ('{ plain(a: 1, b: "x", c: true, d: 2, e: 7) }', None, "{'a': 1, 'b': 'x', 'c': True, 'd': 2.0, 'e': '7'}"),
    "literals in another order": ('{ plain(e: "7", a: 1) }', None, "{'a': 1, 'e': '7'}"),
    "null literals": ("{ plain(a: null, e: null) }", None, "{'a': None, 'e': None}"),
    "no arguments": ("{ plain }", None, "{}"),
    "defaults": ("{ defaulted }", None, f"{{'a': 3, 'b': 4, 'c': {Color.RED!r}, 'd': [1, None]}}"),
    "null for a default": ("{ defaulted(a: null, d: null) }", None, f"{{'a': None, 'b': 4, 'c': {Color.RED!r}, 'd': None}}"),
    "a variable": ("query($a: Int) { plain(a: $a) }", {"a": 1}, "{'a': 1}"),
    "a variable that is null": ("query($a: Int) { plain(a: $a) }", {"a": None}, "{'a': None}"),
    "a variable that is missing": ('query($a: Int) { plain(a: $a, b: "x") }', {}, "{'b': 'x'}"),
    "no variables at all": ("query($a: Int) { plain(a: $a) }", None, "{}"),
    "a variable with a default": ("query($a: Int = 5) { plain(a: $a) }", {}, "{'a': 5}"),
    "null for a variable's default": ("query($a: Int = 5) { plain(a: $a) }", {"a": None}, "{'a': None}"),
    "a default that is null": ("query($a: Int = null) { plain(a: $a) }", {}, "{'a': None}"),
    "an argument's default for a variable that is missing": (
        "query($a: Int) { defaulted(a: $a) }",
        {},
        f"{{'a': 3, 'b': 4, 'c': {Color.RED!r}, 'd': [1, None]}}",
    ),
    "a variable's default before the argument's": (
        "query($a: Int = 9) { defaulted(a: $a) }",
        {},
        f"{{'a': 9, 'b': 4, 'c': {Color.RED!r}, 'd': [1, None]}}",
    ),
    "a nullable variable for a non-null argument": (
        "query($b: Int) { defaulted(b: $b) }",
        {},
        f"{{'a': 3, 'b': 4, 'c': {Color.RED!r}, 'd': [1, None]}}",
    ),
    "an undeclared variable": ("query($a: Int) { plain(a: $a) }", {"a": 1, "z": 2}, "{'a': 1}"),
    "an integer for a Float": ("query($d: Float) { plain(d: $d) }", {"d": 2}, "{'d': 2.0}"),
    "an integral float for an Int": ("query($a: Int) { plain(a: $a) }", {"a": 2.0}, "{'a': 2}"),
    "a number for an ID": ("query($e: ID) { plain(e: $e) }", {"e": 7}, "{'e': '7'}"),
    "lists": ("{ lists(a: [1, null], b: [2], c: [[1], null, []]) }", None, "{'a': [1, None], 'b': [2], 'c': [[1], None, []]}"),
    "a single value for a list": ("{ lists(a: 1, b: 2, c: [3, [4]]) }", None, "{'a': [1], 'b': [2], 'c': [[3], [4]]}"),
    "a single value for a list, in a variable": ("query($b: [Int!]!) { lists(b: $b) }", {"b": 2}, "{'b': [2]}"),
    "variables in a list": ("query($x: Int, $y: Int) { lists(a: [$x, 1, $y], b: []) }", {"x": 7}, "{'a': [7, 1, None], 'b': []}"),
    "an input": (
        "{ input(range: { maximum: 3, minimum: null }, ranges: []) }",
        None,
        f"{{'range': {{'minimum': None, 'maximum': 3, 'steps': [1, 2], 'color': {Color.GREEN!r}}}, 'ranges': []}}",
    ),
    "variables in an input": (
        "query($m: Int, $l: Int, $c: Color) { input(range: { maximum: $m, minimum: $l, color: $c }, ranges: []) }",
        {"c": "BLUE"},
        f"{{'range': {{'minimum': 1, 'steps': [1, 2], 'color': {Color.BLUE!r}}}, 'ranges': []}}",
    ),
    "an input in a variable": (
        "query($r: Range) { input(range: $r, ranges: null) }",
        {"r": {"range": {}, "odd": [1]}},
        f"{{'range': {{'minimum': 1, 'steps': [1, 2], 'color': {Color.GREEN!r}, 'range': {{'minimum': 1, 'steps': [1, 2],"
        f" 'color': {Color.GREEN!r}}}, 'odd': 'odd [1]'}}, 'ranges': None}}",
    ),
    "a oneOf input": ("{ either(either: { number: 1 }) }", None, "{'either': {'number': 1}}"),
    "a oneOf input in a variable": ("query($e: Either!) { either(either: $e) }", {"e": {"text": "x"}}, "{'either': {'text': 'x'}}"),
    "enums": ("{ color(color: BLUE, colors: [RED]) }", None, f"{{'color': {Color.BLUE!r}, 'colors': [{Color.RED!r}]}}"),
    "an enum in a variable": ("query($c: Color) { color(color: $c) }", {"c": "GREEN"}, f"{{'color': {Color.GREEN!r}}}"),
    "a scalar": ("{ odd(odd: { a: [1] }) }", None, "{'odd': \"odd {'a': [1]}\"}"),
    "a scalar with a variable in it": ("query($v: Int) { odd(odd: { a: [$v] }) }", {"v": 3}, "{'odd': \"odd {'a': [3]}\"}"),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_resolver_receives_its_arguments(case: str) -> None:
    text, variables, echo = CASES[case]

    answer = await answer_of(SCHEMA, text, ROOT, variables=variables)

    assert list(answer.data.values()) == [echo]
    assert not answer.errors


WRONG: dict[str, Case] = {
    "a required variable is missing": ("query($a: Int!) { needed(a: $a) }", {}, "Expected a value of non-null type 'Int!'"),
    "a required variable is null": ("query($a: Int!) { needed(a: $a) }", {"a": None}, "Expected value of non-null type"),
    "a number is too big": ("query($a: Int) { plain(a: $a) }", {"a": 2**31}, "cannot represent non 32-bit"),
    "a float for an Int": ("query($a: Int) { plain(a: $a) }", {"a": 1.5}, "cannot represent non-integer"),
    "a boolean for a number": ("query($a: Int) { plain(a: $a) }", {"a": True}, "cannot represent non-integer"),
    "text for a number": ("query($a: Int) { plain(a: $a) }", {"a": "1"}, "cannot represent non-integer"),
    "a number for text": ("query($b: String) { plain(b: $b) }", {"b": 1}, "cannot represent a non string"),
    "a number for a boolean": ("query($c: Boolean) { plain(c: $c) }", {"c": 1}, "cannot represent a non boolean"),
    "NaN": ("query($d: Float) { plain(d: $d) }", {"d": float("nan")}, "cannot represent non numeric"),
    "infinity": ("query($d: Float) { plain(d: $d) }", {"d": float("inf")}, "cannot represent non numeric"),
    "a boolean for an ID": ("query($e: ID) { plain(e: $e) }", {"e": True}, "ID cannot represent"),
    "null in a list of non-null items": ("query($b: [Int!]!) { lists(b: $b) }", {"b": [1, None]}, "Expected value of non-null type"),
    "an undefined field of an input": ("query($r: Range) { input(range: $r) }", {"r": {"maximun": 1}}, "'maximun'"),
    "an unknown member of an enum": ("query($c: Color) { color(color: $c) }", {"c": "REDD"}, "does not exist in 'Color' enum"),
    "a member's value": ("query($c: Color) { color(color: $c) }", {"c": "r"}, "does not exist in 'Color' enum"),
    "a scalar that refuses": ("query($o: Odd) { odd(odd: $o) }", {"o": "refused"}, "odd in a way that is refused"),
    "a scalar that fails": ("query($o: Odd) { odd(odd: $o) }", {"o": "fails"}, "odd in a way that fails"),
    "two fields of a oneOf input": ("query($e: Either!) { either(either: $e) }", {"e": {"text": "x", "number": 1}}, "exactly one field"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_an_invalid_variable_is_an_error_of_the_request(case: str) -> None:
    text, variables, message = WRONG[case]

    answer = await answer_of(SCHEMA, text, ROOT, variables=variables)

    assert answer.data is None
    assert message in answer.errors[0].message
    assert answer.errors[0].path is None


# Operations with variables whose value is not allowed. The keys say where a variable is used. Each value has the operation, the variables, and the
# message of the error. Validation accepts these operations.
NOT_ALLOWED: dict[str, Case] = {
    "an argument": (
        "query($b: Int) { other: defaulted(b: $b) plain }",
        {"b": None},
        "Argument 'b' has invalid value: Expected variable '$b' provided to non-null type 'Int!' not to be None.",
    ),
    "a required argument": (
        "query($a: Int = 1) { other: needed(a: $a) plain }",
        {"a": None},
        "Argument 'a' has invalid value: Expected variable '$a' provided to non-null type 'Int!' not to be None.",
    ),
    "an input field": (
        "query($s: [Int!]) { other: input(range: { steps: $s }) plain }",
        {"s": None},
        "Argument 'range' has invalid value at .steps: Expected variable '$s' provided to non-null type '[Int!]!' not to be None.",
    ),
    "an input field at a depth": (
        "query($s: Int = 1) { other: input(range: { range: { steps: [1, $s] } }) plain }",
        {"s": None},
        "Argument 'range' has invalid value at .range.steps[1]: Expected variable '$s' provided to non-null type 'Int!' not to be None.",
    ),
    "an item of a list": (
        "query($i: Int = 1) { other: lists(b: [$i]) plain }",
        {"i": None},
        "Argument 'b' has invalid value at [0]: Expected variable '$i' provided to non-null type 'Int!' not to be None.",
    ),
}


@pytest.mark.parametrize("case", NOT_ALLOWED)
async def test_a_value_that_an_argument_must_not_have_is_an_error_about_the_argument(case: str) -> None:
    text, variables, message = NOT_ALLOWED[case]

    answer = await answer_of(SCHEMA, text, ROOT, variables=variables)

    [error] = answer.errors
    assert (error.message, error.path) == (message, ["other"])
    assert about_arguments(error)
    assert answer.data == {"other": None, "plain": "{}"}


@pytest.mark.parametrize("text", ["{ lists(a: [1], b: [2], c: [[3]]) }", "query($b: [Int!]! = [2]) { lists(a: [1], b: $b, c: [[3]]) }"])
async def test_a_resolver_that_changes_its_arguments_does_not_change_those_of_later_calls(text: str) -> None:
    def lists(info: Any, a: list[int], b: list[int], c: list[list[int]]) -> str:
        echo = repr((a, b, c))
        for each in (a, c[0]):
            each.append(0)
        return echo

    answer = await answer_of(SCHEMA, text, {"lists": lists})

    assert answer.data == {"lists": "([1], [2], [[3]])"}


async def test_a_condition_that_is_null_is_an_error_about_an_argument() -> None:
    document, operation = operation_of("query($c: Boolean = true) { plain @include(if: $c) }")
    plans = Compiler(SCHEMA).plans(document, operation)

    result = await awaited(plans.execute(ROOT, None, {"c": None}))

    assert result.data is None
    assert [about_arguments(error) for error in result.errors or ()] == [True]


async def test_errors_of_resolvers_and_of_their_results_are_not_about_arguments() -> None:
    def failing(info: Any, **arguments: Any) -> Any:
        raise GraphQLError("Argument 'a' has invalid value: it is a lie.")

    root = {"plain": failing, "needed": lambda info, a: [], "color": lambda info: 1 / 0}

    answer = await answer_of(SCHEMA, "{ plain needed(a: 1) color }", root)

    assert [about_arguments(error) for error in answer.errors] == [False, False, False]
