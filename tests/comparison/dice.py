"""Chance that two executions share: what happens at a place depends on the seed and the place alone."""

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

T = TypeVar("T")

SIDES = 10_000


class Dice:
    """Dice that fall the same way whenever the same is asked. `rate` is how often something goes wrong, from 0 to 1."""

    def __init__(self, seed: int, rate: float) -> None:
        self.seed = seed
        self.rate = rate

    def number(self, *of: object) -> int:
        """A number for this, any from 0 on."""
        return crc32(repr((self.seed, of)).encode())

    def chosen(self, among: Sequence[T], *of: object) -> T:
        """One of these."""
        return among[self.number("chosen", *of) % len(among)]

    def happens(self, rate: float, *of: object) -> bool:
        """Whether something happens that does so at this rate."""
        return self.number("happens", *of) % SIDES < rate * SIDES

    def misses(self, *of: object) -> bool:
        """Whether something goes wrong here."""
        return self.happens(self.rate, *of)
