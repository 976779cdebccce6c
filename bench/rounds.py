"""Measures several cases (such as servers) in rounds: each round measures each case once, so that other load on the machine affects all alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key")
Figure = TypeVar("Figure")


def turns(keys: Sequence[Key], rounds: int) -> Iterator[tuple[int, Sequence[Key]]]:
    """For each round, its number and the order of its cases. The order rotates: A B C, B C A, C A B."""
    for number in range(rounds):
        first = number % len(keys)
        yield number, [*keys[first:], *keys[:first]]


def in_turn(cases: Mapping[Key, Callable[[int], Figure]], rounds: int) -> dict[Key, list[Figure]]:
    """Measure each case once in each round. The functions get the number of the round. Returns the figures of each case, one for each round."""
    found: dict[Key, list[Figure]] = {key: [] for key in cases}
    for number, keys in turns(list(cases), rounds):
        for key in keys:
            found[key].append(cases[key](number))
    return found


def columns(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    """Turn the figures of many rounds into one list for each kind of figure. Every round must have the same kinds."""
    return {kind: [row[kind] for row in rows] for kind in rows[0]}
