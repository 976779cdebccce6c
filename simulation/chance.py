"""Random choices and delays, drawn from a seeded generator."""

from collections.abc import Mapping
from math import log
from random import Random
from typing import TypeVar

T = TypeVar("T")

SPREAD, MAX_MEDIANS = 0.55, 6.0


def weighted(random: Random, weights: Mapping[T, float]) -> T:
    """A random key, with a probability proportional to its weight."""
    return random.choices(list(weights), list(weights.values()))[0]


def delay(random: Random, median_seconds: float) -> float:
    """How long a person takes, in seconds. Log-normal: mostly near the median, sometimes far above it, at most `MAX_MEDIANS` medians."""
    return round(min(random.lognormvariate(log(median_seconds), SPREAD), MAX_MEDIANS * median_seconds), 2)
