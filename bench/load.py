"""The load: wrk, which asks on 64 connections as fast as it is answered, and looks at every answer."""

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
    """Answers under load were not what they should be, so that the figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, by its HTTP."""

    method: str
    path: str
    body: str = ""

    @property
    def line(self) -> str:
        """It as wrk's script reads it."""
        return f"{self.method}\t{self.path}\t{self.body}"


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked, and every answer that is right; `writes` are sent in between, and `written` stands in their answers."""

    requests: Path
    answers: Path
    writes: Path | None = None
    written: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of it; `cpu_us` is the processor time that the server took for an answer, whatever else the machine did meanwhile."""

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


def require_wrk() -> None:
    """Raises: SystemExit where there is no wrk."""
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing, which makes the load; on Debian: apt-get install wrk")


def lines(path: Path, texts: Iterable[str]) -> Path:
    """A file of these lines."""
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def loaded(target: Served, load: Load, seconds: int, seed: int, connections: int = CONNECTIONS) -> Figures:
    """The figures of a server under this load. Raises: WrongAnswers."""
    environment = {"REQUESTS": str(load.requests), "ANSWERS": str(load.answers), "SEED": str(seed), "AUTHORIZATION": f"Bearer {target.token}"}
    if load.writes:
        environment |= {"WRITES": str(load.writes), "WRITTEN": load.written}
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s", "--timeout", "30s"]
    command += ["--script", str(SCRIPT), target.url]
    cpu = target.cpu_seconds
    ran = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    cpu = target.cpu_seconds - cpu
    told = ran.stderr.splitlines()
    if ran.returncode or not told:
        raise WrongAnswers(f"{target.url}: wrk ended with {ran.returncode}: {ran.stdout[-400:]} {ran.stderr[-400:]}")
    requests, microseconds, wrong, errors, p50, p99 = map(int, told[-2].split())
    if wrong or errors or not requests:
        raise WrongAnswers(f"{target.url}: of {requests} answers {wrong} were wrong, {errors} connections failed: {told[-1]}")
    return Figures(requests / microseconds * 1e6, cpu / requests * 1e6, p50 / 1000, p99 / 1000)
