"""The comparison as a command: python -m tests.comparison --operations 20000 --seed 7."""

import argparse
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from time import monotonic, strftime
from typing import Any

import uvloop
from pymongo import MongoClient

from gateway.development.mongod import EmbeddedMongo
from tests.comparison.comparison import Verdict
from tests.comparison.executors import Compiled
from tests.comparison.own import places
from tests.comparison.run import Tally, compare, trials
from tests.comparison.subjects import Subject, subjects

# Of each hundred operations.
SHARES = {"nasty": 50, "raw": 25, "own": 25}
AT_ONCE = 500
MAX_DIFFERENCES = 50


def main() -> int:
    """Compare, tell what it came to; 1 where there was a difference."""
    parser = argparse.ArgumentParser(prog="tests.comparison", description=__doc__)
    parser.add_argument("--operations", type=int, default=20_000, help="how many documents; each is executed three times")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same operations")
    parser.add_argument("--only", choices=sorted(SHARES), help="over this schema only")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, EmbeddedMongo(Path(directory)) as mongo:
        differences = uvloop.run(run(given.operations, given.seed, given.only, mongo.uri))
    return 1 if differences else 0


async def run(operations: int, seed: int, only: str | None, mongo_uri: str) -> int:
    """Compare over each schema; how many differences there were."""
    whole, begun = Tally(), monotonic()
    with MongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as mongo:
        async with places(mongo_uri, mongo) as both:
            for subject in (*subjects(), both.subject):
                if only in (None, subject.name):
                    whole += await long(subject, operations if only else operations * SHARES[subject.name] // 100, seed)
            same = await both.held(first=True) == await both.held(first=False)
    print(f"in all, in {monotonic() - begun:.0f} s:\n{whole}")
    print(f"what the mutations made of two databases is {'the same' if same else 'NOT the same'}")
    return whole.verdicts[Verdict.DIFFERENT] + (not same)


async def long(subject: Subject, operations: int, seed: int) -> Tally:
    """Compare over one schema, with dates as text and left to orjson in turn, and tell how far it is."""
    whole, asked = Tally(), trials(subject, operations, seed)
    ways = cycle([Compiled(subject.schema, dates_left_to_orjson=choice) for choice in (False, True)])
    while whole.operations < operations:
        whole += await compare(subject, islice(asked, AT_ONCE), next(ways), most=MAX_DIFFERENCES, told=lambda difference: print(difference))
        print(strftime("%H:%M:%S"), f"{subject.name}: {whole.operations} operations, {whole.verdicts[Verdict.DIFFERENT]} differences", flush=True)
    print(f"{subject.name}: {whole}", flush=True)
    return whole


if __name__ == "__main__":
    sys.exit(main())
