"""Measuring in turn: whatever else the machine does meanwhile hits everybody alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key")
Figure = TypeVar("Figure")


def turns(keys: Sequence[Key], rounds: int) -> Iterator[tuple[int, Sequence[Key]]]:
    """The rounds, each with its order: A B C, B C A, C A B."""
    for number in range(rounds):
        first = number % len(keys)
        yield number, [*keys[first:], *keys[:first]]


def in_turn(cases: Mapping[Key, Callable[[int], Figure]], rounds: int) -> dict[Key, list[Figure]]:
    """What each case found in each round."""
    found: dict[Key, list[Figure]] = {key: [] for key in cases}
    for number, keys in turns(list(cases), rounds):
        for key in keys:
            found[key].append(cases[key](number))
    return found


def columns(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    """The same figures, each kind by itself."""
    return {kind: [row[kind] for row in rows] for kind in rows[0]}
