"""Generates input values: as literals for documents, and as JSON values for variables. Variables can also get wrong values of every class."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_required_input_field,
)

from tests.comparison.values import Text, Whole

MAX_DEPTH = 3


def nested(levels: int) -> list[Any]:
    """An empty list inside of other lists. `levels`: the number of all these lists."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


LITERALS: dict[str, tuple[str, ...]] = {
    "Int": ("0", "1", "-3", "2147483647", "-2147483648"),
    "Float": ("0", "1.5", "-2", "1e10", "0.1"),
    "String": ('""', '"x"', '"grün"', '"a \\"b\\" \\u00e9"', '"""\n  block\n    text\n"""', '"$v"'),
    "Boolean": ("true", "false"),
    "ID": ('"a"', "7", '"7"', "123456789012345678901234567890", "9" * 5000),
    "DateTime": ('"2026-03-02T12:00:00Z"', '"2026-03-02T12:00:00.250+05:30"', '"2026-03-02T12:00:00.123000Z"'),
    "Odd": ('"x"', "7", '"list"', "[1, 2]", "{ a: 1 }", "WORD"),
    "JSON": ("1", '"x"', "[1, null, { a: [] }]", "{ b: 1, a: { c: true } }", "WORD", "1.5"),
}
RAW: dict[str, tuple[Any, ...]] = {
    "Int": (0, 1, -3, 2147483647, 4.0, Whole(6)),
    "Float": (0, 1.5, -2, 1e10, 0.1, Whole(6)),
    "String": ("", "x", "grün", 'a "b"', "$v", Text("text")),
    "Boolean": (True, False),
    "ID": ("a", 7, "7", 10**30, Text("id")),
    "DateTime": ("2026-03-02T12:00:00Z", "2026-03-02T12:00:00.250+05:30", "2026-03-02T12:00:00+00:00", "2026-03-02T12:00:00.123000Z"),
    "Odd": ("x", 7, "list", [1, 2], {"a": 1}, "refused", "fails", True),
    "JSON": (1, "x", [1, None, {"a": []}], {"b": 1, "a": {"c": True}}, 1.5, False),
}
WRONG: tuple[Any, ...] = (
    *(True, False, 0, 1, 2**31, -(2**31) - 1, 2**53, 10**30, 1.5, 3.0, -0.0, float("nan"), float("inf"), -float("inf"), 1e30),
    *("", "x", "1", "true", "RED", "red", "r", "2026-03-02", "2026-03-02T12:00:00", "later", b"bytes", Text("RED"), Whole(2**40)),
    *("2026-W10-1T12:00:00Z", "2026-03-02T12:00:00.123456Z", "2026-03-02 12:00:00Z", "9" * 5000, 1e400, nested(300)),
    *([], [1], [None], [[1]], {}, {"number": 1}, {"unknown": 1}, {"minimum": "x"}, (1, 2), {1}, object),
)  # fmt: skip

# For the name of each type: wrong JSON values that are nearly correct for it.
NEARLY: dict[str, tuple[Any, ...]] = {
    "Int": (2**31, -(2**31) - 1, 1.5, True, "1", float("nan")),
    "Float": (float("nan"), float("inf"), "1.5", False),
    "String": (1, True, 1.5, ["x"]),
    "Boolean": (1, 0, "true"),
    "ID": (1.5, True, [7]),
}


class Inputs:
    """Generates random input values of any type.

    `wrong`: the probability of a wrong JSON value, from 0 to 1. `samples`: preferred values of a type, by the type's name.
    """

    def __init__(self, random: Random, wrong: float = 0.0, samples: Mapping[str, tuple[Any, ...]] | None = None) -> None:
        self.random = random
        self.wrong = wrong
        self.samples = samples or {}

    def literal(self, type: GraphQLInputType, depth: int = 0) -> str:
        """A random input value of this type, as a literal for a document. `depth` counts the nested input objects and lists around it."""
        if isinstance(type, GraphQLNonNull):
            return self.present(type.of_type, depth)
        return "null" if self.random.random() < 0.12 else self.present(type, depth)

    def present(self, type: Any, depth: int) -> str:
        """Like `literal`, but never null."""
        random = self.random
        if isinstance(type, GraphQLList):
            if random.random() < 0.15:
                return self.present(type.of_type.of_type if isinstance(type.of_type, GraphQLNonNull) else type.of_type, depth)
            return f"[{', '.join(self.literal(type.of_type, depth + 1) for _ in range(random.randrange(3)))}]"
        if isinstance(type, GraphQLEnumType):
            names: list[str] = list(type.values)
            return random.choice(names)
        if isinstance(type, GraphQLInputObjectType):
            return f"{{{', '.join(f'{name}: {self.literal(type.fields[name].type, depth + 1)}' for name in self.fields(type, depth))}}}"
        if type.name in self.samples and random.random() < 0.8:
            return json.dumps(random.choice(self.samples[type.name]))
        return random.choice(LITERALS[type.name])

    def fields(self, type: GraphQLInputObjectType, depth: int) -> list[str]:
        """Choose which fields of an input object are set. Returns their names in random order."""
        random, fields = self.random, type.fields
        if type.is_one_of:
            return [random.choice(list(fields))]
        rate = 0.0 if depth > MAX_DEPTH else 0.25
        names = [name for name, field in fields.items() if is_required_input_field(field) or random.random() < rate]
        random.shuffle(names)
        return names

    def raw(self, type: GraphQLInputType, depth: int = 0) -> Any:
        """A random input value of this type, as a JSON value for a variable. With the probability `wrong`, the value is a wrong one."""
        if self.random.random() < self.wrong:
            return self.random.choice(NEARLY.get(get_named_type(type).name, WRONG) if self.random.random() < 0.5 else WRONG)
        if isinstance(type, GraphQLNonNull):
            return self.raw_present(type.of_type, depth)
        return None if self.random.random() < 0.12 else self.raw_present(type, depth)

    def raw_present(self, type: Any, depth: int) -> Any:
        """Like `raw`, but the value itself is correct and not null. Its fields and items may be wrong or null. Instead of a list, it may be a single
        item, which may be wrong or null too.
        """
        random = self.random
        if isinstance(type, GraphQLList):
            if random.random() < 0.15:
                return self.raw(type.of_type, depth)
            return [self.raw(type.of_type, depth + 1) for _ in range(random.randrange(3))]
        if isinstance(type, GraphQLEnumType):
            return random.choice(list(type.values))
        if isinstance(type, GraphQLInputObjectType):
            return {name: self.raw(type.fields[name].type, depth + 1) for name in self.fields(type, depth)}
        return random.choice(self.samples[type.name] if type.name in self.samples and random.random() < 0.8 else RAW[type.name])
