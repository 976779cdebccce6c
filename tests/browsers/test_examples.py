"""The apps of docs/frontends.md in a real browser: each is copied into an empty folder, built by Vite, and shows a status live."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser
from pymongo import MongoClient

from store.indexes import VERIFICATIONS
from tests.browsers.chromium import a_tab
from tests.clients.test_examples import EXAMPLES
from tests.clients.web.packages import WEB, install
from tests.company import LINK_OPENED, Company
from tests.prerequisites import missing
from tests.processes.service import free_port
from tests.serving import Gateway, serving

NOT_BUILT = "Node or the built packages of web/ are missing: install Node 20 or newer, and run `make setup`"
SECONDS = 120
# The texts that an app shows: at the beginning, after the first step, and at the end. APPS has the folder of each app, its server, and its texts.
STATUSES = ("PENDING, AWAITING_INDIVIDUAL", "PENDING, IN_SESSION", "VERIFIED, DONE")
HEADINGS = ("Ready when you are", "Your video check is open", "You’re verified")
APPS = [
    ("plain", "server.mjs", STATUSES),
    ("react", "server.mjs", STATUSES),
    ("vue", "server.py", STATUSES),
    ("element", "server.py", HEADINGS),
]


@pytest.fixture(scope="module")
async def gateway(shared_database_uri: str) -> AsyncIterator[Gateway]:
    """A gateway on a developer's machine, which pages of every port of that machine may call."""
    async with serving(shared_database_uri, local=True) as running:
        yield running


@pytest.fixture
def company(gateway: Gateway, shared_database_uri: str, mongo: MongoClient[dict[str, Any]]) -> Company:
    """The company that builds the app."""
    return Company(gateway, mongo[urlsplit(shared_database_uri).path[1:]][VERIFICATIONS])


@pytest.fixture(scope="module")
async def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `node_modules` of an app that has installed the packages. Without Node, the test is skipped; in CI, it fails."""
    if not shutil.which("node") or not (WEB / "react" / "dist" / "index.js").exists():
        missing(NOT_BUILT)
    folder = tmp_path_factory.mktemp("packages")
    await install(folder)
    return folder / "node_modules"


@asynccontextmanager
async def started(folder: Path, url: str, *command: str | Path, **environment: str) -> AsyncIterator[None]:
    """A context in which a program runs. It begins when the program has printed its address."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_COLOR": "1", **environment}
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=variables, stdout=PIPE, stderr=STDOUT)
    assert process.stdout
    printed = ""
    try:
        async with asyncio.timeout(SECONDS):
            while url not in printed:
                line = await process.stdout.readline()
                assert line, printed
                printed += line.decode()
        draining = asyncio.create_task(process.stdout.read())
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    await draining


def copied(app: str, server: str, folder: Path, packages: Path, port: int) -> Path:
    """Copy an app and its server into a folder. `port`: the port of the server, which is written into the configuration of Vite."""
    shutil.copytree(EXAMPLES / app, folder, dirs_exist_ok=True)
    shutil.copy(EXAMPLES / "servers" / server, folder)
    configuration = folder / "vite.config.mjs"
    configuration.write_text(configuration.read_text().replace("8787", str(port)))
    shutil.copytree(packages, folder / "node_modules", symlinks=True)
    return folder


@pytest.mark.parametrize(("app", "server", "texts"), APPS, ids=[f"{app} with {server}" for app, server, _ in APPS])
async def test_the_app_shows_the_status_live(
    browser: Browser, company: Company, packages: Path, tmp_path: Path, app: str, server: str, texts: tuple[str, ...]
) -> None:
    api, page = free_port(), free_port()
    folder = copied(app, server, tmp_path / "app", packages, api)
    program = sys.executable if server.endswith(".py") else "node"
    environment = {"VERIFICATION_URL": f"{company.gateway.url}/graphql", "VERIFICATION_TOKEN": company.token(), "PORT": str(api)}
    vite = ("node", WEB / "node_modules" / "vite" / "bin" / "vite.js", "--host", "127.0.0.1", "--port", str(page), "--strictPort")

    async with started(folder, str(api), program, server, **environment), started(folder, str(page), *vite), a_tab(browser) as tab:
        await tab.page.goto(f"http://127.0.0.1:{page}/")
        await tab.page.get_by_text(texts[0]).wait_for()
        [created] = (await company.ask("{ verifications(first: 2) { edges { node { id verificationUrl } } } }"))["verifications"]["edges"]
        id = created["node"]["id"]
        assert await tab.page.get_by_role("link").get_attribute("href") == created["node"]["verificationUrl"]
        await company.progress(id, LINK_OPENED)
        await tab.page.get_by_text(texts[1]).wait_for()
        await company.result(id, "VERIFIED")
        await tab.page.get_by_text(texts[2]).wait_for()

    assert tab.problems == []
