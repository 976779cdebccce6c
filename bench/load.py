"""Loads a server with wrk, usually over 64 connections. Each connection sends its next request after the previous answer. Every answer is checked."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.machinery import Served

SCRIPT = Path(__file__).with_suffix(".lua")
CONNECTIONS = 64


class WrongAnswers(Exception):
    """Some answers were wrong, or some requests failed. The figures of this run are worthless."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request that wrk sends."""

    method: str
    path: str
    body: str = ""

    @property
    def line(self) -> str:
        """The request in the format of bench/load.lua: method, path and body, separated by tabs."""
        return f"{self.method}\t{self.path}\t{self.body}"


@dataclass(frozen=True, slots=True)
class Load:
    """The files that wrk's script, bench/load.lua, reads: the requests to send, and the answers that are right.

    If `writes` is set, one request in ten is taken from the file that it names. The answer to such a request must contain the text `written`.
    """

    requests: Path
    answers: Path
    writes: Path | None = None
    written: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one run of wrk. `cpu_us`: the processor time of the server for each answer, on which other load has little effect."""

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


def require_wrk() -> None:
    """Check that wrk is installed. Raises: SystemExit if it is not."""
    if not shutil.which("wrk"):
        raise SystemExit("wrk, which generates the load, is missing; on Debian: apt-get install wrk")


def lines(path: Path, texts: Iterable[str]) -> Path:
    """Write these lines to the file. Returns the path of the file."""
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def loaded(target: Served, load: Load, seconds: int, seed: int, connections: int = CONNECTIONS) -> Figures:
    """Load the server with wrk for this time. Returns the figures. `seed`: for the random choice of the requests.

    Raises: WrongAnswers if any answer is wrong or a connection fails.
    """
    environment = {"REQUESTS": str(load.requests), "ANSWERS": str(load.answers), "SEED": str(seed), "AUTHORIZATION": f"Bearer {target.token}"}
    if load.writes:
        environment |= {"WRITES": str(load.writes), "WRITTEN": load.written}
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s", "--timeout", "30s"]
    command += ["--script", str(SCRIPT), target.url]
    cpu = target.cpu_seconds
    ran = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    cpu = target.cpu_seconds - cpu
    output = ran.stderr.splitlines()
    if ran.returncode or not output:
        raise WrongAnswers(f"{target.url}: wrk ended with {ran.returncode}: {ran.stdout[-400:]} {ran.stderr[-400:]}")
    requests, microseconds, wrong, errors, p50, p99 = map(int, output[-2].split())
    if wrong or errors or not requests:
        raise WrongAnswers(f"{target.url}: of {requests} answers {wrong} were wrong, {errors} connections failed: {output[-1]}")
    return Figures(requests / microseconds * 1e6, cpu / requests * 1e6, p50 / 1000, p99 / 1000)
