"""Draws from a seeded source."""

from collections.abc import Mapping
from math import log
from random import Random
from typing import TypeVar

T = TypeVar("T")

SPREAD, LONGEST_IN_MEDIANS = 0.55, 6.0


def weighted(random: Random, weights: Mapping[T, float]) -> T:
    """One of the keys, each as often as its weight says."""
    return random.choices(list(weights), list(weights.values()))[0]


def delay(random: Random, median_seconds: float) -> float:
    """A time that people take: log-normal, so mostly near the median, sometimes far above it, and never without bounds."""
    return round(min(random.lognormvariate(log(median_seconds), SPREAD), LONGEST_IN_MEDIANS * median_seconds), 2)
