"""Tests that the picture of a benchmark shows the figures, and compares each peer with the gateway (bench/picture.py)."""

from xml.etree import ElementTree

import pytest

from bench.picture import compared, drawn

MACHINE = {"at": "2026-03-02T12:00:00+00:00", "processor": "A & B", "processors": 2}


def test_a_picture_is_well_formed_and_shows_the_figures() -> None:
    figures = {
        "point": {"gateway": {"per_second": [9000.0, 8000.0]}, "rest": {"per_second": [4000.0]}},
        "sizes": {"10000": {"ms": [1.5]}, "1000000": {"ms": [1.6]}},
        "memory": {"gateway": {"bytes": [30_000.0]}},
    }

    drawing = ElementTree.fromstring(drawn({"machine": MACHINE, "figures": figures}))

    texts = [element.text for element in drawing.iter() if element.text]
    assert {"8,500", "4,000", "2.1× slower", "1,000,000", "1.60 ms", "30.0 kB"} <= set(texts)


@pytest.mark.parametrize(
    ("mine", "theirs", "less_is_better", "words"),
    [(10, 5, False, "2.0× slower"), (5, 10, False, "2.0× faster"), (10, 5, True, "2.0× less"), (5, 10, True, "2.0× more")],
)
def test_a_peer_is_compared_with_the_gateway(mine: float, theirs: float, less_is_better: bool, words: str) -> None:
    assert compared(mine, theirs, less_is_better) == words
