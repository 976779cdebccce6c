"""The ledger as a command: python -m tests.ledger --seed 7 --minutes 20 --faults 200."""

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
from tests.ledger.run import Outcome, Plan, doors, ledger


def main() -> int:
    """Run it, tell what it came to, and keep that; 1 where the promise was broken."""
    parser = argparse.ArgumentParser(prog="tests.ledger", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="the same seed picks the same faults")
    parser.add_argument("--minutes", type=float, default=20, help="the longest time in which faults are made")
    parser.add_argument("--faults", type=int, default=200, help="how many faults")
    parser.add_argument("--quick", action="store_true", help="only faults of the quick kinds")
    parser.add_argument("--only", action="append", default=[], choices=[kind.name for kind in TABLE], help="only faults of this kind, or of these")
    parser.add_argument("--subscribers", type=float, default=1.0, help="how many times sixty subscribers")
    parser.add_argument("--writers", type=int, default=10, help="how many writers, each of about one write a second")
    parser.add_argument("--planted", choices=sorted(BUGS), help="a bug to build into the gateways: it must be found")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="the directory for the results")
    parser.add_argument("--keep", action="store_true", help="keep logs, journals and data of a green run too")
    given = vars(parser.parse_args())
    output, keep = given.pop("output"), given.pop("keep")
    directory = Path(tempfile.mkdtemp(prefix="ledger-"))
    outcome = uvloop.run(run(Plan(**{**given, "only": tuple(given["only"])}), directory))
    told = figures(outcome)
    output.mkdir(parents=True, exist_ok=True)
    name = f"ledger-{strftime('%Y%m%d-%H%M%S')}-seed-{outcome.plan.seed}"
    (output / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n")
    (output / f"{name}.txt").write_text(text(told))
    print(text(told))
    print(f"written to {output / name}.json and .txt")
    if keep or outcome.findings:
        print(f"all that was written down is in {directory}")
    else:
        shutil.rmtree(directory)
    return 1 if outcome.findings else 0


async def run(plan: Plan, directory: Path) -> Outcome:
    """The run, with a replica set of its own."""
    with doors() as opened:
        async with cluster.running(directory, opened) as running:
            return await ledger(plan, running, directory, "ledger", lambda line: print(strftime("%H:%M:%S"), line, flush=True))


if __name__ == "__main__":
    sys.exit(main())
