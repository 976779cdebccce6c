"""The objects of the nasty data. Their attributes are random and computed on access."""

from typing import Any

from tests.comparison.dice import Dice
from tests.comparison.faults import Make, items, leaf, sometimes_later, strange
from tests.comparison.values import COLORS, FLAGS, IDS, INSTANTS, NUMBERS, ODDS, RATIOS, TEXTS, Fault


class Being:
    """An object with every attribute of `KINDS`, whose name decides the kind of value. Some values are wrong, at the rate of the dice."""

    # Slots: without a `__dict__` the object can't store a type, so that its class alone decides which type it is of.
    __slots__ = ("dice", "key")

    def __init__(self, dice: Dice, key: str) -> None:
        self.dice = dice
        self.key = key

    def __getattr__(self, name: str) -> Any:
        if name in KINDS:
            return KINDS[name](self.dice, f"{self.key}.{name}")
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key}>"


class Cat(Being):
    """An object of the type Cat."""

    __slots__ = ()


class Kitten(Cat):
    """A subclass of Cat, whose objects are of the type Cat or Tabby."""

    __slots__ = ()


class Dog(Being):
    """An object of the type Dog."""

    __slots__ = ()


class Machine(Being):
    """An object that is a Robot only if it runs: its class alone doesn't decide the type."""

    @property
    def runs(self) -> bool:
        """Whether the machine runs."""
        return not self.dice.happens(0.3, self.key, "runs")


class Ghost(Being):
    """An object of no type of the schema."""


class Rock(Being):
    """An object of the type Stone."""

    __slots__ = ()


class Bag(Being):
    """An object with values of each kind."""

    __slots__ = ()


class Parcel(Being):
    """An object with lists of all kinds."""

    __slots__ = ()


class Constant:
    """An object whose name is its key: objects with the same name are the same in all attributes."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<Constant {self.name}>"

    @property
    def text(self) -> str:
        """A text with the name."""
        if self.name == "failing":
            raise Fault("always fails")
        return f"constant {self.name}"

    @property
    def number(self) -> Any:
        """A number, None or a wrong value, depending on the name."""
        return {"none": None, "wrong": "no number"}.get(self.name, len(self.name))

    @property
    def color(self) -> Any:
        """A color."""
        return COLORS[len(self.name) % 3]

    @property
    def numbers(self) -> tuple[Any, ...]:
        """A tuple with the number in it."""
        return (1, self.number, 3)


CONSTANTS = {name: Constant(name) for name in ("one", "two", "three", "none", "wrong", "failing")}
# Module-level, so that every execution sees the identical tuples.
TUPLES = (
    tuple(CONSTANTS.values()),
    (CONSTANTS["one"], CONSTANTS["two"]),
    (CONSTANTS["one"], None, CONSTANTS["three"]),
    (CONSTANTS["two"], Constant("two"), CONSTANTS["none"]),
    (CONSTANTS["one"], 7),
    (),
)


def constants(dice: Dice, key: str) -> Any:
    """Constants in one of the shared tuples, or in a new list."""
    if dice.misses(key):
        return strange(dice, key)
    chosen = dice.chosen(TUPLES, key)
    return list(chosen) if dice.happens(0.3, key, "in a list") else chosen


def constant(dice: Dice, key: str) -> Any:
    """One of the shared constants, or a new one with the same name."""
    if dice.misses(key):
        return strange(dice, key)
    name = dice.chosen(list(CONSTANTS), key)
    return Constant(name) if dice.happens(0.5, key, "another one") else CONSTANTS[name]


def being(*classes: type[Being]) -> Make:
    """Makes objects of these classes. If something goes wrong at the place: of another class, or a value that is no object."""

    def made(dice: Dice, key: str) -> Any:
        if not dice.misses(key):
            return dice.chosen(classes, key, "class")(dice, key)
        other = dice.chosen((Ghost, Cat, Machine, Rock, None, None), key, "other")
        return other(dice, key) if other else strange(dice, key)

    return made


NAMED, LIVING, PETS = (Cat, Cat, Kitten, Dog, Machine), (Cat, Kitten, Dog), (Cat, Dog, Machine)
THINGS = (Rock, Cat, Kitten)
LEAVES: dict[str, Make] = {
    "text": leaf(TEXTS),
    "number": leaf(NUMBERS),
    "ratio": leaf(RATIOS),
    "flag": leaf(FLAGS),
    "id": leaf(IDS),
    "color": leaf(COLORS),
    "instant": leaf(INSTANTS),
    "odd": leaf(ODDS),
}
SINGLE: dict[str, Make] = {
    **LEAVES,
    "bag": being(Bag),
    "parcel": being(Parcel),
    "named": being(*NAMED),
    "living": being(*LIVING),
    "pet": being(*PETS),
    "thing": being(*THINGS),
    "cat": being(Cat, Kitten),
}
# The prefix of a name decides the kind: "later_" may be awaitable, "must_" may not be null in the schema, "all_" is a list, "grid_" a list of lists.
KINDS: dict[str, Make] = {
    prefix + must + name: wrap(kind)
    for name, kind in SINGLE.items()
    for must in ("", "must_")
    for prefix, wrap in (
        ("", lambda kind: kind),
        ("later_", sometimes_later),
        ("all_", items),
        ("all_later_", lambda kind: items(sometimes_later(kind))),
        ("grid_", lambda kind: items(items(kind))),
    )
}
KINDS |= {"constant": constant, "must_constant": constant, "later_constant": sometimes_later(constant), "all_constant": constants}
KINDS |= {"all_must_constant": constants, "all_later_constant": items(sometimes_later(constant))}
