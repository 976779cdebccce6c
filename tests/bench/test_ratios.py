"""Tests how bench/ratios.py divides the gateway's figures by those of its peers, and when a ratio meets its goal."""

import pytest

from bench.ratios import RATIOS, computed, computed_by_cpu, judged

FIGURES = {
    "point": {"gateway": {"per_second": [10.0, 40.0, 12.0]}, "rest": {"per_second": [6.0, 5.0, 1.0]}},
    "pages": {"first": {"ms": [2.0]}, "thousandth": {"ms": [3.0]}},
}
QUICK = {
    "point_vs_rest",
    "point_vs_mercurius",
    "point_vs_strawberry",
    "page_vs_rest",
    "page_vs_mercurius",
    "page_vs_strawberry",
    "page_inprocess_vs_strawberry",
    "fanout_one_vs_bare",
    "fanout_one_vs_graphql_ws",
    "fanout_many_vs_strawberry",
}


def test_a_ratio_divides_medians() -> None:
    assert computed(FIGURES)["point_vs_rest"] == pytest.approx(12 / 5)


def test_only_measured_figures_have_a_ratio() -> None:
    assert set(computed(FIGURES)) == {"point_vs_rest", "page_1000_vs_page_1"}


def test_a_goal_is_a_minimum_or_a_maximum() -> None:
    met = {ratio.key: ratio.met(value) for ratio, value in judged(computed(FIGURES))}

    assert met == {"point_vs_rest": True, "page_1000_vs_page_1": False}


def test_a_ratio_by_processor_time_favours_the_server_that_uses_less() -> None:
    figures = {"point": {"gateway": {"cpu_us": [50.0]}, "rest": {"cpu_us": [200.0]}}, "pages": {"first": {"cpu_us": [1.0]}}}

    assert computed_by_cpu(figures) == {"point_vs_rest": 4}


def test_each_ratio_has_a_unique_key() -> None:
    keys = [ratio.key for ratio in RATIOS]

    assert len(keys) == len(set(keys))
    assert set(keys) >= QUICK
