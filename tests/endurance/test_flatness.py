"""Tests that a rising figure is noticed, and that noise is not."""

from math import sin

import pytest

from tests.endurance.flatness import LIMITS, Flat, Sample, verdict

MEMORY = Flat("memory", "Memory", "MB", 0.05)
HALF_AN_HOUR = range(0, 1800, 15)


def wavy(level: float, rise: float = 0.0, wave: float = 0.0) -> list[Sample]:
    """Samples that rise by `rise` in half an hour, with waves of this height."""
    return [(float(at), level + rise * at / 1800 + wave * sin(at)) for at in HALF_AN_HOUR]


@pytest.mark.parametrize("samples", [wavy(100), wavy(100, wave=20), wavy(100, rise=4), wavy(100, rise=-50)])
def test_noise_a_small_rise_and_a_fall_are_flat(samples: list[Sample]) -> None:
    assert verdict(MEMORY, "worker 1", samples).kept


@pytest.mark.parametrize("samples", [wavy(100, rise=8), wavy(100, rise=20, wave=20)])
def test_a_rise_is_noticed_even_in_noise(samples: list[Sample]) -> None:
    assert not verdict(MEMORY, "worker 1", samples).kept


def test_the_warm_up_and_single_outliers_do_not_count() -> None:
    samples = [(at, value / 3 if at < 250 else value) for at, value in wavy(100)]
    samples[60] = samples[60][0], 10_000.0

    assert verdict(MEMORY, "worker 1", samples).rise == 0


@pytest.mark.parametrize("flat", LIMITS, ids=lambda flat: flat.figure)
def test_every_figure_that_doubles_is_noticed(flat: Flat) -> None:
    assert not verdict(flat, "worker 1", wavy(50, rise=50)).kept
