"""The response contains exactly the fields that an operation selects, with aliases, merged fields, fragments, types and conditions."""

from typing import Any

import pytest
from graphql import build_schema

from tests.comparison.answers import answer_of

SCHEMA = build_schema("""
    interface Named { name: String, friend: Named }
    interface Living implements Named { name: String, friend: Named, age: Int }
    type Cat implements Named & Living { name: String, friend: Named, age: Int, lives: Int, echo(a: Int = 1, b: String): String }
    type Dog implements Named & Living { name: String, friend: Named, age: Int, barks: Boolean }
    type Robot implements Named { name: String, friend: Named }
    union Pet = Cat | Dog
    type Query { cat: Cat, named: Named, pet: Pet, all: [Named], one: Int, two: Int }
""")
TOM = {"__typename": "Cat", "name": "Tom", "age": 3, "lives": 9, "echo": lambda info, **arguments: repr(arguments)}
REX = {"__typename": "Dog", "name": "Rex", "age": 5, "barks": True, "friend": TOM}
ROBOT = {"__typename": "Robot", "name": "R2"}
ROOT = {"cat": {**TOM, "friend": REX}, "named": REX, "pet": TOM, "all": [TOM, ROBOT, REX], "one": 1, "two": 2}
CASES: dict[str, tuple[str, Any]] = {
    "an alias": ("{ other: one }", {"other": 1}),
    "one field under two aliases": ("{ a: one, b: one, one }", {"a": 1, "b": 1, "one": 1}),
    "aliases that exchange the names of two fields": ("{ one: two, two: one }", {"one": 2, "two": 1}),
    "the order of the document": ("{ two one }", {"two": 2, "one": 1}),
    "the order of first mention": ("{ cat { name } one cat { age } }", {"cat": {"name": "Tom", "age": 3}, "one": 1}),
    "merged fields": ("{ cat { name } cat { name age } }", {"cat": {"name": "Tom", "age": 3}}),
    "merged fields at depth": (
        "{ cat { friend { name } } cat { friend { ... on Dog { barks } } } }",
        {"cat": {"friend": {"name": "Rex", "barks": True}}},
    ),
    "two aliases of a field, one of them merged": (
        "{ a: cat { name } b: cat { age } a: cat { lives } }",
        {"a": {"name": "Tom", "lives": 9}, "b": {"age": 3}},
    ),
    "different arguments under two aliases": (
        '{ cat { a: echo(a: 2) b: echo(a: 3, b: "x") echo } }',
        {"cat": {"a": "{'a': 2}", "b": "{'a': 3, 'b': 'x'}", "echo": "{'a': 1}"}},
    ),
    "a fragment": ("{ cat { ...F } } fragment F on Cat { name }", {"cat": {"name": "Tom"}}),
    "a fragment, used twice": (
        "{ cat { ...F friend { ...G } ...F } } fragment F on Cat { name } fragment G on Named { name }",
        {"cat": {"name": "Tom", "friend": {"name": "Rex"}}},
    ),
    "fragments in fragments": (
        "{ cat { ...F } } fragment F on Cat { ...G age } fragment G on Named { friend { ...H } } fragment H on Named { name }",
        {"cat": {"friend": {"name": "Rex"}, "age": 3}},
    ),
    "an inline fragment without a type": ("{ ... { one } ... @include(if: true) { two } }", {"one": 1, "two": 2}),
    "a fragment on another type": ("{ named { name ... on Cat { lives } } }", {"named": {"name": "Rex"}}),
    "a fragment on an interface of the type": ("{ pet { ... on Living { age } ... on Named { name } } }", {"pet": {"age": 3, "name": "Tom"}}),
    "a fragment on a union": ("{ named { ... on Pet { __typename ... on Dog { barks } } } }", {"named": {"__typename": "Dog", "barks": True}}),
    "items of several types": (
        "{ all { __typename ... on Cat { lives } ... on Dog { barks } ... on Living { age } name } }",
        {
            "all": [
                {"__typename": "Cat", "lives": 9, "age": 3, "name": "Tom"},
                {"__typename": "Robot", "name": "R2"},
                {"__typename": "Dog", "barks": True, "age": 5, "name": "Rex"},
            ]
        },
    ),
    "an object without selected fields": ("{ named { ... on Cat { name } } }", {"named": {}}),
    "__typename everywhere": (
        "{ __typename t: __typename cat { __typename friend { u: __typename } } pet { __typename } }",
        {"__typename": "Query", "t": "Query", "cat": {"__typename": "Cat", "friend": {"u": "Dog"}}, "pet": {"__typename": "Cat"}},
    ),
    "skipped fields": ("{ one @skip(if: true) two @skip(if: false) }", {"two": 2}),
    "included fields": ("{ one @include(if: true) two @include(if: false) }", {"one": 1}),
    "skipped and included": ("{ one @skip(if: false) @include(if: true) two @skip(if: true) @include(if: true) }", {"one": 1}),
    "all skipped": ("{ one @skip(if: true) }", {}),
    "a field that is skipped once and selected once": ("{ one @skip(if: true) two one }", {"two": 2, "one": 1}),
    "a fragment that is skipped once": ("{ cat { ...F @skip(if: true) age ...F } } fragment F on Cat { name }", {"cat": {"age": 3, "name": "Tom"}}),
    "an object, half of it skipped": ("{ cat @skip(if: true) { name } cat { age } }", {"cat": {"age": 3}}),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_result_has_exactly_the_selected_fields(case: str) -> None:
    text, data = CASES[case]

    answer = await answer_of(SCHEMA, text, ROOT)

    assert (answer.data, answer.failed) == (data, {})
    assert repr(answer.data) == repr(data)


CONDITIONAL = """
    query($a: Boolean!, $b: Boolean = true, $c: Boolean! = false) {
      one @include(if: $a)
      two @skip(if: $b)
      cat { ...F @include(if: $b) age @skip(if: $c) @include(if: $a) }
    }
    fragment F on Cat { name }
"""


@pytest.mark.parametrize(
    ("variables", "data"),
    [
        ({"a": True}, {"one": 1, "cat": {"name": "Tom", "age": 3}}),
        ({"a": False}, {"cat": {"name": "Tom"}}),
        ({"a": True, "b": False, "c": True}, {"one": 1, "two": 2, "cat": {}}),
        ({"a": False, "b": False, "c": False}, {"two": 2, "cat": {}}),
    ],
)
async def test_variables_decide_which_fields_are_included(variables: dict[str, Any], data: Any) -> None:
    answer = await answer_of(SCHEMA, CONDITIONAL, ROOT, variables=variables)

    assert repr(answer.data) == repr(data)


async def test_a_condition_that_is_null_is_an_error() -> None:
    answer = await answer_of(SCHEMA, CONDITIONAL, ROOT, variables={"a": True, "b": None})

    assert answer.data is None
    assert "'if' has invalid value" in answer.errors[0].message


@pytest.mark.parametrize(("name", "data"), [("A", {"one": 1}), ("B", {"two": 2})])
async def test_the_named_operation_of_a_document_is_executed(name: str, data: Any) -> None:
    text = "query A { one } query B($x: Boolean = true) { two @include(if: $x) }"

    answer = await answer_of(SCHEMA, text, ROOT, name=name)

    assert answer.data == data
