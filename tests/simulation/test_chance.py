from collections import Counter
from random import Random
from statistics import median

import pytest

from simulation.chance import MAX_MEDIANS, delay, weighted


def test_keys_are_drawn_in_proportion_to_their_weights() -> None:
    random = Random(1)

    drawn = Counter(weighted(random, {"often": 90, "seldom": 10, "never": 0}) for _ in range(2000))

    assert drawn["never"] == 0
    assert drawn["seldom"] / drawn.total() == pytest.approx(0.1, abs=0.03)


def test_delays_are_around_the_median_and_bounded() -> None:
    random = Random(1)

    delays = [delay(random, 10.0) for _ in range(2000)]

    assert median(delays) == pytest.approx(10, rel=0.1)
    assert min(delays) > 0
    assert 20 < max(delays) <= MAX_MEDIANS * 10


def test_the_same_seed_draws_the_same_delays() -> None:
    assert [delay(Random(1), 10.0)] * 2 == [delay(Random(1), 10.0) for _ in range(2)]
