"""The objects in the data of the nasty schema. Their attributes are random and computed on access. For the terms, see tests/comparison/README.md."""

from typing import Any

from tests.comparison.dice import Dice
from tests.comparison.faults import Make, items, leaf, sometimes_later, strange
from tests.comparison.values import COLORS, FLAGS, IDS, INSTANTS, NUMBERS, ODDS, RATIOS, TEXTS, Fault


class Being:
    """An object of the test data. It has every attribute in `KINDS`, computed on access: a random value of the attribute's kind, or a fault."""

    # `strawberry.cast` stores a GraphQL type in an object's `__dict__`. Objects with `__slots__` have no `__dict__`. So their class alone decides
    # their type.
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
    """An object whose GraphQL type is Cat."""

    __slots__ = ()


class Kitten(Cat):
    """A subclass of Cat. Its objects have the type Cat or Tabby, depending on the field."""

    __slots__ = ()


class Dog(Being):
    """An object whose GraphQL type is Dog."""

    __slots__ = ()


class Machine(Being):
    """An object that has the GraphQL type Robot if it runs, and no type otherwise. Its class alone therefore does not decide its type."""

    @property
    def runs(self) -> bool:
        """Whether the machine runs. The dice decide this."""
        return not self.dice.happens(0.3, self.key, "runs")


class Ghost(Being):
    """An object that has none of the schema's types: an executor must report an error for it."""


class Rock(Being):
    """An object whose GraphQL type is Stone."""

    __slots__ = ()


class Bag(Being):
    """An object whose GraphQL type is Bag."""

    __slots__ = ()


class Parcel(Being):
    """An object whose GraphQL type is Parcel."""

    __slots__ = ()


class Constant:
    """An object of the GraphQL types Fixed and Strict. Objects with the same name are equal: the name is the `key` (see compiler/README.md)."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<Constant {self.name}>"

    @property
    def text(self) -> str:
        """A text that contains the name. Raises an exception if the name is "failing"."""
        if self.name == "failing":
            raise Fault("always fails")
        return f"constant {self.name}"

    @property
    def number(self) -> Any:
        """A number; None if the name is "none", and a text, which is wrong here, if the name is "wrong"."""
        return {"none": None, "wrong": "no number"}.get(self.name, len(self.name))

    @property
    def color(self) -> Any:
        """A color, depending on the name."""
        return COLORS[len(self.name) % 3]

    @property
    def numbers(self) -> tuple[Any, ...]:
        """A tuple of three items. The second one is the attribute `number`, which may be None or wrong."""
        return (1, self.number, 3)


CONSTANTS = {name: Constant(name) for name in ("one", "two", "three", "none", "wrong", "failing")}
# The compiler caches the result of a tuple of constants by the tuple's identity. All executions share these tuples, so that later executions take the
# results from the cache.
TUPLES = (
    tuple(CONSTANTS.values()),
    (CONSTANTS["one"], CONSTANTS["two"]),
    (CONSTANTS["one"], None, CONSTANTS["three"]),
    (CONSTANTS["two"], Constant("two"), CONSTANTS["none"]),
    (CONSTANTS["one"], 7),
    (),
)


def constants(dice: Dice, key: str) -> Any:
    """Makes a list of `Constant` objects.

    It is a tuple of TUPLES, whose result plans may cache, or a new list with the same items, whose result plans must not cache.
    """
    if dice.misses(key):
        return strange(dice, key)
    chosen = dice.chosen(TUPLES, key)
    return list(chosen) if dice.happens(0.3, key, "in a list") else chosen


def constant(dice: Dice, key: str) -> Any:
    """Makes a `Constant`: an object of CONSTANTS, or a new object with the same name, for which a plan must find the same cached result."""
    if dice.misses(key):
        return strange(dice, key)
    name = dice.chosen(list(CONSTANTS), key)
    return Constant(name) if dice.happens(0.5, key, "another one") else CONSTANTS[name]


def being(*classes: type[Being]) -> Make:
    """Returns a function that makes objects of these classes. If the dice choose a fault: an object of another class, or no object at all."""

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
# For each attribute of a `Being`: the function that makes its values. The prefixes of an attribute's name mean: "later_" may be awaitable, "must_" is
# non-null in the schema, "all_" is a list, "grid_" is a list of lists.
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
