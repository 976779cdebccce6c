"""The objects of the nasty data. What they have is decided when it is asked for."""

from typing import Any

from tests.comparison.dice import Dice
from tests.comparison.faults import Make, items, leaf, sometimes_later, strange
from tests.comparison.values import COLORS, FLAGS, IDS, INSTANTS, NUMBERS, ODDS, RATIOS, TEXTS, Fault


class Being:
    """An object. Each attribute has the kind of value that its name stands for, unless the dice fall badly."""

    # Without a dictionary of its own, its class alone tells what it is.
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
    """One that is a Cat."""

    __slots__ = ()


class Kitten(Cat):
    """One that is a Cat too."""

    __slots__ = ()


class Dog(Being):
    """One that is a Dog."""

    __slots__ = ()


class Machine(Being):
    """One that is a Robot where it runs: the class alone doesn't tell."""

    @property
    def runs(self) -> bool:
        """Whether it does."""
        return not self.dice.happens(0.3, self.key, "runs")


class Ghost(Being):
    """One that is nothing of the schema."""


class Rock(Being):
    """One that is a Stone."""

    __slots__ = ()


class Bag(Being):
    """One of each kind of value."""

    __slots__ = ()


class Parcel(Being):
    """Lists of all kinds."""

    __slots__ = ()


class Constant:
    """One that is known by its name: whatever else it has is always the same."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<Constant {self.name}>"

    @property
    def text(self) -> str:
        """Its name, in words."""
        if self.name == "failing":
            raise Fault("always fails")
        return f"constant {self.name}"

    @property
    def number(self) -> Any:
        """A number, mostly."""
        return {"none": None, "wrong": "no number"}.get(self.name, len(self.name))

    @property
    def color(self) -> Any:
        """A color."""
        return COLORS[len(self.name) % 3]

    @property
    def numbers(self) -> tuple[Any, ...]:
        """Numbers, mostly."""
        return (1, self.number, 3)


CONSTANTS = {name: Constant(name) for name in ("one", "two", "three", "none", "wrong", "failing")}
# Each is one object, however often it is asked for.
TUPLES = (
    tuple(CONSTANTS.values()),
    (CONSTANTS["one"], CONSTANTS["two"]),
    (CONSTANTS["one"], None, CONSTANTS["three"]),
    (CONSTANTS["two"], Constant("two"), CONSTANTS["none"]),
    (CONSTANTS["one"], 7),
    (),
)


def constants(dice: Dice, key: str) -> Any:
    """Constants in a tuple that is always the same, or in a list of its own."""
    if dice.misses(key):
        return strange(dice, key)
    chosen = dice.chosen(TUPLES, key)
    return list(chosen) if dice.happens(0.3, key, "in a list") else chosen


def constant(dice: Dice, key: str) -> Any:
    """A constant, or one like it."""
    if dice.misses(key):
        return strange(dice, key)
    name = dice.chosen(list(CONSTANTS), key)
    return Constant(name) if dice.happens(0.5, key, "another one") else CONSTANTS[name]


def being(*classes: type[Being]) -> Make:
    """Objects of these classes; where the dice fall badly, of another one, or no objects."""

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
# A name tells what is there: "later_" what may have to be waited for, "must_" what may not be null, "all_" lists, "grid_" lists of lists.
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
