"""The compiler compiles an operation once and caches plans within limits. graphql-core executes operations that can't be compiled."""

import gc
import weakref
from itertools import product
from typing import Any

import pytest
from graphql import ExecutionResult

from compiler import Compiler
from compiler.compiler import MAX_PLANS
from tests.comparison.answers import operation_of, plans_of, result_of
from tests.comparison.awaitables import SCHEMA


async def test_a_result_without_awaitables_is_returned_synchronously() -> None:
    result = plans_of(SCHEMA, "{ fast thing { fast } }").execute({"fast": 1, "thing": {"fast": 2}}, None, None)

    assert result == ExecutionResult({"fast": 1, "thing": {"fast": 2}}, None)


async def test_the_number_of_cached_plans_is_limited() -> None:
    names = [f"b{number}" for number in range(10)]
    selected = " ".join(f"{name}: fast @include(if: ${name})" for name in names)
    plans = plans_of(SCHEMA, f"query({', '.join(f'${name}: Boolean!' for name in names)}) {{ {selected} }}")
    made = weakref.WeakSet[Any]()

    for chosen in product((True, False), repeat=len(names)):
        values = dict(zip(names, chosen, strict=True))
        result = await result_of(plans, {"fast": 1}, None, values)
        made.add(plans.plan(values))
        assert result.data == {name: 1 for name in names if values[name]}
    gc.collect()

    assert 0 < len(made) <= MAX_PLANS


async def test_requests_with_the_same_conditions_and_variant_share_a_plan() -> None:
    plans = plans_of(SCHEMA, "query($on: Boolean = true) { fast @include(if: $on) }")

    assert plans.plan({"on": True}) is plans.plan({"on": True})
    assert plans.plan({"on": True}) is not plans.plan({"on": False})
    assert plans.plan({"on": True}, "a caller") is not plans.plan({"on": True}, "another caller")


REFUSED = {
    "{ __schema { queryType { name } } }": "introspection",
    '{ fast __type(name: "Thing") { name } }': "introspection",
    "{ thing { ... @defer(if: false) { fast } } }": "@defer",
    "query @experimental_disableErrorPropagation { must }": "@experimental_disableErrorPropagation",
}


@pytest.mark.parametrize("text", REFUSED)
async def test_graphql_core_executes_operations_that_are_not_compiled(text: str) -> None:
    document, operation = operation_of(text)
    plans = Compiler(SCHEMA).plans(document, operation)

    result = await result_of(plans, {"fast": 1, "must": 1, "thing": {"fast": 2}})

    assert plans.refused
    assert REFUSED[text] in plans.refused
    assert not result.errors
    assert result.data


async def test_graphql_core_executes_operations_with_too_many_positions() -> None:
    text = f"{{ {' '.join(f'a{number}: fast' for number in range(3001))} }}"
    document, operation = operation_of(text)
    plans = Compiler(SCHEMA).plans(document, operation)

    result = await result_of(plans, {"fast": 1})

    assert result.data == {f"a{number}": 1 for number in range(3001)}
    assert plans.refused == "more than 3000 positions"
