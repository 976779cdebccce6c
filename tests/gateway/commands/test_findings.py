"""Tests the exit statuses of `gateway check`."""

import re
from pathlib import Path

from gateway.commands.findings import Finding, Problem, exit_status

PAGE = Path(__file__).parents[3] / "docs" / "running.md"


def test_without_a_problem_the_status_is_zero() -> None:
    assert exit_status([Finding("fine"), Finding("also fine")]) == 0


def test_the_status_is_that_of_the_first_kind_of_problem() -> None:
    found = [Finding("late", Problem.INDEXES), Finding("fine"), Finding("early", Problem.KEYS), Finding("later", Problem.CLOCK)]

    assert exit_status(found) == 11


def test_the_page_lists_every_kind_of_problem() -> None:
    rows = re.findall(r"^\| (\d+) \| .+ \|$", PAGE.read_text(), re.MULTILINE)

    assert [int(status) for status in rows] == sorted(Problem)
