"""Compares two results of one operation: data must be equal, and some errors may differ."""

import re
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError

# Memory addresses in messages differ between any two objects.
ADDRESS = re.compile("0x[0-9a-f]{6,}")

Path = tuple[str | int, ...]
ErrorKey = tuple[Any, ...]


class Verdict(Enum):
    """The outcome of comparing two results."""

    EQUAL = "equal in full"
    RACED = "equal but for errors that raced under a nulled place"
    DIFFERENT = "different"


def verdict_of(
    expected: ExecutionResult,
    got: ExecutionResult,
    possible: list[GraphQLError] | None = None,
    normalize: Callable[[str], str] = str,
    reported_once: tuple[str, ...] = (),
) -> Verdict:
    """The verdict on a result, compared with the expected one.

    `possible`: all errors that the operation can have, or None. Errors that differ must be among these.
    `normalize`: removes the parts of a text that are new in each result, such as ids.
    `reported_once`: beginnings of messages that an operation reports once, at any of several places.
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
    """The errors. Those that are reported once, at any of several places, lose their places."""
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
    """Whether errors differ only below nulled places, where several fields can have failed, and none is reported twice."""
    differ = [path for _, path, *_ in (expected_errors - found_errors) + (found_errors - expected_errors)]
    return max(found_errors.values(), default=0) <= 1 and all(len(place(data, path)) < len(path) for path in differ)


def error_counts(errors: list[GraphQLError] | None, normalize: Callable[[str], str] = str) -> "Counter[ErrorKey]":
    """The errors by everything that is compared of them, in any order: message, path, locations, extensions, class of the original error."""
    return Counter(
        (
            normalize(ADDRESS.sub("0x", error.message)),
            tuple(error.path or ()),
            tuple((location.line, location.column) for location in error.locations or ()),
            ADDRESS.sub("0x", repr(error.extensions)),
            type(error.original_error).__name__,
        )
        for error in errors or ()
    )


def json_text(data: Any) -> str:
    """The data as JSON text, as clients receive them."""
    try:
        text = orjson.dumps(data, default=repr).decode()
    except TypeError:
        # Integers beyond 64 bits, which orjson can't write.
        text = repr(data)
    return ADDRESS.sub("0x", text)


def nulled(result: ExecutionResult) -> set[Path]:
    """The places that are null because of an error."""
    return {place(result.data, tuple(error.path or ())) for error in result.errors or ()}


def place(data: Any, path: Path) -> Path:
    """The place that an error nulled: its path up to the first null in the data."""
    for length, key in enumerate(path):
        if data is None:
            return path[:length]
        try:
            data = data[key]
        except (LookupError, TypeError):
            return path
    return path
