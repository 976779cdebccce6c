from simulation.display import line, picture, summary
from simulation.tally import Tally
from tests.simulation.test_tally import CREATED, FAILED, moved


def test_the_display_tells_counts_troubles_and_changes() -> None:
    tally = Tally(lives=3, in_flight=2, left=1, faults=4, errors=1, last_fault="HTTP 503", last_error="no answer")
    tally.refusals["CONFLICT"] += 1
    moved(tally, CREATED, FAILED)

    words = "\n".join(text.plain for text in summary(tally))

    assert "3 begun, 2 in flight: 0 pending, 0 verified, 1 failed, 0 inconclusive; 1 refused, 4 faults, 1 errors" in line(tally)
    assert "1 left to their deadlines" in words
    assert "1 CONFLICT" in words
    assert "the last: HTTP 503" in words
    assert "the last: no answer" in words
    assert picture(tally).renderables
