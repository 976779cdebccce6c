"""How values come about: as they should be, wrong, late, in lists of all kinds."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from types import CoroutineType
from typing import Any

from graphql import GraphQLError

from tests.comparison.dice import Dice
from tests.comparison.values import NEARLY, STRANGE, Fault, Unreadable

Make = Callable[[Dice, str], Any]


def leaf(good: tuple[Any, ...]) -> Make:
    """Values of a scalar or an enum."""

    def made(dice: Dice, key: str) -> Any:
        if not dice.misses(key):
            return dice.chosen(good, key)
        if dice.happens(0.5, key, "nearly"):
            return dice.chosen(NEARLY[good], key, "nearly")
        return late(dice, key) if dice.happens(0.2, key, "late") else strange(dice, key)

    return made


def strange(dice: Dice, key: str) -> Any:
    """What a resolver shouldn't come up with, or raise."""
    return dice.chosen(WRONGS, key, "strange")(dice, key)


def error(dice: Dice, key: str) -> Exception:
    """An error of some kind."""
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
    """Nothing: it raises."""
    raise error(dice, key)


def absent(dice: Dice, key: str) -> Any:
    """Nothing."""
    return None


def wrong(dice: Dice, key: str) -> Any:
    """A value of any class."""
    return dice.chosen(STRANGE, key, "wrong")


async def late(dice: Dice, key: str) -> Any:
    """What should have been there at once, or an error in its place."""
    await asyncio.sleep(0)
    return dice.chosen(LATE, key, "late")(dice, key)


LATE: tuple[Make, ...] = (raised, absent, error, wrong)
WRONGS: tuple[Make, ...] = (raised, raised, absent, absent, absent, error, wrong, wrong, wrong)


def sometimes_later(make: Make) -> Make:
    """The same, of which some have to be waited for, in all the ways in which there is something to wait for."""

    def made(dice: Dice, key: str) -> Any:
        if not dice.happens(0.6, key, "is later"):
            return make(dice, key)
        return dice.chosen(DELAYS, key, "later")(lambda: make(dice, key))

    return made


async def soon(make: Callable[[], Any]) -> Any:
    """It, without a pause."""
    return at_last(make())


async def after_pauses(make: Callable[[], Any]) -> Any:
    """It, after others had their turn."""
    for _ in range(3):
        await asyncio.sleep(0)
    return at_last(make())


def at_last(made: Any) -> Any:
    """What was made, unless that has to be waited for again: nobody would."""
    if not isinstance(made, CoroutineType):
        return made
    made.close()
    return None


class Waiting:
    """What can be waited for and is no coroutine."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __await__(self) -> Generator[Any, None, Any]:
        yield from asyncio.sleep(0).__await__()
        return at_last(self._make())


DELAYS: tuple[Callable[[Callable[[], Any]], Any], ...] = (soon, after_pauses, Waiting)


def items(make: Make, least: int = 0, most: int = 3) -> Make:
    """Lists of what is made, in all the ways in which there is something to iterate over."""

    def listed(dice: Dice, key: str) -> Any:
        if dice.misses(key):
            return dice.chosen((*WRONGS, lambda *_: Unreadable()), key, "strange")(dice, key)
        number = least + dice.number(key, "length") % (most - least + 1)
        return dice.chosen(WAYS, key, "way")(dice, key, number, make)

    return listed


def in_a_list(dice: Dice, key: str, number: int, make: Make) -> list[Any]:
    """A list. What raises while it is made is in it as a value."""
    made = []
    for index in range(number):
        try:
            made.append(make(dice, f"{key}.{index}"))
        except Exception as fault:
            made.append(fault)
    return made


def as_they_come(dice: Dice, key: str, number: int, make: Make) -> Iterator[Any]:
    """One after the other; some raise between two."""
    for index in range(number):
        yield make(dice, f"{key}.{index}")


async def as_they_come_later(dice: Dice, key: str, number: int, make: Make) -> AsyncIterator[Any]:
    """The same, each of which has to be waited for."""
    for index in range(number):
        if dice.happens(0.5, key, index, "pauses"):
            await asyncio.sleep(0)
        yield make(dice, f"{key}.{index}")


WAYS: tuple[Callable[[Dice, str, int, Make], Any], ...] = (
    in_a_list,
    in_a_list,
    in_a_list,
    as_they_come,
    as_they_come_later,
    lambda *made: tuple(in_a_list(*made)),
    lambda *made: deque(in_a_list(*made)),
    lambda *made: OrderedDict(enumerate(in_a_list(*made))).values(),
)
