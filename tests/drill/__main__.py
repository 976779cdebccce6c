"""Runs the drill: faults of gateways and of MongoDB behind nginx, HAProxy and a balancer, while load runs. See docs/reliability.md.

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
from tests.drill.faults import FAULTS, GATEWAY_RESTARTED, PRIMARY_KILLED, Fault
from tests.drill.run import BALANCER, DRAIN_DELAY_SECONDS, PLAN, SHORT_PLAN, Row, drill, drill_without_retries
from tests.ledger import cluster
from tests.ledger.checker import Finding
from tests.ledger.run import Plan, proxies

# What the short drill does: a part of the whole, in less than a minute.
SHORT = (("nginx", (GATEWAY_RESTARTED, PRIMARY_KILLED)),)


def main() -> int:
    """Run the drill and print its table. Returns the exit code: 1 if a request failed that must not fail, or if anything was lost."""
    parser = argparse.ArgumentParser(prog="tests.drill", description=__doc__)
    names = (*PROXY_NAMES, BALANCER)
    parser.add_argument("--proxy", action="append", default=[], choices=names, help="only behind this one; repeatable")
    parser.add_argument("--fault", action="append", default=[], choices=[fault.name for fault in FAULTS], help="only this fault; repeatable")
    parser.add_argument("--short", action="store_true", help="only one restart of a gateway and of the primary, behind nginx: less than a minute")
    parser.add_argument(
        "--drain-delay-seconds", type=float, default=DRAIN_DELAY_SECONDS, help=f"of the gateways behind the {BALANCER}; with 0, requests must fail"
    )
    arguments = parser.parse_args()
    faults = [fault for fault in FAULTS if fault.name in arguments.fault or not arguments.fault]
    drills = SHORT if arguments.short else [(name, faults) for name in arguments.proxy or names]
    directory = Path(tempfile.mkdtemp(prefix="drill-"))
    rows, findings = uvloop.run(run(drills, SHORT_PLAN if arguments.short else PLAN, arguments.drain_delay_seconds, directory))
    for line in table(rows):
        print(line)
    for finding in findings:
        print(f"{finding.breach.value}: {finding.where}: {finding.what}")
    print(f"lost: {len(findings)}; all records and logs are in {directory}")
    return 0 if not findings and all(row.kept for row in rows) else 1


async def run(
    drills: Sequence[tuple[str, Sequence[Fault]]], plan: Plan, drain_delay_seconds: float, directory: Path
) -> tuple[list[Row], list[Finding]]:
    """Inject faults behind each of these proxies, with one replica set. `drills`: the names of the proxies, each with its faults."""
    rows: list[Row] = []
    findings: list[Finding] = []
    with proxies() as opened:
        async with cluster.running(directory, opened) as running:
            for name, faults in drills:
                (directory / name).mkdir()
                if name == BALANCER:
                    rows.append(await drill_without_retries(running, directory / name, drain_delay_seconds, show))
                    continue
                found = await drill(name, faults, running, directory / name, show, plan)
                rows += found[0]
                findings += found[1]
    return rows, findings


def show(line: str) -> None:
    """Print a line with the time."""
    print(strftime("%H:%M:%S"), line, flush=True)


def table(rows: list[Row]) -> list[str]:
    """The rows as a table in Markdown."""
    lines = ["| proxy | fault | requests | failed first attempts | longest |", "|---|---|---:|---|---:|"]
    for row in rows:
        failed = ", ".join(f"{count} {code}" for code, count in row.failed.most_common()) or "0"
        lines.append(f"| {row.proxy} | {row.fault.name} | {row.requests:,} | {failed} | {row.longest_seconds:.1f} s |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
