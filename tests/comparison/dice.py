"""Random choices that depend only on a seed and a place in the response. Both executors therefore meet the same values and faults."""

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

T = TypeVar("T")

SIDES = 10_000


class Dice:
    """Makes random choices. Dice with the same seed always make the same choice for the same place.

    `rate`: the probability of a fault at a place, from 0 to 1. The arguments `of` of each method identify the place and the purpose of the choice.
    """

    def __init__(self, seed: int, rate: float) -> None:
        self.seed = seed
        self.rate = rate

    def number(self, *of: object) -> int:
        """A random number from 0 to 2^32 - 1 for this place."""
        return crc32(repr((self.seed, of)).encode())

    def chosen(self, among: Sequence[T], *of: object) -> T:
        """A random one of the values in `among`, for this place."""
        return among[self.number("chosen", *of) % len(among)]

    def happens(self, rate: float, *of: object) -> bool:
        """Whether an event of the probability `rate` happens at this place."""
        return self.number("happens", *of) % SIDES < rate * SIDES

    def misses(self, *of: object) -> bool:
        """Whether a fault happens at this place, instead of a correct value. The probability is `rate`."""
        return self.happens(self.rate, *of)
