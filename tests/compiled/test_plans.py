"""Plans: made once, kept in bounds, with nothing of a request in them; what is waited for, dropped and cancelled."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from graphql import ExecutionResult, build_schema

from gateway.compiled import Compiler
from gateway.compiled.compiler import MOST_PLANS
from tests.compiled.asking import asked, operation_of, plans_of, result_of
from tests.compiled.executors import Compiled, awaited
from tests.compiled.run import trials
from tests.compiled.subjects import subjects
from tests.compiled.values import Fault

SDL = """
    type Thing { fast: Int, slow: Int, must: Int!, thing: Thing, mustThing: Thing!, all: [Thing!] }
    type Query { thing: Thing, mustThing: Thing!, fast: Int, slow: Int, must: Int! }
    type Mutation { one: Int, two: Int, must: Int!, mustLater: Int!, thing: Thing }
"""
SCHEMA = build_schema(SDL)


class Gate:
    """Something to wait at. It tells who came, who passed, and who was turned away."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.came = asyncio.Event()
        self.cancelled = 0
        self.passed = 0

    async def __call__(self, info: Any) -> int:
        self.came.set()
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.passed += 1
        return 1


async def fails(info: Any) -> int:
    """Nothing: it fails, later."""
    await asyncio.sleep(0)
    raise Fault("failed")


async def fails_at_once(info: Any) -> int:
    """Nothing: it fails as soon as it is waited for."""
    raise Fault("failed")


async def works(info: Any) -> int:
    """A number, later."""
    await asyncio.sleep(0)
    return 1


async def test_what_needs_no_waiting_is_answered_at_once() -> None:
    result = plans_of(SCHEMA, "{ fast thing { fast } }").execute({"fast": 1, "thing": {"fast": 2}}, None, None)

    assert result == ExecutionResult({"fast": 1, "thing": {"fast": 2}}, None)


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
    """What belongs to a request."""

    fast = 1

    def __init__(self) -> None:
        self.thing = {"slow": works, "fast": "wrong"}


async def test_a_plan_keeps_nothing_of_a_request() -> None:
    plans = plans_of(SCHEMA, "query($on: Boolean!) { fast thing { slow @include(if: $on) fast } }")
    kept = []

    for on in (True, False):
        root, context = Held(), Held()
        await result_of(plans, root, context, {"on": on})
        kept += [weakref.ref(root), weakref.ref(context)]
        del root, context
    await asyncio.sleep(0)
    gc.collect()

    assert [reference() for reference in kept] == [None] * 4


async def test_only_so_many_plans_are_kept_however_many_conditions_there_are() -> None:
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

    assert 0 < len(made) <= MOST_PLANS


async def test_the_same_plan_serves_whoever_asks_the_same() -> None:
    plans = plans_of(SCHEMA, "query($on: Boolean = true) { fast @include(if: $on) }")

    assert plans.plan({"on": True}) is plans.plan({"on": True})
    assert plans.plan({"on": True}) is not plans.plan({"on": False})
    assert plans.plan({"on": True}, "somebody") is not plans.plan({"on": True}, "somebody else")


REFUSED = {
    "{ __schema { queryType { name } } }": "introspection",
    '{ fast __type(name: "Thing") { name } }': "introspection",
    "{ thing { ... @defer(if: false) { fast } } }": "@defer",
    "query @experimental_disableErrorPropagation { must }": "@experimental_disableErrorPropagation",
}


@pytest.mark.parametrize("text", REFUSED)
async def test_what_is_not_compiled_is_answered_by_graphql_core(text: str) -> None:
    document, operation = operation_of(text)
    plans = Compiler(SCHEMA).plans(document, operation)

    result = await result_of(plans, {"fast": 1, "must": 1, "thing": {"fast": 2}})

    assert plans.refused
    assert REFUSED[text] in plans.refused
    assert not result.errors
    assert result.data


async def test_more_positions_than_a_plan_may_have_are_left_to_graphql_core() -> None:
    text = f"{{ {' '.join(f'a{number}: fast' for number in range(3001))} }}"
    document, operation = operation_of(text)
    plans = Compiler(SCHEMA).plans(document, operation)

    result = await result_of(plans, {"fast": 1})

    assert result.data == {f"a{number}": 1 for number in range(3001)}
    assert plans.refused == "more than 3000 positions"


DROPPED: dict[str, tuple[str, dict[str, Any]]] = {
    "beside a field that fails at once": ("{ thing { a: must b: slow } }", {"thing": {"must": "wrong", "slow": works}}),
    "before a field that fails at once": ("{ thing { b: slow a: must } }", {"thing": {"must": "wrong", "slow": works}}),
    "beside a field that fails before it began": ("{ thing { must slow } }", {"thing": {"must": fails_at_once, "slow": works}}),
    "beside a field that fails later": ("{ thing { must thing { slow } } }", {"thing": {"must": fails, "thing": {"slow": works}}}),
    "below a field that fails later": (
        "{ thing { mustThing { must slow } fast } }",
        {"thing": {"mustThing": {"must": fails_at_once, "slow": works}}},
    ),
    "with everything": ("{ must mustThing { slow } }", {"must": fails_at_once, "mustThing": {"slow": works}}),
    "behind a bad item": ("{ thing { all { slow must } } }", {"thing": {"all": [{"slow": works, "must": 1}, {"slow": works, "must": "wrong"}]}}),
}


@pytest.mark.parametrize("case", DROPPED)
async def test_what_is_dropped_leaves_no_coroutine_behind(case: str) -> None:
    text, root = DROPPED[case]

    result = await result_of(plans_of(SCHEMA, text), root)

    # Python complains of coroutines that never began, and complaints fail the test.
    gc.collect()
    assert [error.message for error in result.errors or ()] in (["failed"], ["Int cannot represent non-integer value: 'wrong'"])


async def test_awaitables_behind_the_item_that_ends_a_list_are_let_go_of() -> None:
    def all(info: Any) -> list[Any]:
        return [works(info), None, works(info), works(info)]

    def later(info: Any) -> Iterator[Any]:
        yield works(info)
        yield None
        yield works(info)

    for made in (all, later):
        result = await result_of(plans_of(SCHEMA, "{ thing { all { fast } fast } }"), {"thing": {"all": made, "fast": 1}})

        gc.collect()
        assert result.data == {"thing": {"all": None, "fast": 1}}


async def test_nothing_that_was_generated_leaves_a_coroutine_behind() -> None:
    for subject in subjects():
        prepare = Compiled(subject.schema)
        for written, starts in trials(subject, 60, 3):
            document, operation = operation_of(written.text, written.name)
            execute = prepare(document, operation)
            for start in starts:
                root, context, variant = subject.begin(operation, start, False)
                await awaited(execute(root, context, start.variables, variant))
                del root, context
        gc.collect()


async def test_what_a_null_takes_with_it_is_cancelled() -> None:
    gate = Gate()

    result = await result_of(
        plans_of(SCHEMA, "{ thing { must thing { slow } } fast }"), {"thing": {"must": fails, "thing": {"slow": gate}}, "fast": 1}
    )

    assert result.data == {"thing": None, "fast": 1}
    assert (gate.cancelled, gate.passed) == (1, 0)


async def test_what_a_null_does_not_reach_goes_on() -> None:
    gate = Gate()
    root = {"thing": {"must": fails, "slow": works}, "slow": gate}
    running = asyncio.ensure_future(awaited(plans_of(SCHEMA, "{ thing { must slow } slow }").execute(root, None, None)))

    await gate.came.wait()
    gate.opened.set()
    result = await running

    assert result.data == {"thing": None, "slow": 1}
    assert (gate.cancelled, gate.passed) == (0, 1)


TEXTS = ("{ slow }", "{ slow thing { slow } }", "{ thing { thing { a: slow b: slow } } }", "mutation { thing { slow } one }")


@pytest.mark.parametrize("text", TEXTS)
async def test_a_cancellation_from_outside_reaches_all_that_is_waited_for(text: str) -> None:
    gate = Gate()
    thing: dict[str, Any] = {"slow": gate}
    thing["thing"] = thing
    root = {"slow": gate, "thing": thing, "one": works}
    running = asyncio.ensure_future(awaited(plans_of(SCHEMA, text).execute(root, None, None)))

    await gate.came.wait()
    await asyncio.sleep(0)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert gate.passed == 0
    assert gate.cancelled == text.count("slow")


async def test_a_cancellation_from_outside_wins_over_a_null() -> None:
    gate = Gate()

    async def stubborn(info: Any) -> int:
        try:
            await gate(info)
        finally:
            await asyncio.sleep(0)
        return 1

    root = {"thing": {"must": fails, "thing": {"slow": stubborn}}, "slow": stubborn}
    running = asyncio.ensure_future(awaited(plans_of(SCHEMA, "{ thing { must thing { slow } } slow }").execute(root, None, None)))

    await gate.came.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def test_changes_are_made_one_after_the_other() -> None:
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

    answer = await asked(SCHEMA, "mutation { b: two thing { slow fast } one a: two must }", root)

    order = ["begin two", "end two", "thing", "begin slow", "end slow", "begin one", "end one", "begin two", "end two", "begin must", "end must"]
    assert log == order * 4
    assert answer.data == {"b": 1, "thing": {"slow": 1, "fast": 1}, "one": None, "a": 1, "must": 1}


@pytest.mark.parametrize("must", [fails, fails_at_once, None, Fault("as a value")], ids=["later", "at its start", "null", "a value"])
async def test_no_change_is_made_after_one_that_may_not_fail(must: Any) -> None:
    made = []

    def two(info: Any) -> int:
        made.append("two")
        return 2

    answer = await asked(SCHEMA, "mutation { one must two }", {"one": 1, "must": must, "two": two})

    assert answer.data is None
    assert made == []


async def test_a_resolver_that_cancels_itself_cancels_the_execution() -> None:
    async def cancelled(info: Any) -> int:
        raise asyncio.CancelledError

    gate = Gate()
    plans = plans_of(SCHEMA, "{ slow thing { slow } }")

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(result_of(plans, {"slow": cancelled, "thing": {"slow": gate}}), 30)
