"""Makes the values of the nasty and the raw schema: correct values, faults, awaitables, and lists of all kinds.

For the terms, see tests/comparison/README.md.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from types import CoroutineType
from typing import Any

from graphql import GraphQLError

from tests.comparison.dice import Dice
from tests.comparison.values import NEARLY, STRANGE, Fault, Unreadable

# A function that makes the value at one place of the response. Arguments: the random choices, and the place as text.
Make = Callable[[Dice, str], Any]


def leaf(good: tuple[Any, ...]) -> Make:
    """Returns a function that makes values of a scalar or an enum: one of `good`, unless the dice choose a fault for the place in the response."""

    def made(dice: Dice, key: str) -> Any:
        if not dice.misses(key):
            return dice.chosen(good, key)
        if dice.happens(0.5, key, "nearly"):
            return dice.chosen(NEARLY[good], key, "nearly")
        return late(dice, key) if dice.happens(0.2, key, "late") else strange(dice, key)

    return made


def strange(dice: Dice, key: str) -> Any:
    """Makes a fault: returns a value that a resolver should not return, or raises an exception."""
    return dice.chosen(WRONGS, key, "strange")(dice, key)


def error(dice: Dice, key: str) -> Exception:
    """Makes a fault: returns an exception of a random class as the value. An executor must treat it as if the resolver had raised it."""
    made: tuple[Callable[[], Exception], ...] = (
        lambda: Fault(f"fault at {key}"),
        lambda: GraphQLError(f"refused at {key}", extensions={"code": "REFUSED", "at": key}),
        lambda: ValueError(f"bad value at {key}"),
        lambda: AttributeError(f"no attribute at {key}"),
        lambda: KeyError(key),
        lambda: StopIteration(key),
        lambda: Fault(),
    )
    return dice.chosen(made, key, "error")()


def raised(dice: Dice, key: str) -> Any:
    """Makes a fault: raises an exception of a random class instead of returning a value."""
    raise error(dice, key)


def absent(dice: Dice, key: str) -> Any:
    """Returns None. This is a fault if the field is non-null in the schema, and a correct value otherwise."""
    return None


def wrong(dice: Dice, key: str) -> Any:
    """Makes a fault: returns a value of a random class. The class fits few of the schema's types, so the value is usually wrong for the field."""
    return dice.chosen(STRANGE, key, "wrong")


async def late(dice: Dice, key: str) -> Any:
    """Pauses, then makes a fault."""
    await asyncio.sleep(0)
    return dice.chosen(LATE, key, "late")(dice, key)


LATE: tuple[Make, ...] = (raised, absent, error, wrong)
WRONGS: tuple[Make, ...] = (raised, raised, absent, absent, absent, error, wrong, wrong, wrong)


def sometimes_later(make: Make) -> Make:
    """Returns a function that makes the same values as `make`. Some of them are inside an awaitable, which is of one of the kinds in DELAYS."""

    def made(dice: Dice, key: str) -> Any:
        if not dice.happens(0.6, key, "is later"):
            return make(dice, key)
        return dice.chosen(DELAYS, key, "later")(lambda: make(dice, key))

    return made


async def soon(make: Callable[[], Any]) -> Any:
    """A coroutine that returns the made value without a pause."""
    return without_coroutine(make())


async def after_pauses(make: Callable[[], Any]) -> Any:
    """A coroutine that lets other tasks run first, and then returns the made value."""
    for _ in range(3):
        await asyncio.sleep(0)
    return without_coroutine(make())


def without_coroutine(made: Any) -> Any:
    """Replaces a coroutine by None, and closes it. The result of an awaitable must not be a coroutine, because executors would not await that one."""
    if not isinstance(made, CoroutineType):
        return made
    made.close()
    return None


class Waiting:
    """An awaitable object that is not a coroutine. Its result is the value that `make` returns, after a pause."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __await__(self) -> Generator[Any, None, Any]:
        yield from asyncio.sleep(0).__await__()
        return without_coroutine(self._make())


DELAYS: tuple[Callable[[Callable[[], Any]], Any], ...] = (soon, after_pauses, Waiting)


def items(make: Make, min_length: int = 0, max_length: int = 3) -> Make:
    """Returns a function that makes lists of the values that `make` makes, as iterables of all kinds, or a fault instead of the list."""

    def make_list(dice: Dice, key: str) -> Any:
        if dice.misses(key):
            return dice.chosen((*WRONGS, lambda *_: Unreadable()), key, "strange")(dice, key)
        number = min_length + dice.number(key, "length") % (max_length - min_length + 1)
        return dice.chosen(ITERABLES, key, "way")(dice, key, number, make)

    return make_list


def in_a_list(dice: Dice, key: str, number: int, make: Make) -> list[Any]:
    """Makes a list of `number` items. If making an item raises an exception, the exception becomes the item."""
    made = []
    for index in range(number):
        try:
            made.append(make(dice, f"{key}.{index}"))
        except Exception as fault:
            made.append(fault)
    return made


def one_by_one(dice: Dice, key: str, number: int, make: Make) -> Iterator[Any]:
    """An iterator over `number` items. If making an item raises an exception, the iterator raises it and ends."""
    for index in range(number):
        yield make(dice, f"{key}.{index}")


async def one_by_one_async(dice: Dice, key: str, number: int, make: Make) -> AsyncIterator[Any]:
    """Like `one_by_one`, but an async iterator, which sometimes pauses."""
    for index in range(number):
        if dice.happens(0.5, key, index, "pauses"):
            await asyncio.sleep(0)
        yield make(dice, f"{key}.{index}")


ITERABLES: tuple[Callable[[Dice, str, int, Make], Any], ...] = (
    in_a_list,
    in_a_list,
    in_a_list,
    one_by_one,
    one_by_one_async,
    lambda *made: tuple(in_a_list(*made)),
    lambda *made: deque(in_a_list(*made)),
    lambda *made: OrderedDict(enumerate(in_a_list(*made))).values(),
)
