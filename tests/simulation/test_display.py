from simulation.display import dashboard, line, summary
from simulation.tally import Tally
from tests.simulation.test_tally import CREATED, FAILED, moved


def test_the_display_shows_counts_faults_and_changes() -> None:
    tally = Tally(lives=3, in_flight=2, left=1, faults=4, errors=1, last_fault="HTTP 503", last_error="no response")
    tally.refusals["CONFLICT"] += 1
    moved(tally, CREATED, FAILED)

    text = "\n".join(row.plain for row in summary(tally))

    assert "3 started, 2 in flight: 0 pending, 0 verified, 1 failed, 0 inconclusive; 1 refused, 4 faults, 1 errors" in line(tally)
    assert "1 left to their deadlines" in text
    assert "1 CONFLICT" in text
    assert "the last: HTTP 503" in text
    assert "the last: no response" in text
    assert dashboard(tally).renderables
