"""Measures what hostile operations cost the gateway, and how long other clients wait meanwhile.

python -m bench.hostile [--times 20] [--output FILE.json]
"""

import argparse
import asyncio
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx2
import orjson
from rich.console import Console
from rich.table import Table

from bench.machinery import Served, created, execute, http_client, percentile, served

PING = "{ me { subject } }"
ROW = "id status phase billable canRetry createdAt updatedAt expiresAt attempt version verificationUrl redirectionUrl faceRecognition workspaceId"
# The pause between two pings, the cheap queries of the other client (see `waits`). It is so short that every delay of the gateway delays a ping.
PAUSE_SECONDS = 0.002
MAX_CPU_MS, MAX_STALL_MS = 50, 100

Operation = tuple[str, dict[str, Any] | None]


RETRIED = """
mutation($id: ID!) {
  reportResult(input: { verificationId: $id, status: INCONCLUSIVE, reasonCodes: ["IDVV_1101"] }) { __typename }
  retryVerification(input: { verificationId: $id }) { ... on Node { id } }
}
"""
REPORTED = """
mutation($id: ID!, $codes: [String!]) { reportResult(input: { verificationId: $id, status: FAILED, reasonCodes: $codes }) { __typename } }
"""


async def planted(client: httpx2.AsyncClient) -> dict[str, Operation]:
    """Store a chain of 24 attempts and a history with many reasons. Returns operations that are expensive because of these data."""
    first = last = await created(client)
    for _ in range(23):
        last = (await execute(client, RETRIED, id=last))["retryVerification"]["id"]
    for number in range(21):
        await execute(client, REPORTED, id=last, codes=[f"X_{number}_{code}" for code in range(50)])
    events = "events { reasons { code known type statuses description retryAdvice internal } }"
    reasons = "query($id: ID!) { verification(id: $id) {" + " ".join(f"a{number}: {events}" for number in range(20)) + "} }"
    return {
        "attempts of 24 attempts, 3 times over": (
            "query($id: ID!) { verification(id: $id) { attempts { attempts { attempts { id } } } } }",
            {"id": first},
        ),
        "1,000 reasons under 20 names": (reasons, {"id": last}),
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
    """A query that spreads many fragments in one place. All of them select the same fields, which the validation must compare."""
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
    """Execute the operation `times` times. Returns the gateway's processor time for each execution in milliseconds, and the outcome of the first."""
    response = await sent(client, operation, -1)
    before = target.cpu_seconds
    for number in range(times):
        await sent(client, operation, number)
    return (target.cpu_seconds - before) / times * 1000, outcome(response)


def outcome(response: httpx2.Response) -> str:
    """The code of the first error in the response, or "answered" if it contains no error."""
    errors = orjson.loads(response.content).get("errors")
    return str(errors[0]["extensions"]["code"]) if errors else "answered"


async def waits(target: Served, client: httpx2.AsyncClient, operation: Operation, times: int) -> list[float]:
    """How long another client waits while the operation is sent repeatedly.

    The other client sends cheap queries (pings) on its own connection. Returns their response times in milliseconds.
    """
    found: list[float] = []
    over = asyncio.Event()

    async def ping() -> None:
        async with http_client(target) as pinger:
            while not over.is_set():
                begun = perf_counter()
                await execute(pinger, PING)
                found.append((perf_counter() - begun) * 1000)
                await asyncio.sleep(PAUSE_SECONDS)

    pinging = asyncio.create_task(ping())
    for number in range(times):
        await sent(client, operation, times + number)
        await asyncio.sleep(PAUSE_SECONDS * 5)
    over.set()
    await pinging
    return found


async def measured(target: Served, times: int) -> dict[str, dict[str, Any]]:
    """Measure each operation, and a cheap query to compare them with. Returns the figures by operation."""
    figures: dict[str, dict[str, Any]] = {}
    nothing: Operation = (PING, None)
    async with http_client(target) as client:
        for name, operation in {"(a cheap query)": nothing, **hostile(), **await planted(client)}.items():
            cpu, result = await cpu_ms(target, client, operation, times)
            stalls = await waits(target, client, operation, times)
            figures[name] = {"outcome": result, "cpu_ms": cpu, "wait_p50_ms": percentile(stalls, 0.5), "longest_wait_ms": max(stalls)}
    return figures


def main() -> None:
    """Measure, print the figures as a table, and save them if a file is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args()
    with served() as target:
        figures = asyncio.run(measured(target, chosen.times))
    table = Table("operation", "outcome", "CPU ms", "others wait ms", "at most ms", title="Hostile operations")
    for name, each in figures.items():
        bad = each["cpu_ms"] > MAX_CPU_MS or each["longest_wait_ms"] > MAX_STALL_MS
        numbers = (f"{each[figure]:,.1f}" for figure in ("cpu_ms", "wait_p50_ms", "longest_wait_ms"))
        table.add_row(name, each["outcome"], *numbers, style="red" if bad else None)
    Console(width=120).print(table)
    if chosen.output:
        chosen.output.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
