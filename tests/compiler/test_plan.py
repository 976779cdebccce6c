"""The executions of one plan don't affect each other, and the root fields of a mutation run one after the other."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from tests.comparison.answers import answer_of, plans_of, result_of
from tests.comparison.awaitables import SCHEMA, fails, fails_at_once, works
from tests.comparison.values import Fault


async def test_a_hundred_executions_at_once_are_not_mixed_up() -> None:
    async def slow(info: Any) -> Any:
        for _ in range(info.context % 7):
            await asyncio.sleep(0)
        if not info.context % 5:
            raise Fault(str(info.context))
        return info.context

    plans = plans_of(SCHEMA, "query($on: Boolean!) { slow thing { slow @include(if: $on) fast } }")

    results = await asyncio.gather(
        *(result_of(plans, {"slow": slow, "thing": {"slow": slow, "fast": number}}, number, {"on": number % 2 == 0}) for number in range(100))
    )

    for number, result in enumerate(results):
        value = number if number % 5 else None
        assert result.data == {"slow": value, "thing": {**({"slow": value} if number % 2 == 0 else {}), "fast": number}}
        assert {error.message for error in result.errors or ()} == (set() if number % 5 else {str(number)})


class Held:
    """An object that belongs to one request. A test checks that it is freed after the request: no plan may hold it."""

    fast = 1

    def __init__(self) -> None:
        self.thing = {"slow": works, "fast": "wrong"}


async def test_a_plan_keeps_no_reference_to_objects_of_a_request() -> None:
    plans = plans_of(SCHEMA, "query($on: Boolean!) { fast thing { slow @include(if: $on) fast } }")
    references = []

    for on in (True, False):
        root, context = Held(), Held()
        await result_of(plans, root, context, {"on": on})
        references += [weakref.ref(root), weakref.ref(context)]
        del root, context
    await asyncio.sleep(0)
    gc.collect()

    assert [reference() for reference in references] == [None] * 4


async def test_fields_of_a_mutation_run_one_after_the_other() -> None:
    log = []

    def change(name: str, value: Any = 1) -> Any:
        async def changed(info: Any) -> Any:
            log.append(f"begin {name}")
            await asyncio.sleep(0)
            log.append(f"end {name}")
            if isinstance(value, Exception):
                raise value
            return value

        return changed

    def thing(info: Any) -> dict[str, Any]:
        log.append("thing")
        return {"slow": change("slow"), "fast": 1}

    root = {"one": change("one", Fault("failed")), "two": change("two"), "thing": thing, "must": change("must")}

    answer = await answer_of(SCHEMA, "mutation { b: two thing { slow fast } one a: two must }", root)

    order = ["begin two", "end two", "thing", "begin slow", "end slow", "begin one", "end one", "begin two", "end two", "begin must", "end must"]
    assert log == order * 4
    assert answer.data == {"b": 1, "thing": {"slow": 1, "fast": 1}, "one": None, "a": 1, "must": 1}


@pytest.mark.parametrize("must", [fails, fails_at_once, None, Fault("as a value")], ids=["later", "at its start", "null", "a value"])
async def test_after_an_error_of_a_non_null_field_a_mutation_runs_no_further_field(must: Any) -> None:
    made = []

    def two(info: Any) -> int:
        made.append("two")
        return 2

    answer = await answer_of(SCHEMA, "mutation { one must two }", {"one": 1, "must": must, "two": two})

    assert answer.data is None
    assert made == []
