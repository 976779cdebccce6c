"""Tests that the picture in docs/reliability.md shows the run whose samples are kept, and that all its figures stayed flat."""

import json
from pathlib import Path

from tests.endurance.drawing import picture_of
from tests.endurance.flatness import LIMITS, verdicts

ROOT = Path(__file__).parents[2]
KEPT = json.loads((ROOT / "bench" / "results" / "endurance.json").read_text())


def test_the_picture_shows_the_samples_that_are_kept() -> None:
    assert (ROOT / "docs" / "endurance.svg").read_text() == picture_of(KEPT)


def test_all_figures_stayed_flat_for_half_an_hour() -> None:
    found = verdicts(KEPT["figures"])

    assert KEPT["minutes"] == 30
    assert {each.flat for each in found} == {*LIMITS}
    assert [each for each in found if not each.kept] == []
