"""The gateway side by side with its peers: in one run, on one machine, over one MongoDB, with the same requests.

python -m bench [--quick]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from bench import fanout, machine, ratios, table, throughput
from bench.dataset import Dataset, written
from bench.load import require_wrk
from bench.machinery import Secrets, Served
from bench.processors import LOAD, SERVER, pinned, stay
from bench.servers import Place, serving, write_catalogue
from bench.throughput import Plan
from bench.workloads import workloads
from gateway.embedded import EmbeddedMongo
from gateway.server import make_room

SUBSCRIBERS = 1000
RESULTS = Path(__file__).parent / "results"
CLOSEST = ("gateway", "rest", "strawberry", "mercurius")
EVERYBODY = (*CLOSEST, "gathered", "ariadne", "apollo", "yoga")


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured."""

    file: str
    rows: int
    untouched: int
    plans: dict[str, Plan]
    inprocess: tuple[int, float]
    fanout_rounds: int
    one: tuple[str, ...]
    many: tuple[str, ...]


QUICK = Extent(
    "quick.json",
    rows=12_000,
    untouched=0,
    plans={"point": Plan(CLOSEST, rounds=5, seconds=2), "page": Plan(CLOSEST, rounds=5, seconds=2)},
    inprocess=(5, 0.5),
    fanout_rounds=15,
    one=("gateway", "bare", "graphql_ws"),
    many=("gateway", "strawberry"),
)
FULL = Extent(
    "bench.json",
    rows=12_000,
    untouched=0,
    plans={
        "point": Plan(EVERYBODY, rounds=5, seconds=4),
        "page": Plan(EVERYBODY, rounds=5, seconds=4),
        "nested": Plan(("gateway", "strawberry", "mercurius"), rounds=5, seconds=5, connections=16),
        "catalogue": Plan(("gateway", "strawberry", "mercurius", "rest"), rounds=3, seconds=3),
    },
    inprocess=(9, 1),
    fanout_rounds=31,
    one=("gateway", "bare", "graphql_ws", "strawberry"),
    many=("gateway", "strawberry", "strawberry_published"),
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
        subjects: dict[str, Callable[[], None]] = {"throughput": self.throughput, "inside the process": self.inprocess, "fan-out": self.fanout}
        for name, subject in subjects.items():
            begun = perf_counter()
            subject()
            print(f"{name}: {perf_counter() - begun:.0f} s", file=sys.stderr)

    def throughput(self) -> None:
        """Answers a second of each workload."""
        asked = workloads(self.data)
        with self.servers({name for plan in self.extent.plans.values() for name in plan.names} - {"gathered"}) as servers:
            # The REST service has both endpoints.
            if "rest" in servers:
                servers["gathered"] = servers["rest"]
            for name, plan in self.extent.plans.items():
                self.figures[name] = throughput.measured(asked[name], servers, plan, self.place.folder)

    def inprocess(self) -> None:
        """The executors alone."""
        command = [sys.executable, "-m", "bench.inprocess", *map(str, self.extent.inprocess)]
        ran = subprocess.run(pinned(command, SERVER), stdout=subprocess.PIPE, check=True)
        self.figures["page_inprocess"] = json.loads(ran.stdout)

    def fanout(self) -> None:
        """One event to a thousand, and a thousand events to one each."""
        extent = self.extent
        with fanout.stage(self.place, {name.removesuffix("_published") for name in (*extent.one, *extent.many)}) as stage:

            async def both() -> None:
                self.figures["fanout_one"] = await stage.one(extent.one, SUBSCRIBERS, extent.fanout_rounds)
                self.figures["fanout_many"] = await stage.many(extent.many, SUBSCRIBERS, extent.fanout_rounds)

            uvloop.run(both())

    @contextmanager
    def servers(self, names: set[str]) -> Iterator[dict[str, Served]]:
        """The servers of these names, all of them running."""
        with ExitStack() as stack:
            yield {name: stack.enter_context(serving(name, self.place)) for name in sorted(names)}

    def result(self) -> dict[str, Any]:
        """All that is kept."""
        return {"machine": machine.described(), "ratios": ratios.computed(self.figures), "figures": self.figures}


def measured(extent: Extent) -> dict[str, Any]:
    """A run from the start: MongoDB, the data, the servers, the figures."""
    require_wrk()
    make_room()
    stay(LOAD)
    with tempfile.TemporaryDirectory() as name, EmbeddedMongo(Path(name) / "mongo") as mongo:
        place = Place(mongo.uri, Secrets(), Path(name))
        write_catalogue(place)
        run = Run(extent, place, written(mongo.uri, place.keys.sealing, extent.rows, extent.untouched))
        run.everything()
        return run.result()


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the closest peers alone, in a few minutes")
    extent = QUICK if parser.parse_args().quick else FULL
    result = measured(extent)
    (RESULTS / extent.file).write_text(json.dumps(result, indent=1) + "\n")
    table.printed(result)


if __name__ == "__main__":
    main()
