"""Random choices and delays for the simulation. The generator is seeded, so a simulation can be repeated."""

from collections.abc import Mapping
from math import log
from random import Random
from typing import TypeVar

T = TypeVar("T")

# The shape of the distribution of delays (`delay`): the standard deviation of their logarithm, and the longest delay as a multiple of the median.
SPREAD, MAX_MEDIANS = 0.55, 6.0


def weighted(random: Random, weights: Mapping[T, float]) -> T:
    """One of the keys, chosen at random. The probability of each key is proportional to its weight."""
    return random.choices(list(weights), list(weights.values()))[0]


def delay(random: Random, median_seconds: float) -> float:
    """A random time that a person takes for a step, in seconds.

    The distribution is log-normal: most times are near the median, some are far longer, none is longer than `MAX_MEDIANS` medians.
    """
    return round(min(random.lognormvariate(log(median_seconds), SPREAD), MAX_MEDIANS * median_seconds), 2)
