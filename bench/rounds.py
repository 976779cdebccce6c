"""Measures cases in turn, so that other load on the machine affects all of them alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key")
Figure = TypeVar("Figure")


def turns(keys: Sequence[Key], rounds: int) -> Iterator[tuple[int, Sequence[Key]]]:
    """The number of each round, and the order of the cases in it: A B C, B C A, C A B."""
    for number in range(rounds):
        first = number % len(keys)
        yield number, [*keys[first:], *keys[:first]]


def in_turn(cases: Mapping[Key, Callable[[int], Figure]], rounds: int) -> dict[Key, list[Figure]]:
    """The figures of each case, one for each round."""
    found: dict[Key, list[Figure]] = {key: [] for key in cases}
    for number, keys in turns(list(cases), rounds):
        for key in keys:
            found[key].append(cases[key](number))
    return found


def columns(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    """The figures of all rounds by kind. Every row has the same kinds."""
    return {kind: [row[kind] for row in rows] for kind in rows[0]}
