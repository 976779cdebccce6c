"""Values of variables are used unchanged if all variables have plain types (standard scalars). Otherwise graphql-core coerces all of them."""

from typing import Any

import pytest
from graphql import build_schema

from compiler.run import CompiledOperation
from compiler.variables import Variables
from tests.comparison.answers import operation_of

SCHEMA = build_schema("""
    enum Color { RED }
    type Query { plain(a: Int, b: String, c: Boolean, d: Float, e: ID): Int, other(a: [Int], b: Color): Int }
""")


def variables(declared: str) -> Variables:
    """Make the object `Variables` for an operation that declares these variables."""
    _, operation = operation_of(f"query({declared}) {{ plain }}")
    return Variables(CompiledOperation(SCHEMA, operation, {}, False))


PLAIN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("$a: Int!", {"a": 2**31 - 1}, {"a": 2**31 - 1}),
    ("$a: String, $b: ID, $c: Boolean, $d: Float", {"a": "x", "b": "7", "c": False, "d": 1.5}, {"a": "x", "b": "7", "c": False, "d": 1.5}),
    ("$a: Int", {}, {}),
    ("$a: Int", {"a": None}, {"a": None}),
    ("$a: Int = 3, $b: Int! = 4", {}, {"a": 3, "b": 4}),
    ("$a: Int = 3", {"a": None}, {"a": None}),
    ("$a: Int", {"a": 1, "undeclared": 2}, {"a": 1}),
]


@pytest.mark.parametrize(("declared", "raw", "values"), PLAIN)
def test_values_of_plain_types_are_used_unchanged(declared: str, raw: dict[str, Any], values: dict[str, Any]) -> None:
    assert variables(declared).plain_values(raw) == values


COERCED: list[tuple[str, dict[str, Any]]] = [
    ("$a: Int", {"a": 2**31}),
    ("$a: Int", {"a": True}),
    ("$a: Float", {"a": 1}),
    ("$a: Float", {"a": float("nan")}),
    ("$a: Float", {"a": float("inf")}),
    ("$a: ID", {"a": 7}),
    ("$a: Int!", {}),
    ("$a: Int!", {"a": None}),
    ("$a: [Int]", {}),
    ("$a: Int, $b: Color", {"a": 1}),
]


@pytest.mark.parametrize(("declared", "raw"), COERCED)
def test_graphql_core_coerces_all_variables_if_one_is_not_plain(declared: str, raw: dict[str, Any]) -> None:
    assert variables(declared).plain_values(raw) is None
