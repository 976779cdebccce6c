"""Two answers to one operation, compared: what must be the same, and what may differ."""

import re
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError

# Where an object lies in memory is no part of what it is.
ADDRESS = re.compile("0x[0-9a-f]{6,}")

Path = tuple[str | int, ...]
Told = tuple[Any, ...]


class Verdict(Enum):
    """How two answers compare."""

    EQUAL = "equal in full"
    RACED = "equal but for errors that raced under a nulled place"
    DIFFERENT = "different"


def compared(
    expected: ExecutionResult,
    got: ExecutionResult,
    possible: list[GraphQLError] | None = None,
    plainly: Callable[[str], str] = str,
    told_once: tuple[str, ...] = (),
) -> Verdict:
    """How an answer compares with the one that is expected.

    `possible`: all errors that the operation can have, where they are known; those that differ must be among these.
    `plainly`: what texts read like without what is new in each answer. `told_once`: how messages begin that stand anywhere, but once.
    """
    if type(got) is not type(expected) or got.extensions != expected.extensions:
        return Verdict.DIFFERENT
    if plainly(written(got.data)) != plainly(written(expected.data)):
        return Verdict.DIFFERENT
    wanted, found = told(expected.errors, plainly), told(got.errors, plainly)
    if wanted == found and (got.errors is None) == (expected.errors is None):
        return Verdict.EQUAL
    wanted, found = anywhere(wanted, told_once), anywhere(found, told_once)
    if wanted == found:
        return Verdict.RACED
    if any(not path for _, path, *_ in (*(wanted - found), *(found - wanted))) or nulled(expected) != nulled(got):
        return Verdict.DIFFERENT
    if possible is not None and found - wanted - told(possible, plainly):
        return Verdict.DIFFERENT
    return Verdict.RACED if raced(expected.data, wanted, found) else Verdict.DIFFERENT


def anywhere(errors: "Counter[Told]", told_once: tuple[str, ...]) -> "Counter[Told]":
    """The errors, those that are told once without their places."""
    return (
        Counter(
            {
                ((message, (), (), *rest) if message.startswith(told_once) else (message, path, locations, *rest)): number
                for (message, path, locations, *rest), number in errors.items()
            }
        )
        if told_once
        else errors
    )


def raced(data: Any, wanted: "Counter[Told]", found: "Counter[Told]") -> bool:
    """Whether errors differ only where several fields can have failed under one nulled place, and none is told twice."""
    differ = [path for _, path, *_ in (wanted - found) + (found - wanted)]
    return max(found.values(), default=0) <= 1 and all(len(place(data, path)) < len(path) for path in differ)


def told(errors: list[GraphQLError] | None, plainly: Callable[[str], str] = str) -> "Counter[Told]":
    """What errors say, in any order."""
    return Counter(
        (
            plainly(ADDRESS.sub("0x", error.message)),
            tuple(error.path or ()),
            tuple((location.line, location.column) for location in error.locations or ()),
            ADDRESS.sub("0x", repr(error.extensions)),
            type(error.original_error).__name__,
        )
        for error in errors or ()
    )


def written(data: Any) -> str:
    """Data as clients receive them."""
    try:
        text = orjson.dumps(data, default=repr).decode()
    except TypeError:
        # Numbers beyond 64 bits, which nobody but Python writes.
        text = repr(data)
    return ADDRESS.sub("0x", text)


def nulled(result: ExecutionResult) -> set[Path]:
    """The places that are null for an error."""
    return {place(result.data, tuple(error.path or ())) for error in result.errors or ()}


def place(data: Any, path: Path) -> Path:
    """Where an error has left its null: the path as far as there are data."""
    for length, key in enumerate(path):
        if data is None:
            return path[:length]
        try:
            data = data[key]
        except (LookupError, TypeError):
            return path
    return path
