"""Measuring in turn: whatever else the machine does meanwhile hits everybody alike."""

from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeVar

Key = TypeVar("Key")
Figure = TypeVar("Figure")


def in_turn(cases: Mapping[Key, Callable[[int], Figure]], rounds: int) -> dict[Key, list[Figure]]:
    """What each case found in each round: A B C, B C A, C A B."""
    keys = list(cases)
    found: dict[Key, list[Figure]] = {key: [] for key in keys}
    for number in range(rounds):
        first = number % len(keys)
        for key in keys[first:] + keys[:first]:
            found[key].append(cases[key](number))
    return found


def middle(figures: Mapping[str, list[float]], name: str) -> float:
    """The median of a case."""
    return median(figures[name])
