"""Compares the results of two executors for one operation. The data must be equal. Some errors may differ, see tests/comparison/README.md."""

import re
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError

from compiler.arguments import about_arguments

# A memory address, as in the text of a Python object. It is removed from messages and data, because it differs between any two objects.
ADDRESS = re.compile("0x[0-9a-f]{6,}")

Path = tuple[str | int, ...]
ErrorKey = tuple[Any, ...]


class Verdict(Enum):
    """The outcome of comparing two results."""

    EQUAL = "equal in full"
    RACED = "equal except for errors that raced below a value that became null"
    DIFFERENT = "different"


def verdict_of(
    expected: ExecutionResult,
    got: ExecutionResult,
    possible: list[GraphQLError] | None = None,
    normalize: Callable[[str], str] = str,
    reported_once: tuple[str, ...] = (),
) -> Verdict:
    """Compare a result (`got`) with the expected one.

    `possible`: all errors that the operation can report; None if they were not determined. An error that only `got` contains must be one of these.
    `normalize`: removes the parts of a text that are new in each result, such as ids.
    `reported_once`: the beginnings of some messages. A result reports such a message only once, even if several fields cause it. The two executors
        may therefore report it at different fields.
    """
    if type(got) is not type(expected) or got.extensions != expected.extensions:
        return Verdict.DIFFERENT
    if normalize(json_text(got.data)) != normalize(json_text(expected.data)):
        return Verdict.DIFFERENT
    expected_errors, found_errors = error_counts(expected.errors, normalize), error_counts(got.errors, normalize)
    if expected_errors == found_errors and (got.errors is None) == (expected.errors is None):
        return Verdict.EQUAL
    expected_errors, found_errors = without_places(expected_errors, reported_once), without_places(found_errors, reported_once)
    if expected_errors == found_errors:
        return Verdict.RACED
    if any(not path for _, path, *_ in (*(expected_errors - found_errors), *(found_errors - expected_errors))) or nulled(expected) != nulled(got):
        return Verdict.DIFFERENT
    if possible is not None and found_errors - expected_errors - error_counts(possible, normalize):
        return Verdict.DIFFERENT
    return Verdict.RACED if raced(expected.data, expected_errors, found_errors) else Verdict.DIFFERENT


def without_places(errors: "Counter[ErrorKey]", reported_once: tuple[str, ...]) -> "Counter[ErrorKey]":
    """The errors, without path and locations if the message begins with one of `reported_once`: executors may report it at different fields."""
    return (
        Counter(
            {
                ((message, (), (), *rest) if message.startswith(reported_once) else (message, path, locations, *rest)): number
                for (message, path, locations, *rest), number in errors.items()
            }
        )
        if reported_once
        else errors
    )


def raced(data: Any, expected_errors: "Counter[ErrorKey]", found_errors: "Counter[ErrorKey]") -> bool:
    """Whether a race explains why the errors differ: several fields failed below the same null, and the executors reported different ones of them.

    A race explains it if no error is reported twice, and all errors that differ are below a value that became null.
    """
    differ = [path for _, path, *_ in (expected_errors - found_errors) + (found_errors - expected_errors)]
    return max(found_errors.values(), default=0) <= 1 and all(len(place(data, path)) < len(path) for path in differ)


def error_counts(errors: list[GraphQLError] | None, normalize: Callable[[str], str] = str) -> "Counter[ErrorKey]":
    """Count the errors by all properties that are compared.

    These are message, path, locations, extensions, the class of the original error, and whether the error is about an argument.
    """
    return Counter(
        (
            normalize(ADDRESS.sub("0x", error.message)),
            tuple(error.path or ()),
            tuple((location.line, location.column) for location in error.locations or ()),
            ADDRESS.sub("0x", repr(error.extensions)),
            type(error.original_error).__name__,
            about_arguments(error),
        )
        for error in errors or ()
    )


def json_text(data: Any) -> str:
    """The data as JSON text, as clients receive them."""
    try:
        text = orjson.dumps(data, default=repr).decode()
    except TypeError:
        # orjson can't write these data: they contain an integer of more than 64 bits.
        text = repr(data)
    return ADDRESS.sub("0x", text)


def nulled(result: ExecutionResult) -> set[Path]:
    """The paths of the values that are null because of an error."""
    return {place(result.data, tuple(error.path or ())) for error in result.errors or ()}


def place(data: Any, path: Path) -> Path:
    """The path of the value that became null because of the error at `path`: the beginning of `path` that leads to the first null in the data."""
    for length, key in enumerate(path):
        if data is None:
            return path[:length]
        try:
            data = data[key]
        except (LookupError, TypeError):
            return path
    return path
