"""Tests that each round measures each case once, and that the order of the cases rotates (bench/rounds.py)."""

from bench.rounds import columns, in_turn, turns


def test_the_order_of_the_cases_rotates_from_round_to_round() -> None:
    orders = [list(names) for _, names in turns("abc", 4)]

    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


def test_each_case_is_measured_once_a_round() -> None:
    found = in_turn({"one": lambda number: number, "two": lambda number: -number}, 3)

    assert found == {"one": [0, 1, 2], "two": [0, -1, -2]}


def test_figures_are_grouped_by_kind() -> None:
    assert columns([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}]) == {"a": [1.0, 3.0], "b": [2.0, 4.0]}
