"""Compares the compiled executor with graphql-core: both execute random operations, and their results must be equal.

python -m tests.comparison --operations 20000 --seed 7
"""

import argparse
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from time import monotonic, strftime
from typing import Any

import uvloop
from pymongo import MongoClient

from compiler.checks import NO_SERIALIZERS
from gateway.development.mongod import EmbeddedMongo
from tests.comparison.comparison import Verdict
from tests.comparison.executors import Compiled, direct_serializers
from tests.comparison.own import two_databases
from tests.comparison.run import Tally, compare, trials
from tests.comparison.subjects import Subject, subjects

# The share of each schema in the operations, in percent. For the schemas, see tests/comparison/README.md.
SHARES = {"nasty": 50, "raw": 25, "own": 25}
# Two instances of our compiler take turns: only one of them calls serializers directly. Each executes this many operations in a turn. After each
# turn, the progress is printed.
AT_ONCE = 500
MAX_DIFFERENCES = 50


def main() -> int:
    """Run the command. Returns its exit code: 1 if there was a difference, else 0."""
    parser = argparse.ArgumentParser(prog="tests.comparison", description=__doc__)
    parser.add_argument("--operations", type=int, default=20_000, help="how many documents; each is executed three times")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same operations")
    parser.add_argument("--only", choices=sorted(SHARES), help="compare on this schema only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, EmbeddedMongo(Path(directory)) as mongo:
        differences = uvloop.run(run(options.operations, options.seed, options.only, mongo.uri))
    return 1 if differences else 0


async def run(operations: int, seed: int, only: str | None, mongo_uri: str) -> int:
    """Compare the executors on each schema, and print the counts. Returns the number of differences."""
    whole, started = Tally(), monotonic()
    with MongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as mongo:
        async with two_databases(mongo_uri, mongo) as databases:
            for subject in (*subjects(), databases.subject):
                if only in (None, subject.name):
                    whole += await compare_subject(subject, operations if only else operations * SHARES[subject.name] // 100, seed)
            same = await databases.content(first=True) == await databases.content(first=False)
    print(f"total, in {monotonic() - started:.0f} s:\n{whole}")
    print(f"after the mutations, the content of the two databases is {'equal' if same else 'NOT equal'}")
    return whole.verdicts[Verdict.DIFFERENT] + (not same)


async def compare_subject(subject: Subject, operations: int, seed: int) -> Tally:
    """Compare the executors on one schema, and print the progress.

    Two compilers take turns: the plans of the first one complete instants by a position, those of the second one call the serializer directly.
    """
    whole, remaining = Tally(), trials(subject, operations, seed)
    executors = cycle([Compiled(subject.schema, serializers=choice) for choice in (NO_SERIALIZERS, direct_serializers(subject.schema))])
    while whole.operations < operations:
        whole += await compare(
            subject, islice(remaining, AT_ONCE), next(executors), max_differences=MAX_DIFFERENCES, report=lambda difference: print(difference)
        )
        print(strftime("%H:%M:%S"), f"{subject.name}: {whole.operations} operations, {whole.verdicts[Verdict.DIFFERENT]} differences", flush=True)
    print(f"{subject.name}: {whole}", flush=True)
    return whole


if __name__ == "__main__":
    sys.exit(main())
