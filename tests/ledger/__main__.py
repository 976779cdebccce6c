"""Runs the ledger, which checks under faults that no change is lost. See tests/ledger/README.md.

python -m tests.ledger --seed 7 --minutes 20 --faults 200
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from time import strftime

import uvloop

from tests.ledger import cluster
from tests.ledger.nemesis import TABLE
from tests.ledger.planted import BUGS
from tests.ledger.report import figures, text
from tests.ledger.run import Outcome, Plan, ledger, proxies


def main() -> int:
    """Run the ledger, then print and save the results. Returns the exit code: 1 if the checker found a breach, otherwise 0."""
    parser = argparse.ArgumentParser(prog="tests.ledger", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="the same seed picks the same faults")
    parser.add_argument("--minutes", type=float, default=20, help="the maximum time for injecting faults")
    parser.add_argument("--faults", type=int, default=200, help="the number of faults")
    parser.add_argument("--quick", action="store_true", help="inject only kinds of faults that last at most a few seconds")
    parser.add_argument("--only", action="append", default=[], choices=[kind.name for kind in TABLE], help="only this kind of fault; repeatable")
    parser.add_argument("--subscribers", type=float, default=1.0, help="the number of subscribers, as a multiple of sixty")
    parser.add_argument("--writers", type=int, default=10, help="the number of writers; each makes about one write a second")
    parser.add_argument("--planted", choices=sorted(BUGS), help="start the gateways with this bug, which the run must find")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="the directory for the results")
    parser.add_argument("--keep", action="store_true", help="keep logs, journals and data even if no breach is found")
    arguments = vars(parser.parse_args())
    output, keep = arguments.pop("output"), arguments.pop("keep")
    directory = Path(tempfile.mkdtemp(prefix="ledger-"))
    outcome = uvloop.run(run(Plan(**{**arguments, "only": tuple(arguments["only"])}), directory))
    result = figures(outcome)
    output.mkdir(parents=True, exist_ok=True)
    name = f"ledger-{strftime('%Y%m%d-%H%M%S')}-seed-{outcome.plan.seed}"
    (output / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (output / f"{name}.txt").write_text(text(result))
    print(text(result))
    print(f"written to {output / name}.json and .txt")
    if keep or outcome.findings:
        print(f"all journals and logs are in {directory}")
    else:
        shutil.rmtree(directory)
    return 1 if outcome.findings else 0


async def run(plan: Plan, directory: Path) -> Outcome:
    """Start the proxies and a replica set, and run the ledger with them."""
    with proxies() as opened:
        async with cluster.running(directory, opened) as running:
            return await ledger(plan, running, directory, "ledger", lambda line: print(strftime("%H:%M:%S"), line, flush=True))


if __name__ == "__main__":
    sys.exit(main())
