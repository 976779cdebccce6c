"""Installs the packages of web/ in an empty folder, as docs/frontends.md says, but without a package registry."""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from tests.clients.test_node import ROOT

WEB = ROOT / "web"
SECONDS = 300
# What npm would download from its registry. The test packs it from the installed packages instead.
FROM_REGISTRY = ("graphql", "graphql-ws", "react", "react-dom", "scheduler")
# Packages of web/node_modules that are linked into the folder: those that the example with Vue needs beside our own packages.
LINKED = ("vue", "@vitejs", "@vue")


async def npm(folder: Path, *arguments: str | Path) -> None:
    """Run npm in a folder. Fails the test if npm fails."""
    path = shutil.which("npm")
    assert path
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "npm_config_cache": str(folder / "cache"), "npm_config_update_notifier": "false"}
    process = await asyncio.create_subprocess_exec(path, *arguments, cwd=folder, env=environment, stdout=PIPE, stderr=STDOUT)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()


async def packed(folder: Path) -> list[Path]:
    """Pack the packages of web/, as `make packages` does, into a folder. Returns the files."""
    if not shutil.which("npm"):
        pytest.skip("npm is missing")
    sources = [str(WEB / name) for name in ("client", "element", "react")]
    await npm(folder, "pack", "--ignore-scripts", *sources)
    return packages_in(folder)


def packages_in(folder: Path) -> list[Path]:
    """The packed packages in a folder."""
    return sorted(folder.glob("*.tgz"))


async def install(folder: Path) -> None:
    """Install the packages of web/ in an empty folder, with React and Vue beside them."""
    packages = folder / "packages"
    packages.mkdir(parents=True)
    own = await packed(packages)
    await npm(packages, "pack", "--ignore-scripts", *(str(WEB / "node_modules" / name) for name in FROM_REGISTRY))
    others = [path for path in packages_in(packages) if path not in own]
    await npm(folder, "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", *own, *others)
    for name in LINKED:
        (folder / "node_modules" / name).symlink_to(WEB / "node_modules" / name)


def linked(folder: Path) -> Path:
    """Turn a folder into an app on Node in which web/client and `ws` are installed. Node 20 needs `ws` for WebSockets. Returns the folder."""
    (folder / "package.json").write_text('{"type": "module"}')
    packages = folder / "node_modules"
    (packages / "@verification-gateway").mkdir(parents=True)
    (packages / "@verification-gateway" / "client").symlink_to(WEB / "client")
    (packages / "ws").symlink_to(ROOT / "tests" / "clients" / "node_modules" / "ws")
    return folder
