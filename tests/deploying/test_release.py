"""Tests the release: the wheel and the sdist are complete, and the wheel runs in an environment that contains nothing else."""

import asyncio
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import httpx2
import pytest

from gateway.pages.bundle import is_built
from tests.deploying.containers import ROOT
from tests.processes.process import READY_SECONDS, has_status
from tests.processes.service import free_port

PROGRAMS = Path(sys.executable).parent
BUILT_PAGES = ("board", "follow")


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command. Returns its output. Fails the test if the command fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "PYTHONPATH"))}
    ran = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
    return ran.stdout


def built(source: Path, target: Path) -> tuple[Path, Path]:
    """Build the wheel and the sdist of a source tree into a folder. Returns their paths."""
    run(PROGRAMS / "hatchling", "build", "-d", target, cwd=source)
    return next(target.glob("*.whl")), next(target.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the sdist of the project."""
    return built(ROOT, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def environment(release: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel and its locked dependencies. The packages come from uv's cache, or else from the package index."""
    made = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", "--without-pip", made)
    install: list[str | Path] = [PROGRAMS / "uv", "pip", "install", "--quiet", "--python", made / "bin" / "python"]
    run(*install, "--require-hashes", "--requirement", ROOT / "requirements" / "runtime.lock")
    run(*install, "--no-deps", "--no-index", release[0])
    return made


def files(wheel: Path) -> set[str]:
    """The names of the files in a wheel."""
    return {name for name in ZipFile(wheel).namelist() if not name.endswith("/")}


def test_the_wheel_contains_the_packages_and_the_pages_that_are_built(release: tuple[Path, Path]) -> None:
    found = files(release[0])

    assert {"gateway/__main__.py", "schema/schema.graphql", "domain/reasons.py", "gateway/pages/person.html"} <= found
    for name in BUILT_PAGES:
        assert (f"gateway/pages/{name}/index.html" in found) is is_built(ROOT / "gateway" / "pages" / name)
    assert {name.split("/")[0] for name in found if not name.startswith("verification_gateway-")} == {
        *("compiler", "domain", "gateway", "lifecycle", "providers", "resolvers", "schema", "simulation", "store"),
    }
    assert not [name for name in found if "__pycache__" in name or "node_modules" in name or name.endswith(".new")]


def test_the_sdist_builds_the_same_wheel(release: tuple[Path, Path], tmp_path: Path) -> None:
    wheel, sdist = release
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()

    again, _ = built(source, tmp_path / "again")

    assert files(again) == files(wheel)
    assert (source / "CHANGELOG.md").exists()
    assert (source / "deploy" / "mongodb-roles.json").exists()
    assert not (source / "tests").exists()


@asynccontextmanager
async def running(environment: Path, folder: Path, *arguments: str) -> AsyncIterator[None]:
    """A context in which the command `gateway` of an environment runs in a folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "PYTHONPATH"))}
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(environment / "bin" / "gateway", *arguments, cwd=folder, env=inherited, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def test_the_wheel_runs_in_a_clean_environment(environment: Path, database_uri: str, tmp_path: Path) -> None:
    command, port = environment / "bin" / "gateway", free_port()
    assert run(command, "--version", cwd=tmp_path) == f"gateway {version('verification-gateway')}\n"
    assert "serve" in run(command, "--help", cwd=tmp_path)
    assert run(command, "schema", cwd=tmp_path) == (ROOT / "schema" / "schema.graphql").read_text()

    async with (
        running(environment, tmp_path, "dev", "--no-demo", "--port", str(port), "--mongo-uri", database_uri),
        httpx2.AsyncClient(trust_env=False) as client,
        asyncio.timeout(READY_SECONDS),
    ):
        while not await has_status(client, f"http://127.0.0.1:{port}/readyz", 200):
            await asyncio.sleep(0.1)
        pages = [await client.get(f"http://127.0.0.1:{port}{path}") for path in ("/", "/follow")]

    assert pages[0].status_code == 200
    assert (pages[1].status_code == 200) is is_built(ROOT / "gateway" / "pages" / "follow")
