"""The resolvers of the nasty schema. They have all signatures that Strawberry allows.

They echo everything that a resolver can read: they return it as text, so that the comparison notices if two executors pass different things.

For the terms, see tests/comparison/README.md.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.scalars import JSON
from strawberry.types.nodes import FragmentSpread, InlineFragment, Selection

from tests.comparison.dice import Dice
from tests.comparison.faults import leaf, strange
from tests.comparison.inputs import Either, Filter, Odd, Range, Required
from tests.comparison.objects import Being, Cat, Dog, Rock
from tests.comparison.values import TEXTS, Color, Fault, Level

Row = strawberry.Parent[Being]
RANGE, RANGES, NUMBERS = Range(minimum=7), [Range(maximum=2), Range()], [1, 2]
FILTER = Filter(text="default", colors=[Color.RED], maybe=None, surely=None, maybe_ranges=None)


class Context:
    """The context of one execution: the dice, the log of side effects, a data loader, and the caller's scopes."""

    def __init__(self, dice: Dice, scopes: frozenset[str] = frozenset()) -> None:
        self.dice = dice
        self.scopes = scopes
        self.log: list[str] = []
        self.loader = DataLoader(self._load)

    async def _load(self, keys: list[str]) -> list[Any]:
        return [ValueError(f"can't load {key}") if self.dice.misses("load", key) else f"loaded {key}" for key in keys]


Info = strawberry.Info[Context, Any]


def place(info: Info) -> str:
    """The place of a field in the response, as text."""
    return ".".join(map(str, info.path.as_list()))


def echoed(info: Info, *values: Any) -> Any:
    """The values as text, which a resolver returns. If the dice choose a fault for the field, makes a fault instead."""
    return echoed_at(info.context.dice, place(info), values)


def echoed_at(dice: Dice, key: str, values: object) -> Any:
    """Like `echoed`, for a place that is passed as text."""
    return strange(dice, key) if dice.misses(key) else repr(values)


def selected(selections: list[Selection]) -> list[Any]:
    """Convert Strawberry's selections, which a resolver can read in `info.selected_fields`, to tuples whose text both executors must echo equally."""
    return [
        (type(each).__name__, getattr(each, "name", None), getattr(each, "alias", None), each.directives, selected(each.selections))
        if not isinstance(each, FragmentSpread | InlineFragment)
        else (type(each).__name__, each.type_condition, each.directives, selected(each.selections))
        for each in selections
    ]


def ints(info: Info, a: int = 3, b: int | None = 4, c: int | None = None, d: int | None = strawberry.UNSET) -> Any:
    """Echoes integer arguments, with defaults and without."""
    return echoed(info, a, b, c, d)


def needed(info: Info, number: int) -> Any:
    """Echoes a required argument."""
    return echoed(info, number)


def leaves(
    info: Info,
    text: str | None = "text",
    ratio: float = 1.5,
    flag: bool | None = None,
    id: strawberry.ID | None = None,
    color: Color | None = Color.GREEN,
    level: Level = Level.LOW,
    instant: datetime | None = None,
    odd: Odd | None = None,
    json: JSON | None = None,
) -> Any:
    """Echoes arguments of all scalar and enum types."""
    return echoed(info, text, ratio, flag, id, color, level, instant, odd, json)


def filtered(info: Info, filter: Filter, other: Filter | None = None) -> Any:
    """Echoes a required input object and an optional one."""
    return echoed(info, filter, other)


def defaulted(info: Info, range: Range = RANGE, ranges: list[Range] = RANGES, filter: Filter = FILTER) -> Any:
    """Echoes input objects with defaults, then changes them. The changes must not reach other calls."""
    echo = echoed(info, range, ranges, filter)
    range.minimum += 1
    range.steps.append(range.minimum)
    ranges.append(range)
    filter.text += "!"
    return echo


async def required(info: Info, required: Required, either: Either | None = None) -> Any:
    """Pauses, then echoes input objects with required fields."""
    await asyncio.sleep(0)
    return echoed(info, required, either)


def lists(
    info: Info,
    numbers: list[int] = NUMBERS,
    grid: list[list[int | None] | None] | None = None,
    colors: list[Color] | None = None,
    json: JSON | None = None,
) -> Any:
    """Echoes lists, then changes them. The changes must not reach other calls."""
    echo = echoed(info, numbers, grid, colors, json)
    numbers.append(len(numbers))
    for row in grid or ():
        if row is not None:
            row.append(9)
    if isinstance(json, list):
        json.append("changed")
    if isinstance(json, dict):
        json["changed"] = True
    return echo


def maybe(info: Info, number: strawberry.Maybe[int | None], text: strawberry.Maybe[str], filter: strawberry.Maybe[Filter | None]) -> Any:
    """Echoes arguments of the type `Maybe`, which distinguishes null from a missing argument."""
    return echoed(info, number, text, filter)


def renamed(info: Info, one: Annotated[int, strawberry.argument(name="another")] = 1, from_: str = "from", class_name: str | None = None) -> Any:
    """Echoes arguments that have other names in Python."""
    return echoed(info, one, from_, class_name)


def either(info: Info, either: Either) -> Any:
    """Echoes an input object of which exactly one field is set."""
    return echoed(info, either)


def field_info(info: Info, filter: Filter | None = None) -> Any:
    """Echoes everything that `info` says about the field."""
    parts = (
        info.field_name,
        info.python_name,
        info.path.as_list(),
        info.path.typename,
        sorted(info.variable_values.items()),
        info.operation.operation.value,
        str(info._raw_info.return_type),
        info._raw_info.parent_type.name,
        len(info._raw_info.field_nodes),
        sorted(info._raw_info.fragments),
        repr(info.root_value),
        info.context.dice.seed,
        selected(info.selected_fields),
    )
    return echoed(info, *parts, filter)


def variable_sources(info: Info) -> Any:
    """Echoes for each variable whether the request sent its value. Otherwise the value is a default."""
    sources = info._raw_info.variable_values.sources
    return echoed(info, sorted((name, source.value is not None) for name, source in sources.items()))


def by_parent(parent: Row, info: Info) -> Any:
    """Echoes the object. Strawberry passes the object as the parameter annotated with `Parent`, whatever the parameter's name."""
    return echoed(info, parent.key)


def by_root(root: Row, info: Info, more: str = "") -> Any:
    """Echoes the object, which Strawberry passes as the parameter `root`."""
    return echoed(info, root.key, more)


def by_self(self: Any, info: Info, more: str = "") -> Any:
    """Echoes the object, which Strawberry passes as the parameter `self`."""
    return echoed(info, self.key, more)


def without_info(root: Row) -> Any:
    """A resolver without the parameter `info`. Makes a text."""
    return leaf(TEXTS)(root.dice, f"{root.key}.without_info")


async def slowly(root: Row, info: Info, more: int = 0) -> Any:
    """Pauses a random number of times, then echoes the object."""
    for _ in range(info.context.dice.number(place(info), "pauses") % 4):
        await asyncio.sleep(0)
    return echoed(info, root.key, more)


def promised(root: Row, info: Info) -> Awaitable[Any]:
    """Like `slowly`, but a synchronous function that returns the awaitable."""
    return slowly(root, info)


async def loaded(root: Row, info: Info, key: str = "key") -> Any:
    """Loads a value by the data loader of the context, which collects the loads of several fields."""
    return await info.context.loader.load(f"{key}-{info.context.dice.number(root.key) % 5}")


def loading(root: Row, info: Info) -> Any:
    """Like `loaded`, but a synchronous function that returns the loader's future."""
    return info.context.loader.load(f"future-{info.context.dice.number(root.key) % 5}")


def counted(info: Info, number: int = 3) -> Iterator[Any]:
    """Yields the items of a list. The generator may fail before each item."""
    dice, at = info.context.dice, place(info)
    for index in range(min(number, 5)):
        if dice.misses(at, index):
            raise Fault(f"no more after {index} at {at}")
        yield dice.chosen((None, "none"), at, index) if dice.happens(0.3, at, index, "no number") else index


def breaking_off(info: Info) -> Iterator[Any]:
    """Yields the items of a list. In half of the cases, the generator yields a wrong item and then fails."""
    yield 1
    if info.context.dice.happens(0.5, place(info), "breaks off"):
        yield "no number"
        raise Fault(f"nothing more at {place(info)}")


async def counted_async(info: Info, number: int = 3) -> AsyncIterator[Any]:
    """Like `counted`, but an async generator."""
    dice, at = info.context.dice, place(info)
    for index in range(min(number, 5)):
        await asyncio.sleep(0)
        if dice.misses(at, index):
            raise Fault(f"no more after {index} at {at}")
        yield dice.chosen((None, "none"), at, index) if dice.happens(0.3, at, index, "no number") else index


@strawberry.type
class Pebble:
    """A GraphQL type whose objects are instances of this Strawberry class itself, and not of a class in objects.py."""

    weight: int
    text: str | None = None

    @strawberry.field
    def heavy(self, info: Info, than: int = 2) -> bool:
        """Whether the pebble is heavier than the argument."""
        return self.weight > than

    @strawberry.field
    async def later(self) -> str:
        """Pauses, then returns a text."""
        await asyncio.sleep(0)
        return f"pebble of {self.weight}"


def pebble(info: Info) -> Any:
    """Makes a Pebble, or an object of another type. Sometimes fails instead: `strawberry.cast` can't cast a `Rock`, which has no `__dict__`."""
    dice, at = info.context.dice, place(info)
    if dice.misses(at):
        return strange(dice, at)
    weight = dice.number(at) % 5
    own: Any = strawberry.cast(Pebble, Rock(dice, at)) if dice.happens(0.3, at, "cast") else Pebble(weight=weight, text=dice.chosen((None, "a"), at))
    return dice.chosen((own, Cat(dice, at), Dog(dice, at)), at, "which")


def pebbles(info: Info) -> Any:
    """Makes a list of four items. Each is an object of one of several classes, or null, as the dice choose."""
    dice, at = info.context.dice, place(info)
    return [dice.chosen((Pebble(weight=index), Cat(dice, f"{at}.{index}"), Rock(dice, at), None), at, index) for index in range(4)]
