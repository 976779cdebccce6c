"""If a value becomes null, the awaitables below it are closed or cancelled. If the request is cancelled, all awaitables are cancelled."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest

from tests.comparison.answers import operation_of, plans_of, result_of
from tests.comparison.awaitables import SCHEMA, Gate, fails, fails_at_once, works
from tests.comparison.executors import Compiled, awaited
from tests.comparison.run import trials
from tests.comparison.subjects import subjects

# Operations in which a value becomes null while an awaitable below this value waits. The keys say where the awaitable (`slow`) is. Each value has
# the text of the operation, and the root object with which it is executed.
NULLED: dict[str, tuple[str, dict[str, Any]]] = {
    "beside a field that fails at once": ("{ thing { a: must b: slow } }", {"thing": {"must": "wrong", "slow": works}}),
    "before a field that fails at once": ("{ thing { b: slow a: must } }", {"thing": {"must": "wrong", "slow": works}}),
    "beside a field that fails before it starts": ("{ thing { must slow } }", {"thing": {"must": fails_at_once, "slow": works}}),
    "beside a field that fails later": ("{ thing { must thing { slow } } }", {"thing": {"must": fails, "thing": {"slow": works}}}),
    "below a field that fails later": (
        "{ thing { mustThing { must slow } fast } }",
        {"thing": {"mustThing": {"must": fails_at_once, "slow": works}}},
    ),
    "below the root": ("{ must mustThing { slow } }", {"must": fails_at_once, "mustThing": {"slow": works}}),
    "beside a bad item": ("{ thing { all { slow must } } }", {"thing": {"all": [{"slow": works, "must": 1}, {"slow": works, "must": "wrong"}]}}),
}


@pytest.mark.parametrize("case", NULLED)
async def test_a_value_that_becomes_null_leaves_no_coroutine_unawaited(case: str) -> None:
    text, root = NULLED[case]

    result = await result_of(plans_of(SCHEMA, text), root)

    # When Python frees a coroutine that was never awaited, it warns. Free all of them now: in the test suite, a warning fails the test.
    gc.collect()
    assert [error.message for error in result.errors or ()] in (["failed"], ["Int cannot represent non-integer value: 'wrong'"])


async def test_awaitables_after_the_item_at_which_a_list_fails_are_closed() -> None:
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


async def test_no_generated_operation_leaves_a_coroutine_unawaited() -> None:
    for subject in subjects():
        prepare = Compiled(subject.schema)
        for generated, starts in trials(subject, 40, 3):
            document, operation = operation_of(generated.text, generated.name)
            execute = prepare(document, operation)
            for start in starts:
                root, context, variant = subject.begin(operation, start, False)
                await awaited(execute(root, context, start.variables, variant))
                del root, context
        gc.collect()


async def test_awaitables_below_a_value_that_became_null_are_cancelled() -> None:
    gate = Gate()

    result = await result_of(
        plans_of(SCHEMA, "{ thing { must thing { slow } } fast }"), {"thing": {"must": fails, "thing": {"slow": gate}}, "fast": 1}
    )

    assert result.data == {"thing": None, "fast": 1}
    assert (gate.cancelled, gate.passed) == (1, 0)


async def test_awaitables_beside_a_value_that_became_null_continue() -> None:
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
async def test_a_cancellation_from_outside_cancels_all_awaitables(text: str) -> None:
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


async def test_a_cancellation_from_outside_is_raised_even_while_tasks_below_a_null_are_cancelled() -> None:
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


async def test_a_resolver_that_cancels_itself_cancels_the_execution() -> None:
    async def cancelled(info: Any) -> int:
        raise asyncio.CancelledError

    gate = Gate()
    plans = plans_of(SCHEMA, "{ slow thing { slow } }")

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(result_of(plans, {"slow": cancelled, "thing": {"slow": gate}}), 30)
