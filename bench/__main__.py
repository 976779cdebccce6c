"""Compares the gateway with its peers (see bench/peers). All servers run on one machine with one MongoDB, and receive the same requests.

python -m bench [--quick]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from bench import growth, machine, picture, ratios, subscribers, table, throughput
from bench.dataset import Dataset, write_dataset
from bench.fanout import Stage, stage
from bench.load import require_wrk
from bench.machinery import Secrets, Served
from bench.processors import LOAD, SERVER, pinned, stay
from bench.servers import Setup, serving, write_catalogue
from bench.throughput import WRITES_A_RUN, Plan
from bench.workloads import workloads
from gateway.development.mongod import EmbeddedMongo
from gateway.server import make_room

SUBSCRIBERS = 1000
IDLE = 2000
CROWDS = (1, 10, 100, 1000, 10_000)
ROWS = 12_000
RESULTS = Path(__file__).parent / "results"
CLOSEST = ("gateway", "rest", "strawberry", "mercurius")
ALL_SERVERS = (*CLOSEST, "ariadne", "apollo", "yoga")


@dataclass(frozen=True, slots=True)
class Extent:
    """Which benchmarks a run contains, and how many rounds of each. `file`: the name of the results file.

    `plans`: how each workload is measured, by the workload's name. `inprocess`: the rounds of bench/inprocess.py, and the seconds of each.
    `fanout_rounds`: the rounds of the two benchmarks of `Run.fanout`. `mixed`: how the workload `mixed` is measured; None: not at all.
    `growth_rounds`: the rounds of the benchmark `Run.growth`; 0: neither it nor `Run.subscribers` runs.
    `one` and `many`: the servers for the two benchmarks of `Run.fanout`. `many` has groups of servers, which are measured one after the other.
    """

    file: str
    plans: dict[str, Plan]
    inprocess: tuple[int, float]
    fanout_rounds: int
    one: tuple[str, ...]
    many: tuple[tuple[str, ...], ...]
    mixed: Plan | None = None
    growth_rounds: int = 0

    @property
    def untouched(self) -> int:
        """How many new verifications the writes of the workload `mixed` need. Each write changes a verification that was never changed before."""
        return len(self.mixed.names) * (self.mixed.rounds + 1) * WRITES_A_RUN if self.mixed else 0


QUICK = Extent(
    "quick.json",
    plans={
        "point": Plan(CLOSEST, rounds=8, seconds=1),
        "page": Plan(CLOSEST, rounds=5, seconds=2),
        "apart": Plan(("gateway", "rest"), rounds=4, seconds=1),
    },
    inprocess=(5, 0.5),
    fanout_rounds=11,
    one=("gateway", "bare", "graphql_ws"),
    many=(("gateway", "strawberry"),),
)
FULL = Extent(
    "bench.json",
    plans={
        "point": Plan((*ALL_SERVERS, "gathered"), rounds=9, seconds=2),
        "page": Plan(ALL_SERVERS, rounds=7, seconds=4),
        "apart": Plan(("gateway", "rest", "strawberry"), rounds=5, seconds=4),
        "nested": Plan(("gateway", "strawberry", "mercurius"), rounds=5, seconds=4, connections=16),
        "catalogue": Plan(("gateway", "rest", "strawberry", "mercurius"), rounds=5, seconds=2),
    },
    inprocess=(9, 1),
    fanout_rounds=31,
    one=("gateway", "bare", "graphql_ws", "strawberry"),
    many=(("gateway", "strawberry"), ("strawberry_published",)),
    mixed=Plan(("gateway", "rest"), rounds=5, seconds=3),
    growth_rounds=7,
)


@dataclass(slots=True)
class Run:
    """One run of the benchmark: its extent, its data, and the figures that were measured so far."""

    extent: Extent
    setup: Setup
    data: Dataset
    figures: dict[str, Any] = field(default_factory=dict)

    def everything(self) -> None:
        """Run all benchmarks of the extent, one after the other. Prints how long each took."""
        subjects = [self.throughput, self.inprocess, self.fanout]
        if self.extent.growth_rounds:
            subjects += [self.subscribers, self.growth]
        for subject in subjects:
            begun = perf_counter()
            subject()
            print(f"{subject.__name__}: {perf_counter() - begun:.0f} s", file=sys.stderr)

    def throughput(self) -> None:
        """Measure how many requests per second each server answers, for each workload."""
        available, folder, mixed = workloads(self.data), self.setup.folder, self.extent.mixed
        with self.servers({name for plan in self.extent.plans.values() for name in plan.names} - {"gathered"}) as servers:
            # The peer "gathered" is not another server, but another endpoint of the REST service, which reads concurrent requests together.
            servers["gathered"] = servers["rest"]
            for name, plan in self.extent.plans.items():
                self.figures[name] = throughput.measured(available[name], servers, plan, folder)
            if mixed:
                self.figures["mixed"] = throughput.mixed(available["point"], self.data.untouched, servers, mixed, folder)

    def inprocess(self) -> None:
        """Measure the GraphQL executors of the gateway and of Strawberry in a separate process, without HTTP and MongoDB."""
        command = [sys.executable, "-m", "bench.inprocess", *map(str, self.extent.inprocess)]
        ran = subprocess.run(pinned(command, SERVER), stdout=subprocess.PIPE, check=True)
        self.figures["page_inprocess"] = json.loads(ran.stdout)

    def fanout(self) -> None:
        """Measure the delivery of one event to 1,000 subscribers, and of 1,000 events of which each has a subscriber of its own."""
        with stage(self.setup, {*self.extent.one, "strawberry"}) as ready:
            uvloop.run(self._fanout(ready))

    async def _fanout(self, ready: Stage) -> None:
        self.figures["fanout_one"] = await ready.one(self.extent.one, SUBSCRIBERS, self.extent.fanout_rounds)
        # The names come in groups, which are measured one after the other. The two variants of Strawberry use the same server. They are in different
        # groups, because otherwise the subscribers of each variant would receive the events of the other.
        for names in self.extent.many:
            self.figures.setdefault("fanout_many", {}).update(await ready.many(names, SUBSCRIBERS, self.extent.fanout_rounds))

    def subscribers(self) -> None:
        """Measure the memory of idle subscribers, and the time from a write to its delivery."""
        self.figures["memory"] = subscribers.memory(self.setup, ("gateway", "bare", "strawberry", "graphql_ws"), IDLE, 2)
        with stage(self.setup, {"gateway", "strawberry"}) as ready:
            uvloop.run(self._subscribers(ready))

    async def _subscribers(self, ready: Stage) -> None:
        self.figures["lateness"] = await subscribers.delays(ready, ("gateway", "strawberry"), 200, 300)
        crowds = {str(number): await ready.one(("gateway",), number, 5) for number in CROWDS}
        self.figures["crowds"] = {number: figures["gateway"] for number, figures in crowds.items()}

    def growth(self) -> None:
        """Measure how response times grow with the length of lists, and how throughput grows with the number of processes."""
        rounds = self.extent.growth_rounds
        self.figures |= growth.measured(self.setup, rounds)
        point = workloads(self.data)["point"]
        with self.servers({"gateway"}) as servers:
            [load] = throughput.agreeing(point, servers, ["gateway"], self.setup.folder).values()
        self.figures["processes"] = growth.processes(self.setup, load, rounds, 3)

    @contextmanager
    def servers(self, names: set[str]) -> Iterator[dict[str, Served]]:
        """Start the servers with these names, and stop them at the end of the context."""
        with ExitStack() as stack:
            yield {name: stack.enter_context(serving(name, self.setup)) for name in sorted(names)}

    def result(self) -> dict[str, Any]:
        """The content of the results file: the machine, the ratios of the gateway to its peers, and all figures."""
        compared = {"ratios": ratios.computed(self.figures), "ratios_by_cpu": ratios.computed_by_cpu(self.figures)}
        return {"machine": machine.described(), **compared, "figures": self.figures}


def measured(extent: Extent) -> dict[str, Any]:
    """Start MongoDB, write the data, start the servers, and measure. Returns the content of the results file."""
    require_wrk()
    make_room()
    stay(LOAD)
    with tempfile.TemporaryDirectory() as name, EmbeddedMongo(Path(name) / "mongo") as mongo:
        setup = Setup(mongo.uri, Secrets(), Path(name))
        write_catalogue(setup)
        run = Run(extent, setup, write_dataset(mongo.uri, setup.keys.sealing, ROWS, extent.untouched))
        run.everything()
        return run.result()


def main() -> None:
    """Run the benchmark, save its results as JSON and as a picture, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only the closest peers, in a few minutes")
    extent = QUICK if parser.parse_args().quick else FULL
    result = measured(extent)
    saved = RESULTS / extent.file
    saved.write_text(json.dumps(result, indent=1) + "\n")
    saved.with_suffix(".svg").write_text(picture.drawn(result))
    table.printed(result)


if __name__ == "__main__":
    main()
