"""The input types of the nasty schema (see tests/comparison/README.md).

They are input objects with defaults of all kinds, and a scalar that refuses some values.
"""

from datetime import datetime
from typing import Annotated, Any, NewType

import strawberry
from graphql import GraphQLError, Undefined
from strawberry.scalars import JSON

from tests.comparison.values import Color, Fault, Level

Odd = NewType("Odd", str)


def read_odd(value: Any) -> Any:
    """Coerces an input of the scalar Odd. It refuses the value "refused" with a GraphQLError, and "fails" with another exception."""
    if value == "refused":
        raise GraphQLError("odd in a way that is refused", extensions={"code": "ODD"})
    if value == "fails":
        raise Fault("odd in a way that fails")
    return f"odd {value!r}"


def write_odd(value: Any) -> Any:
    """Serializes a result of the scalar Odd. The output may be a value of any class, None or Undefined. "fails" and "refused" raise an exception."""
    if value == "fails":
        raise Fault("odd in a way that fails")
    if value == "refused":
        raise GraphQLError("odd in a way that is refused", extensions={"code": "ODD"})
    written = {"list": [1, {"a": None}], "tree": {"b": [], "a": {}}, "number": 7, "nothing": None, "undefined": Undefined}
    return written.get(value, f"odd {type(value).__name__}") if isinstance(value, str) else f"odd {type(value).__name__}"


ODD = strawberry.scalar(name="Odd", serialize=write_odd, parse_value=read_odd)
COLOR = strawberry.enum(Color)
LEVEL = strawberry.enum(Level)


@strawberry.input
class Range:
    """An input object whose fields have defaults or are nullable."""

    minimum: int = 1
    maximum: int | None = None
    steps: list[int] = strawberry.field(default_factory=lambda: [1, 2])


@strawberry.input
class Filter:
    """An input object whose fields are all optional. For most fields, a missing value and null differ: a missing value gives a default or UNSET."""

    text: str = "text"
    number: int | None = 3
    ratio: float | None = strawberry.UNSET
    flag: bool | None = None
    id: strawberry.ID | None = None
    color: Color = Color.RED
    colors: list[Color] | None = strawberry.UNSET
    level: Level | None = Level.HIGH
    grid: list[list[int | None]] | None = None
    range: Range = strawberry.field(default_factory=Range)
    ranges: list[Range] | None = None
    other: "Filter | None" = None
    maybe: strawberry.Maybe[int | None]
    surely: strawberry.Maybe[str]
    maybe_ranges: strawberry.Maybe[list[Range] | None]
    instant: datetime | None = None
    odd: Odd | None = None
    json: JSON | None = None
    renamed: Annotated[int, strawberry.argument(name="calledOtherwise")] = strawberry.field(default=5, name="calledOtherwise")


@strawberry.input
class Required:
    """An input object with required fields."""

    number: int
    colors: list[Color]
    range: Range
    optional: str | None = None


@strawberry.input(one_of=True)
class Either:
    """An input object of which exactly one field must be set."""

    number: strawberry.Maybe[int]
    text: strawberry.Maybe[str]
    range: strawberry.Maybe[Range]
