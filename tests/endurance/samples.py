"""Samples the worker processes of a gateway from /proc, and the latencies that clients measure."""

import asyncio
import os
from collections import defaultdict
from pathlib import Path
from statistics import median, quantiles
from time import monotonic

from tests.endurance.flatness import Sample

TICKS = os.sysconf("SC_CLK_TCK")
MEGABYTE = 1_000_000


def worker_processes(supervisor: int) -> dict[str, int]:
    """The process ids of the supervisor's workers, by the names of the workers: "worker 1"."""
    found = {}
    for child in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
        if "worker" in words:
            found[f"worker {words[words.index('worker') + 1]}"] = int(child)
    return found


def process_figures(process_id: int) -> dict[str, float]:
    """Memory in MB, threads, open descriptors, and the processor time in milliseconds since the process began. Raises: OSError if it has ended."""
    directory = Path(f"/proc/{process_id}")
    status = dict(line.split(":", 1) for line in (directory / "status").read_text().splitlines())
    user, system = (directory / "stat").read_text().rpartition(")")[2].split()[11:13]
    return {
        "memory": int(status["VmRSS"].split()[0]) * 1024 / MEGABYTE,
        "threads": int(status["Threads"]),
        "descriptors": len(os.listdir(directory / "fd")),
        "processor": (int(user) + int(system)) * 1000 / TICKS,
    }


class Samples:
    """The samples of a run: by figure, then by series. Clients add their latencies with `measured`."""

    def __init__(self) -> None:
        self.figures: dict[str, dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
        self._began = monotonic()
        self._latencies: dict[str, list[float]] = defaultdict(list)
        self._processor: dict[int, tuple[float, float]] = {}

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return monotonic() - self._began

    def measured(self, figure: str, seconds: float) -> None:
        """Add a latency. `figure`: the name of the figure to which it belongs."""
        self._latencies[figure].append(seconds * 1000)

    def take(self, supervisor: int) -> None:
        """Take a sample of each worker, and of the latencies since the sample before."""
        at = self.seconds
        for name, process_id in worker_processes(supervisor).items():
            found = process_figures(process_id)
            spent, (before, before_at) = found.pop("processor"), self._processor.get(process_id, (0.0, at))
            self._processor[process_id] = spent, at
            if at > before_at:
                self.figures["processor"][name].append((at, (spent - before) / (at - before_at)))
            for figure, value in found.items():
                self.figures[figure][name].append((at, value))
        for figure, latencies in self._latencies.items():
            if len(latencies) > 1:
                self.figures[figure]["median"].append((at, median(latencies)))
                self.figures[f"{figure}_p99"]["p99"].append((at, quantiles(latencies, n=100, method="inclusive")[-1]))
        self._latencies.clear()
        self.figures["load"]["load average"].append((at, os.getloadavg()[0]))

    async def keep_taking(self, supervisor: int, every_seconds: float) -> None:
        """Take samples regularly, until cancelled."""
        while True:
            await asyncio.sleep(every_seconds)
            self.take(supervisor)
