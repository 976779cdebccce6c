"""Runs the soak of the provider's integration. See tests/soak/README.md.

python -m tests.soak --seed 7 --verifications 10000
"""

import argparse
import json
import logging
import shutil
import sys
import tempfile
from pathlib import Path
from time import strftime
from urllib.parse import urlsplit, urlunsplit

import uvloop

from gateway.development.mongod import EmbeddedMongo
from tests.soak.planted import BUGS
from tests.soak.report import figures, text
from tests.soak.run import Plan, soak

DATABASE = "soak"


def main() -> int:
    """Run the soak, then print and save the results. Returns the exit code: 1 if there is a violation, otherwise 0."""
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="the same seed picks the same outcomes and faults")
    parser.add_argument("--verifications", type=int, default=10_000, help="how many verifications are created")
    parser.add_argument("--gateways", type=int, default=3, help="the number of gateway processes")
    parser.add_argument("--per-second", type=float, default=6.0, help="how many verifications are created each second")
    parser.add_argument("--grace-seconds", type=float, default=25.0, help="how long after the last creation all gateways are killed")
    parser.add_argument("--patience-seconds", type=float, default=300.0, help="how long everything may take to settle at the end")
    parser.add_argument("--planted", choices=sorted(BUGS), help="start the gateways with this bug, which the run must find")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="the directory for the results")
    parser.add_argument("--keep", action="store_true", help="keep logs and data even if there is no violation")
    arguments = vars(parser.parse_args())
    output, keep = arguments.pop("output"), arguments.pop("keep")
    plan = Plan(**arguments)
    # uvicorn logs an error for each answer of the fake that a fault cuts off. These errors are intended, so they are not shown.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    directory = Path(tempfile.mkdtemp(prefix="soak-"))
    with EmbeddedMongo(directory / "mongo") as mongo:
        uri = urlunsplit(urlsplit(mongo.uri)._replace(path=f"/{DATABASE}"))
        result = uvloop.run(soak(plan, uri, DATABASE, directory, lambda line: print(strftime("%H:%M:%S"), line, flush=True)))
    found = figures(result)
    output.mkdir(parents=True, exist_ok=True)
    name = f"soak-{strftime('%Y%m%d-%H%M%S')}-seed-{plan.seed}"
    (output / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    (output / f"{name}.txt").write_text(text(found))
    print(text(found))
    print(f"written to {output / name}.json and .txt")
    if keep or result.findings:
        print(f"the logs are in {directory}")
    else:
        shutil.rmtree(directory)
    return 1 if result.findings else 0


if __name__ == "__main__":
    sys.exit(main())
