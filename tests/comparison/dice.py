"""Random choices that two executions share: a choice depends only on the seed and the place where it is made."""

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

T = TypeVar("T")

SIDES = 10_000


class Dice:
    """Makes random choices that are the same whenever they are requested for the same place. `rate`: how often something goes wrong, from 0 to 1."""

    def __init__(self, seed: int, rate: float) -> None:
        self.seed = seed
        self.rate = rate

    def number(self, *of: object) -> int:
        """A number from 0 to 2^32 - 1 for this place."""
        return crc32(repr((self.seed, of)).encode())

    def chosen(self, among: Sequence[T], *of: object) -> T:
        """One of the values, chosen for this place."""
        return among[self.number("chosen", *of) % len(among)]

    def happens(self, rate: float, *of: object) -> bool:
        """Whether an event of this rate happens at this place."""
        return self.number("happens", *of) % SIDES < rate * SIDES

    def misses(self, *of: object) -> bool:
        """Whether something goes wrong at this place."""
        return self.happens(self.rate, *of)
