"""Runs the drill of sockets: 10,000 live subscriptions on one process, and their storm of connections after a kill. See docs/scaling.md.

python -m tests.drill.sockets --sockets 10000
python -m tests.drill.sockets --sockets 5000 --proxy nginx
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from time import strftime

import uvloop

from bench import machine
from bench.processors import LOAD, stay
from gateway.development.mongod import EmbeddedMongo
from gateway.server import make_room
from tests.deploying.recipes import PROXY_NAMES
from tests.drill.rolling import rolling_restart
from tests.drill.storm import FAULTS_OF_STORM, StormOutcome, StormPlan, storm


def main() -> int:
    """Run the drill and print its figures and findings. Returns the exit code: 1 if there is a finding."""
    parser = argparse.ArgumentParser(prog="tests.drill.sockets", description=__doc__)
    parser.add_argument("--sockets", type=int, default=StormPlan().sockets, help="the number of clients, each with a socket")
    parser.add_argument("--workspaces", type=int, default=StormPlan().workspaces, help="over how many workspaces they are spread")
    parser.add_argument("--patience-seconds", type=float, default=StormPlan().patience_seconds, help="how long clients may take for each step")
    parser.add_argument(
        "--planted", choices=sorted(FAULTS_OF_STORM), help="start the gateway after the kill with this fault, which the run must find"
    )
    parser.add_argument("--proxy", choices=PROXY_NAMES, help="a rolling restart of two gateways behind this proxy, in place of the kill")
    parser.add_argument("--output", type=Path, help="a file for the figures, as JSON")
    arguments = vars(parser.parse_args())
    output, proxy_name = arguments.pop("output"), arguments.pop("proxy")
    plan = StormPlan(**arguments)
    make_room()
    directory = Path(tempfile.mkdtemp(prefix="drill-sockets-"))
    if not proxy_name:
        # This process, MongoDB and the clients leave the first processor to the gateway.
        stay(LOAD)
    with EmbeddedMongo(directory / "mongo") as mongo:
        running = rolling_restart(plan, proxy_name, mongo.uri, directory, report) if proxy_name else storm(plan, mongo.uri, directory, report)
        outcome = uvloop.run(running)
    print_outcome(outcome)
    if output:
        output.write_text(json.dumps({"machine": machine.described(), "figures": outcome.figures}, indent=1) + "\n")
    print(f"findings: {len(outcome.findings)}; all logs are in {directory}")
    return 1 if outcome.findings else 0


def report(line: str) -> None:
    """Print what happens, with the time."""
    print(strftime("%H:%M:%S"), line, flush=True)


def print_outcome(outcome: StormOutcome) -> None:
    """Print the figures and the findings, one in each line."""
    for name, figure in outcome.figures.items():
        print(f"{name.replace('_', ' '):34} {figure:12,.1f}")
    for finding in outcome.findings:
        print(finding)


if __name__ == "__main__":
    sys.exit(main())
