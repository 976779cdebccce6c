"""Runs the drill: faults of gateways and of MongoDB behind nginx and HAProxy, while load runs. See docs/reliability.md.

python -m tests.drill --proxy nginx
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import strftime

import uvloop

from tests.deploying.recipes import PROXY_NAMES
from tests.drill.faults import FAULTS, Fault
from tests.drill.run import Row, drill
from tests.ledger import cluster
from tests.ledger.checker import Finding
from tests.ledger.run import proxies


def main() -> int:
    """Run the drill and print its table. Returns the exit code: 1 if a request failed that must not fail, or if anything was lost."""
    parser = argparse.ArgumentParser(prog="tests.drill", description=__doc__)
    parser.add_argument("--proxy", action="append", default=[], choices=PROXY_NAMES, help="only this proxy; repeatable")
    parser.add_argument("--fault", action="append", default=[], choices=[fault.name for fault in FAULTS], help="only this fault; repeatable")
    arguments = parser.parse_args()
    faults = [fault for fault in FAULTS if fault.name in arguments.fault or not arguments.fault]
    directory = Path(tempfile.mkdtemp(prefix="drill-"))
    rows, findings = uvloop.run(run(arguments.proxy or PROXY_NAMES, faults, directory))
    for line in table(rows):
        print(line)
    for finding in findings:
        print(f"{finding.breach.value}: {finding.where}: {finding.what}")
    print(f"lost: {len(findings)}; all records and logs are in {directory}")
    return 0 if not findings and all(row.kept for row in rows) else 1


async def run(names: Sequence[str], faults: Sequence[Fault], directory: Path) -> tuple[list[Row], list[Finding]]:
    """Run the drill behind each of these proxies, with one replica set."""
    rows: list[Row] = []
    findings: list[Finding] = []
    with proxies() as opened:
        async with cluster.running(directory, opened) as running:
            for name in names:
                (directory / name).mkdir()
                found = await drill(name, faults, running, directory / name, lambda line: print(strftime("%H:%M:%S"), line, flush=True))
                rows += found[0]
                findings += found[1]
    return rows, findings


def table(rows: list[Row]) -> list[str]:
    """The rows as a table in Markdown."""
    lines = ["| proxy | fault | requests | failed first attempts | longest |", "|---|---|---:|---|---:|"]
    for row in rows:
        failed = ", ".join(f"{count} {code}" for code, count in row.failed.most_common()) or "0"
        lines.append(f"| {row.proxy} | {row.fault.name} | {row.requests:,} | {failed} | {row.longest_seconds:.1f} s |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
