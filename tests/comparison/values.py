"""The values in the data of the nasty and the raw schema: correct values, and values that a resolver should never return."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from uuid import UUID

from graphql import Undefined


class Fault(Exception):
    """An exception that resolvers of the compared schemas raise on purpose."""


class Color(Enum):
    """An enum whose values differ from its members' names, so that a response shows which of the two was used."""

    RED = "r"
    GREEN = "g"
    BLUE = 3


class Level(IntEnum):
    """An enum whose members are also integers, which an executor could confuse with plain integers."""

    LOW = 1
    HIGH = 2


class Shade(Enum):
    """Another enum, whose member has the same name and value as a member of Color. It must not be accepted as a Color."""

    RED = "r"


class Text(str):
    """A subclass of str. The compiler's quick checks recognize only `str` itself; the result must be the same."""


class Whole(int):
    """A subclass of int. The compiler's quick checks recognize only `int` itself; the result must be the same."""


class Instant(datetime):
    """A subclass of datetime. The compiler's quick checks recognize only `datetime` itself; the result must be the same."""


class Odd(str):
    """The Python class of values of the custom scalar Odd (see inputs.py)."""


class Unhashable:
    """A value that can't be hashed. An executor that looks values up in a dict must report an ordinary error for it."""

    def __eq__(self, other: object) -> bool:
        return self is other


class Printable:
    """An object that is no value of a scalar, although `str` converts it to a text."""

    def __str__(self) -> str:
        return "printed"


class Zone(tzinfo):
    """A time zone with the offset of UTC that is not the object `datetime.UTC`. Database drivers define such time zones."""

    def utcoffset(self, at: datetime | None) -> timedelta:
        """The offset from UTC: zero."""
        return timedelta(0)

    def tzname(self, at: datetime | None) -> str:
        """The name of the zone. `tzinfo` requires this method."""
        return "UTC by another name"

    def dst(self, at: datetime | None) -> timedelta:
        """The shift by daylight saving time: zero."""
        return timedelta(0)


class Unreadable:
    """An iterable whose iteration fails before its first item."""

    def __iter__(self) -> Iterator[Any]:
        raise Fault("not iterable after all")


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EAST, WEST = timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-3))
NAN, INFINITY = float("nan"), float("inf")

TEXTS = ("", "a", "grün", 'a "quoted" one', "two\nlines", "1", Text("text"), "RED")
NUMBERS = (0, 1, -7, 2**31 - 1, -(2**31), Whole(5))
RATIOS = (0.0, 1.5, -2.25, 1e300, 3, 5e-324, 0.1)
FLAGS = (True, False)
IDS = ("a", "7", 7, -1, "", Text("id"), 2**70)
COLORS = (Color.RED, Color.GREEN, Color.BLUE)
INSTANTS = (
    NOON,
    NOON + timedelta(microseconds=1),
    NOON + timedelta(milliseconds=250),
    NOON.astimezone(EAST),
    NOON.astimezone(WEST),
    NOON.replace(tzinfo=Zone()),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    NOON.replace(tzinfo=None),
    Instant(2026, 3, 2, 12, tzinfo=UTC),
)
ODDS = (Odd("odd"), Odd("list"), Odd("tree"), Odd("number"))
# For each tuple above, which has the correct values of a type: values that are nearly correct for this type. Executors must coerce some of them, and
# refuse the others.
NEARLY: dict[Sequence[Any], tuple[Any, ...]] = {
    TEXTS: (1, 1.5, True, False, NAN, b"text", Color.RED, Printable(), Odd("odd"), [], ["a"], UUID(int=7)),
    NUMBERS: (2**31, -(2**31) - 1, 1.0, 1.5, 1e30, "1", "x", "", True, False, NAN, INFINITY, 10**30, Whole(2**40), Level.HIGH, Decimal("2")),
    RATIOS: (NAN, -NAN, INFINITY, -INFINITY, "1.5", "NaN", "", True, Decimal("1.5"), Decimal("NaN"), 10**400, Whole(6)),
    FLAGS: (0, 1, 2, 0.0, 1.5, NAN, "true", "", [], {}),
    IDS: (1.0, 1.5, True, UUID(int=7), b"id", NAN, Whole(7), []),
    COLORS: ("RED", "r", 3, "BLUE", Shade.RED, Level.LOW, "", []),
    INSTANTS: (date(2026, 3, 2), "2026-03-02T12:00:00Z", 0, timedelta(1), NOON.timetz()),
    ODDS: (Odd("fails"), Odd("refused"), Odd("nothing"), "x", 7, Odd("undefined")),
}
# Values of all classes, from which faults are chosen. Each value is right for some types or for none, so it is wrong for most.
STRANGE: tuple[Any, ...] = (
    *(True, False, 0, 1, -1, 2**31, -(2**31) - 1, 2**53, 10**30),
    *(1.0, 2.5, -0.0, NAN, INFINITY, -INFINITY, Decimal("1.5"), Decimal("NaN"), 1e17),
    *("", "x", "1", "1.5", "true", "RED", "r", "NaN", " 1 ", "1e3", b"bytes", bytearray(b"b")),
    *(Text("red"), Whole(2**40), Color.RED, Level.LOW, Shade.RED, NOON, date(2026, 3, 2), timedelta(1), UUID(int=7), Odd("fails"), Odd("nothing")),
    *([], {}, (), [1], {"a": 1}, {"name": "a dictionary"}, {1, }, frozenset(), range(2), Undefined, ..., Printable(), Unhashable()),
)  # fmt: skip
