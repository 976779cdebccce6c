"""Measures how many requests per second each server answers. All servers get the same requests, one server after the other."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from bench.agreement import answers_to, compare
from bench.load import CONNECTIONS, Figures, Load, Request, lines, loaded
from bench.machinery import Served
from bench.rounds import columns, in_turn
from bench.workloads import WRITES, Workload, gathered

WARM_SECONDS = 2
# How many writes are prepared for each run of wrk: more than any of the servers can execute in one run, because they must not run out.
WRITES_A_RUN = 4000


@dataclass(frozen=True, slots=True)
class Plan:
    """How a workload is measured: on which servers, in how many rounds, for how many seconds in each, and over how many connections."""

    names: tuple[str, ...]
    rounds: int
    seconds: int
    connections: int = CONNECTIONS


def requests_of(workload: Workload, name: str) -> list[Request]:
    """The requests of a workload in the form that this server understands: GraphQL, or one of the two forms of REST."""
    if name == "gathered":
        return gathered(workload.rest)
    return workload.rest if name == "rest" else workload.graphql


def agreeing(workload: Workload, servers: Mapping[str, Served], names: Iterable[str], folder: Path) -> dict[str, Load]:
    """Prepare the load for each server, as files in the folder. Raises: Disagreement if a server's answers differ from those of the first server."""
    loads: dict[str, Load] = {}
    expected: list[bytes] = []
    for name in names:
        requests = requests_of(workload, name)
        answers = answers_to(servers[name], requests)
        expected = expected or answers
        compare(name, answers, expected)
        loads[name] = Load(
            lines(folder / f"{workload.name}-{name}.requests", (request.line for request in requests)),
            lines(folder / f"{workload.name}-{name}.answers", (answer.decode().removesuffix("\n") for answer in answers)),
        )
    return loads


def measured(workload: Workload, servers: Mapping[str, Served], plan: Plan, folder: Path) -> dict[str, Any]:
    """Measure this workload on each server. Returns the figures of each round by server. Raises: Disagreement, WrongAnswers."""
    loads = agreeing(workload, servers, plan.names, folder)
    for name, load in loads.items():
        loaded(servers[name], load, WARM_SECONDS, 0, plan.connections)
    cases = {name: partial(loaded, servers[name], load, plan.seconds, connections=plan.connections) for name, load in loads.items()}
    found = in_turn({name: partial(_seeded, case) for name, case in cases.items()}, plan.rounds)
    return {name: columns([asdict(figures) for figures in rows]) for name, rows in found.items()}


def mixed(reads: Workload, untouched: list[str], servers: Mapping[str, Served], plan: Plan, folder: Path) -> dict[str, Any]:
    """Measure a mix of nine reads to one write on each server. Returns the figures of each round by server, without those of a first warm-up round.

    Each write records that the link of a verification was opened, and takes another one of the `untouched` verifications.
    """
    loads = agreeing(reads, servers, plan.names, folder)
    fresh = iter(untouched)

    def case(name: str, number: int) -> Figures:
        ids = list(islice(fresh, WRITES_A_RUN))
        writes = lines(folder / f"mixed-{name}.writes", (WRITES[name](id).line for id in ids))
        return loaded(servers[name], replace(loads[name], writes=writes, written='"version":2}'), plan.seconds, number, plan.connections)

    found = in_turn({name: partial(case, name) for name in plan.names}, plan.rounds + 1)
    return {name: columns([asdict(figures) for figures in rows[1:]]) for name, rows in found.items()}


def _seeded(case: Any, number: int) -> Any:
    return case(seed=number + 1)
