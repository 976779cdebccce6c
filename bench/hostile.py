"""Measures what hostile operations cost the gateway, and how long other clients wait meanwhile.

Hostile operations are sent one after the other to a gateway without rate limits. The attacks of bench/attacks.py last for some seconds, against
the default limits. A goal that is missed is an error.

python -m bench.hostile [--times 20] [--rows 100000] [--only operations|attacks] [--output FILE.json]
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import httpx2
import orjson
from rich.console import Console
from rich.table import Table

from bench.attacks import ATTACKS, MISSING, MOST_ROWS, PAGES
from bench.dataset import Dataset, write_dataset
from bench.machinery import Secrets, Served, created, execute, existing_objects_frozen, gateway, http_client, percentile, served
from gateway.development.mongod import EmbeddedMongo

PING = "{ me { subject } }"
ROW = "id status phase billable canRetry createdAt updatedAt expiresAt attempt version verificationUrl redirectionUrl faceRecognition workspaceId"
# The pause between two requests of each client in `Others`, which measure how long they wait. It is so short that a request meets every delay.
PAUSE_SECONDS = 0.002
# The goals, in milliseconds: the processor time of an operation, the longest wait of another client, and the response time of `/livez`.
GOALS = {"cpu_ms": 50, "longest_wait_ms": 100, "livez_p99_ms": 50}
ATTACK_SECONDS = 6.0
QUIET_SECONDS = 2.0
# How many times more an attack that misses a goal is run.
REPETITIONS = 2
READ = "query($id: ID!) { verification(id: $id) { status } }"
WAITING = "8,000 subscriptions without a budget"

Operation = tuple[str, dict[str, Any] | None]
# The figures of one operation or attack, by name: its outcome, and the numbers in milliseconds.
Figures = dict[str, Any]


RETRIED = """
mutation($id: ID!) {
  reportResult(input: { verificationId: $id, status: INCONCLUSIVE, reasonCodes: ["IDVV_1101"] }) { __typename }
  retryVerification(input: { verificationId: $id }) { ... on Node { id } }
}
"""
VERIFIED = """
mutation($id: ID!) {
  a: reportProgress(input: { verificationId: $id, progress: LINK_OPENED }) { __typename }
  b: reportProgress(input: { verificationId: $id, progress: CAPTURE_STARTED }) { __typename }
  c: reportProgress(input: { verificationId: $id, progress: CAPTURE_COMPLETED }) { __typename }
  d: reportResult(input: {
    verificationId: $id, status: VERIFIED
    extractedDocument: { fullName: "Ada Lovelace", bornOn: "1990-01-23", type: PASSPORT, issuingCountryCode: "FR" }
  }) { __typename }
}
"""
REPORTED = """
mutation($id: ID!, $codes: [String!]) { reportResult(input: { verificationId: $id, status: FAILED, reasonCodes: $codes }) { __typename } }
"""


async def planted(client: httpx2.AsyncClient) -> dict[str, Operation]:
    """Create a chain of 24 attempts, whose last attempt has many reasons in its history, and 100 verifications that are verified.
    Returns operations that are expensive because of these data.
    """
    first = last = await created(client)
    for _ in range(23):
        last = (await execute(client, RETRIED, id=last))["retryVerification"]["id"]
    for number in range(21):
        await execute(client, REPORTED, id=last, codes=[f"X_{number}_{code}" for code in range(50)])
    events = "events { reasons { code known type statuses description retryAdvice internal } }"
    for _ in range(100):
        await execute(client, VERIFIED, id=await created(client))
    reasons = "query($id: ID!) { verification(id: $id) {" + " ".join(f"a{number}: {events}" for number in range(20)) + "} }"
    return {
        "attempts of 24 attempts, 3 times over": (
            "query($id: ID!) { verification(id: $id) { attempts { attempts { attempts { id } } } } }",
            {"id": first},
        ),
        "1,000 reasons under 20 names": (reasons, {"id": last}),
        "4 pages with everything selected": ("{" + PAGES + "}", None),
        "250 rows with everything selected": ("{" + MOST_ROWS + "}", None),
        "50 ids that don't exist": ("{" + MISSING + "}", None),
    }


def hostile() -> dict[str, Operation]:
    """Hostile operations, by description. The first are far beyond the gateway's limits, and the last are just within the limits."""
    lists = "query($rows: Int) { verifications(first: $rows) { edges { node { attempts { attempts { attempts { id } } } } } } }"
    codes = "query($filter: VerificationFilter) { verifications(filter: $filter, first: 1) { pageInfo { hasNextPage } } }"
    return {
        "10,000 aliases": (braced(f"a{number}: me {{ subject }}" for number in range(10_000)), None),
        "20,000 repeated fields": (braced(["me { subject }"] * 20_000), None),
        "5,000 directives": ("{ me { subject" + " @include(if: true)" * 5_000 + " } }", None),
        "fragments that double 30 times": (doubling(30), None),
        "fragments in a circle": (circle(40), None),
        "200 levels": (nested(190), None),
        "2,000 levels": (nested(2_000), None),
        "lists in lists of a page": (lists, {"rows": 100}),
        "a million rows": ("{ verifications(first: 1000000) { edges { node { id } } } }", None),
        "a document of 1 MB": ("{ me { subject } } #" + "x" * 1_000_000, None),
        "a string of 1 MB": ('{ reasonCode(code: "' + "x" * 1_000_000 + '") { code } }', None),
        "variables 900 deep": (codes, {"filter": orjson.Fragment("[" * 900 + "]" * 900)}),
        "variables of 100,000 values": (codes, {"filter": {"reasonCode": ["A"] * 100_000}}),
        "introspection": ("{ __schema { types { name fields { name args { name } type { name ofType { name } } } } } }", None),
        "50 aliases": ("{ me {" + " ".join(f"a{number}: subject" for number in range(50)) + "} }", None),
        "8 times the same row": ('{ verification(id: "x") {' + f" {ROW}" * 8 + "} }", None),
        "8 fragments of the same row": (overlapping(8), None),
        "20 times the same long argument": (braced(["verifications(filter: { reasonCode: [" + '"A" ' * 9 + "] }) { totalCount }"] * 20), None),
        "one argument 300 times": ("{ verifications(" + "first: 1 " * 300 + ") { totalCount } }", None),
        "8,000 escapes": ('{ reasonCode(code: "' + "\\n" * 8_000 + '") { code } }', None),
        "a filter of 950 codes": ("{ verifications(filter: { reasonCode: [" + '"A" ' * 950 + "] }) { totalCount } }", None),
        "30 fragments in one place": (overlapping(30, "id"), None),
        "380 unknown fields": (braced(f"u{number}" for number in range(380)), None),
        "180 inline fragments": ('{ verification(id: "x") {' + " ... { status } ... { phase }" * 90 + "} }", None),
        "50 unknown fields": (braced(f"verificatio{number}" for number in range(50)), None),
        "a number of 10,000 digits": ("{ verifications(first: " + "9" * 10_000 + ") { totalCount } }", None),
    }


def braced(fields: Any) -> str:
    """The text of a query that selects these fields."""
    return "{ " + " ".join(fields) + " }"


def doubling(times: int) -> str:
    """A query with a chain of fragments. Each fragment spreads the next fragment twice, so a server that expands them selects 2^times fields."""
    fragments = (f"fragment F{number} on Query {{ ...F{number + 1} ...F{number + 1} }}" for number in range(times))
    return f"{{ ...F0 }} {' '.join(fragments)} fragment F{times} on Query {{ me {{ subject }} }}"


def circle(length: int) -> str:
    """A query whose fragments form cycles: each fragment spreads the next fragment and a second one."""
    fragments = (f"fragment F{number} on Query {{ ...F{(number + 1) % length} ...F{number * 7 % length} }}" for number in range(length))
    return f"{{ ...F0 }} {' '.join(fragments)}"


def nested(depth: int) -> str:
    """A query that selects the field `attempts` inside itself, `depth` times."""
    return '{ verification(id: "x") { ' + "attempts { " * depth + "id" + " }" * depth + " } }"


def overlapping(number: int, row: str = ROW) -> str:
    """A query that spreads many fragments in one place. All of them select the same fields, so the validation must compare each with all others."""
    fragments = " ".join(f"fragment F{each} on Verification {{ {row} }}" for each in range(number))
    return f'{{ verification(id: "x") {{ {" ".join(f"...F{each}" for each in range(number))} }} }} {fragments}'


def content(operation: Operation, number: int) -> bytes:
    """The body of a request. The number makes each operation document different, so that the gateway cannot take it from its cache."""
    query, variables = operation
    return orjson.dumps({"query": f"#{number}\n{query}", "variables": variables})


async def sent(client: httpx2.AsyncClient, operation: Operation, number: int) -> httpx2.Response:
    """Send the operation. Returns the response.

    The gateway closes the connection after a body that is too long. The next request on that connection fails, and is sent again on a new one.
    """
    try:
        return await client.post("/graphql", content=content(operation, number))
    except httpx2.RemoteProtocolError:
        return await client.post("/graphql", content=content(operation, number))


async def cpu_ms(target: Served, client: httpx2.AsyncClient, operation: Operation, times: int) -> tuple[float, str]:
    """Execute the operation once, and then `times` times more.

    Returns the gateway's processor time for each of the later executions, in milliseconds, and the outcome of the first execution.
    """
    response = await sent(client, operation, -1)
    before = target.cpu_seconds
    for number in range(times):
        await sent(client, operation, number)
    return (target.cpu_seconds - before) / times * 1000, outcome(response)


def outcome(response: httpx2.Response) -> str:
    """The code of the first error in the response, or "answered" if it contains no error."""
    errors = orjson.loads(response.content).get("errors")
    return str(errors[0]["extensions"]["code"]) if errors else "answered"


class Others:
    """The clients that an attack may harm: one that sends a cheap query, and a probe of `/livez`. Both measure their waits.

    `read`: the cheap query with its variables. `waits_ms`, `probes_ms`: the response times.
    """

    def __init__(self, target: Served, read: Operation) -> None:
        self._target = target
        self._read = read
        self._over = asyncio.Event()
        self.waits_ms: list[float] = []
        self.probes_ms: list[float] = []

    @asynccontextmanager
    async def measuring(self) -> AsyncIterator[None]:
        """A context in which both clients measure. They are created before its block runs, because that takes this process tens of milliseconds."""
        async with http_client(self._target) as reader, http_client(self._target) as prober, existing_objects_frozen():
            tasks = [asyncio.create_task(self._reading(reader)), asyncio.create_task(self._probing(prober))]
            try:
                yield
            finally:
                self._over.set()
                await asyncio.gather(*tasks)

    async def _reading(self, client: httpx2.AsyncClient) -> None:
        query, variables = self._read
        while not self._over.is_set():
            begun = perf_counter()
            await execute(client, query, **(variables or {}))
            self.waits_ms.append((perf_counter() - begun) * 1000)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _probing(self, client: httpx2.AsyncClient) -> None:
        while not self._over.is_set():
            begun = perf_counter()
            await client.get("/livez")
            self.probes_ms.append((perf_counter() - begun) * 1000)
            await asyncio.sleep(PAUSE_SECONDS)

    @property
    def requests(self) -> int:
        """How many requests both clients have sent."""
        return len(self.waits_ms) + len(self.probes_ms)

    def figures(self, result: str, cpu_ms: float) -> Figures:
        """The figures of the operation or the attack during which these clients measured."""
        waits = {"wait_p50_ms": percentile(self.waits_ms, 0.5), "longest_wait_ms": max(self.waits_ms)}
        return {"outcome": result, "cpu_ms": cpu_ms, **waits, "livez_p99_ms": percentile(self.probes_ms, 0.99)}


async def repeated(target: Served, client: httpx2.AsyncClient, operation: Operation, times: int) -> Figures:
    """Measure an operation: its processor time, then how long others wait while it is sent again and again."""
    cpu, result = await cpu_ms(target, client, operation, times)
    others = Others(target, (PING, None))
    async with others.measuring():
        for number in range(times):
            await sent(client, operation, times + number)
            await asyncio.sleep(PAUSE_SECONDS * 5)
    return others.figures(result, cpu)


async def measured(target: Served, times: int) -> dict[str, Figures]:
    """Measure each operation, and a cheap query to compare them with. Returns the figures by operation."""
    nothing: Operation = (PING, None)
    async with http_client(target) as client:
        operations = {"(a cheap query)": nothing, **hostile(), **await planted(client)}
        return {name: await repeated(target, client, operation, times) for name, operation in operations.items()}


async def cpu_ms_of_others(target: Served, read: Operation) -> float:
    """The gateway's processor time for each request of the other clients while nobody attacks, in milliseconds."""
    others = Others(target, read)
    before = target.cpu_seconds
    async with others.measuring():
        await asyncio.sleep(QUIET_SECONDS)
    return (target.cpu_seconds - before) * 1000 / others.requests


async def attacked(name: str, victim: Served, attacker: Served, plan: dict[str, Any]) -> Figures:
    """Run an attack in a process of its own, and measure how long others wait meanwhile. The processor time is that of one operation of the attack.

    `victim`, `attacker`: the same gateway, with the tokens of two workspaces.
    """
    async with http_client(victim) as client:
        read: Operation = (READ, {"id": await created(client)})
    own_ms = await cpu_ms_of_others(victim, read)
    others = Others(victim, read)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.attacks", name, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    before = attacker.cpu_seconds
    async with others.measuring():
        output, _ = await process.communicate(orjson.dumps({"url": attacker.url, "seconds": ATTACK_SECONDS, **plan}))
    operations = max(int(output), 1)
    # The requests of `others` take processor time too. It is subtracted, because it is not caused by the attack.
    attack_ms = (attacker.cpu_seconds - before) * 1000 - others.requests * own_ms
    return others.figures(f"{operations:,} sent", max(attack_ms, 0.0) / operations)


def attack_run(mongo_uri: str, keys: Secrets, name: str, plan: dict[str, Any], limits: dict[str, str]) -> Figures:
    """Run an attack on a gateway of its own with these limits. Returns its figures."""
    with gateway(mongo_uri, keys, limits=limits) as target:
        victim = replace(target, token=keys.token("other"))
        return asyncio.run(attacked(name, victim, target, plan))


def medians(runs: list[Figures]) -> Figures:
    """The medians of the figures of several runs of the same attack, and the outcome of the first run."""
    return runs[0] | {figure: median(run[figure] for run in runs) for figure in runs[0] if figure != "outcome"}


def attacks(mongo_uri: str, keys: Secrets, data: Dataset) -> dict[str, Figures]:
    """Run every attack, WAITING with limits of its own, and all others with the default limits. Returns the figures by attack.

    An attack that misses a goal is run twice more, and the medians count. So one pause of the machine is not mistaken for one of the gateway.
    """
    figures: dict[str, Figures] = {}
    for name in ATTACKS:
        tokens = {"60 follow tokens": [keys.follow_token(data.ids[0]) for _ in range(60)], "no token": []}.get(name, [keys.token()])
        limits: dict[str, str] = {}
        if name == WAITING:
            # The limits let the subscriber begin 8,000 subscriptions, and then pay for one of their messages a second.
            tokens.append(keys.token(subject="writer"))
            limits = {"GATEWAY_RATE_COST_PER_SECOND": "5", "GATEWAY_RATE_BURST_COST": "48000", "GATEWAY_WORKSPACE_COST_PER_SECOND": "0"}
        plan = {"tokens": tokens, "ids": data.ids[:1]}
        runs = [attack_run(mongo_uri, keys, name, plan, limits)]
        if missed(runs[0]):
            runs += [attack_run(mongo_uri, keys, name, plan, limits) for _ in range(REPETITIONS)]
        figures[name] = medians(runs)
        # The whole run takes minutes, so each result is shown as soon as it exists.
        print(name, figures[name], file=sys.stderr, flush=True)
    return figures


def missed(each: Figures) -> bool:
    """Whether the figures of an operation or an attack are beyond one of the goals."""
    return any(each[figure] > maximum for figure, maximum in GOALS.items())


def show(figures: dict[str, Figures]) -> None:
    """Print the figures as a table."""
    table = Table("attack", "outcome", "CPU ms", "others wait ms", "at most ms", "/livez p99 ms", title="Hostile operations")
    for name, each in figures.items():
        numbers = (f"{each[figure]:,.1f}" for figure in ("cpu_ms", "wait_p50_ms", "longest_wait_ms", "livez_p99_ms"))
        table.add_row(name, each["outcome"], *numbers, style="red" if missed(each) else None)
    Console(width=140).print(table)


def main() -> None:
    """Measure, print the figures as a table, and save them if a file is given. Exits with an error if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--only", choices=("operations", "attacks"))
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args()
    figures: dict[str, Figures] = {}
    if chosen.only != "attacks":
        with served() as target:
            figures = asyncio.run(measured(target, chosen.times))
    if chosen.only != "operations":
        keys = Secrets()
        with tempfile.TemporaryDirectory() as folder, EmbeddedMongo(Path(folder)) as mongo:
            figures |= attacks(mongo.uri, keys, write_dataset(mongo.uri, keys.sealing, chosen.rows))
    show(figures)
    if chosen.output:
        chosen.output.write_text(json.dumps(figures, indent=2) + "\n")
    if failed := [name for name, each in figures.items() if missed(each)]:
        raise SystemExit(f"beyond the goals ({', '.join(f'{name} {most}' for name, most in GOALS.items())}): {', '.join(failed)}")


if __name__ == "__main__":
    main()
