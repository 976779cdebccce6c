"""The gateway side by side with its peers: in one run, on one machine, over one MongoDB, with the same requests.

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
from bench.dataset import Dataset, written
from bench.fanout import Stage, stage
from bench.load import require_wrk
from bench.machinery import Secrets, Served
from bench.processors import LOAD, SERVER, pinned, stay
from bench.servers import Place, serving, write_catalogue
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
EVERYBODY = (*CLOSEST, "ariadne", "apollo", "yoga")


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

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
        """How many verifications are there to be written to."""
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
        "point": Plan((*EVERYBODY, "gathered"), rounds=9, seconds=2),
        "page": Plan(EVERYBODY, rounds=7, seconds=4),
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
    """One run, and what it has found so far."""

    extent: Extent
    place: Place
    data: Dataset
    figures: dict[str, Any] = field(default_factory=dict)

    def everything(self) -> None:
        """Measure it all, a subject after the other."""
        subjects = [self.throughput, self.inprocess, self.fanout]
        if self.extent.growth_rounds:
            subjects += [self.subscribers, self.growth]
        for subject in subjects:
            begun = perf_counter()
            subject()
            print(f"{subject.__name__}: {perf_counter() - begun:.0f} s", file=sys.stderr)

    def throughput(self) -> None:
        """Answers a second of each workload."""
        asked, folder, mixed = workloads(self.data), self.place.folder, self.extent.mixed
        with self.servers({name for plan in self.extent.plans.values() for name in plan.names} - {"gathered"}) as servers:
            # The REST service has both endpoints.
            servers["gathered"] = servers["rest"]
            for name, plan in self.extent.plans.items():
                self.figures[name] = throughput.measured(asked[name], servers, plan, folder)
            if mixed:
                self.figures["mixed"] = throughput.mixed(asked["point"], self.data.untouched, servers, mixed, folder)

    def inprocess(self) -> None:
        """The executors alone."""
        command = [sys.executable, "-m", "bench.inprocess", *map(str, self.extent.inprocess)]
        ran = subprocess.run(pinned(command, SERVER), stdout=subprocess.PIPE, check=True)
        self.figures["page_inprocess"] = json.loads(ran.stdout)

    def fanout(self) -> None:
        """One event to a thousand, and a thousand events to one each."""
        with stage(self.place, {*self.extent.one, "strawberry"}) as ready:
            uvloop.run(self._fanout(ready))

    async def _fanout(self, ready: Stage) -> None:
        self.figures["fanout_one"] = await ready.one(self.extent.one, SUBSCRIBERS, self.extent.fanout_rounds)
        # Each by itself: what one is told at a server, the other would hear too.
        for names in self.extent.many:
            self.figures.setdefault("fanout_many", {}).update(await ready.many(names, SUBSCRIBERS, self.extent.fanout_rounds))

    def subscribers(self) -> None:
        """What they cost who wait, and how soon they learn."""
        self.figures["memory"] = subscribers.memory(self.place, ("gateway", "bare", "strawberry", "graphql_ws"), IDLE, 2)
        with stage(self.place, {"gateway", "strawberry"}) as ready:
            uvloop.run(self._subscribers(ready))

    async def _subscribers(self, ready: Stage) -> None:
        self.figures["lateness"] = await subscribers.lateness(ready, ("gateway", "strawberry"), 200, 300)
        told = {str(number): await ready.one(("gateway",), number, 5) for number in CROWDS}
        self.figures["crowds"] = {number: figures["gateway"] for number, figures in told.items()}

    def growth(self) -> None:
        """How costs grow."""
        rounds = self.extent.growth_rounds
        self.figures |= growth.measured(self.place, rounds)
        asked = workloads(self.data)["point"]
        with self.servers({"gateway"}) as servers:
            [load] = throughput.agreeing(asked, servers, ["gateway"], self.place.folder).values()
        self.figures["processes"] = growth.processes(self.place, load, rounds, 3)

    @contextmanager
    def servers(self, names: set[str]) -> Iterator[dict[str, Served]]:
        """The servers of these names, all of them running."""
        with ExitStack() as stack:
            yield {name: stack.enter_context(serving(name, self.place)) for name in sorted(names)}

    def result(self) -> dict[str, Any]:
        """All that is kept."""
        told = {"ratios": ratios.computed(self.figures), "ratios_by_cpu": ratios.computed_by_cpu(self.figures)}
        return {"machine": machine.described(), **told, "figures": self.figures}


def measured(extent: Extent) -> dict[str, Any]:
    """A run from the start: MongoDB, the data, the servers, the figures."""
    require_wrk()
    make_room()
    stay(LOAD)
    with tempfile.TemporaryDirectory() as name, EmbeddedMongo(Path(name) / "mongo") as mongo:
        place = Place(mongo.uri, Secrets(), Path(name))
        write_catalogue(place)
        run = Run(extent, place, written(mongo.uri, place.keys.sealing, ROWS, extent.untouched))
        run.everything()
        return run.result()


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the closest peers alone, in a few minutes")
    extent = QUICK if parser.parse_args().quick else FULL
    result = measured(extent)
    kept = RESULTS / extent.file
    kept.write_text(json.dumps(result, indent=1) + "\n")
    kept.with_suffix(".svg").write_text(picture.drawn(result))
    table.printed(result)


if __name__ == "__main__":
    main()
