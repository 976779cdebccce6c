"""Makes each alert fire in a real Prometheus, follows its runbook, and checks that it is resolved. See docs/reliability.md.

python -m tests.alerts --only FeedSilent
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import strftime

import uvloop

from tests.alerts.rules import SHORT, WAITING, alerts
from tests.alerts.run import Played, missing, play_all


def main() -> int:
    """Play all scenarios, and print a table. Returns the exit code: 1 if an alert did not fire, was not resolved, or has no scenario."""
    parser = argparse.ArgumentParser(prog="tests.alerts", description=__doc__)
    parser.add_argument("--only", action="append", default=[], choices=[*alerts()], help="only this alert; repeatable")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="alerts-"))
    results = uvloop.run(play_all(directory, arguments.only, lambda line: print(strftime("%H:%M:%S"), line, flush=True)))
    for line in table(results):
        print(line)
    print(f"without a scenario: {', '.join(sorted(missing())) or 'none'}; all logs are in {directory}")
    return 1 if missing() or any(played.failure for played in results) else 0


def table(results: Sequence[Played]) -> Iterator[str]:
    """The results as a table in Markdown, in the order of the rules."""
    yield "| alert | made to fire by | fired after | the steps of its runbook | resolved after |"
    yield "|---|---|---:|---|---:|"
    order = [*alerts()]
    for played in sorted(results, key=lambda each: order.index(each.alert)):
        scenario = played.scenario
        if played.failure:
            yield f"| {played.alert} | {scenario.fault} | **failed** | {scenario.remedy} | {played.failure.splitlines()[0]} |"
            continue
        notes = f"{' ¹' if played.resolved_in == SHORT else ''}{' ²' if played.alert in WAITING else ''}"
        yield f"| {played.alert} | {scenario.fault} | {played.fired_seconds:.0f} s | {scenario.remedy} | {played.resolved_seconds:.0f} s{notes} |"


if __name__ == "__main__":
    sys.exit(main())
