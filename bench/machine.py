"""Describes the machine, and the versions of the software that a run measures."""

import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.processors import AVAILABLE
from bench.servers import PEERS
from gateway.development.mongod import find_mongod

PACKAGES = ("ariadne", "graphql-core", "motor", "orjson", "pymongo", "starlette", "strawberry-graphql", "uvicorn", "uvloop", "websockets")


def described() -> dict[str, Any]:
    """The processor, the operating system, and the version of each program and package, for the results file."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "processors": len(AVAILABLE),
        "system": platform.platform(),
        "python": platform.python_version(),
        "node": output_of("node", "--version"),
        "mongod": output_of(str(find_mongod()), "--version").splitlines()[0],
        "packages": dict(filter(None, map(installed, PACKAGES))) | npm(),
    }


def processor() -> str:
    """The model name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def installed(package: str) -> tuple[str, str] | None:
    """The name and the version of a Python package, or None if it is not installed."""
    try:
        return package, version(package)
    except PackageNotFoundError:
        return None


def npm() -> dict[str, str]:
    """The versions of the packages that the peers on Node use."""
    dependencies: dict[str, str] = json.loads((PEERS / "package.json").read_text())["dependencies"]
    return dependencies


def output_of(*command: str) -> str:
    """Run a command. Returns its standard output."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
