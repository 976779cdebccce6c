"""Tests the recipes in docs/frontends.md: each receives every event once and in order, although its gateway is killed."""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.clients.outages import BAD_GATEWAY, Outages, outages
from tests.clients.test_node import HERE, compile_operations
from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company
from tests.processes.process import running
from tests.processes.service import free_port, settings_at

PAGE = HERE.parents[1] / "docs" / "frontends.md"
FOLDER = HERE / "examples" / "recipes"
# The subscription `Follow` of the page, which the recipes send.
FOLLOW = re.search(r"(?<=^```graphql\n)subscription Follow(?:.*\n)*?(?=```$)", PAGE.read_text(), re.MULTILINE)
RECIPES = ["apollo.js", "event-source.js", "following.py", "graphql-sse.js", "graphql-ws.js", "relay.js", "urql.js"]
# How long a test waits for a message, or for a refused connection. It is enough on a machine that is busy with other tests too.
SECONDS = 120

APP_JS = """
import WebSocket from "ws"
globalThis.WebSocket ??= WebSocket
export const { URL: url, SOCKET_URL: socketUrl, VERIFICATION: id, FOLLOW } = process.env
export const freshToken = async () => process.env.TOKEN
export const show = (update) => console.log(JSON.stringify(update))
export const finished = () => console.log('"finished"')
export const failed = (error) => console.log(JSON.stringify({ failed: String(error), error }))
"""
APP_PY = """
import json, os
url, socket_url, id, FOLLOW = (os.environ[name] for name in ("URL", "SOCKET_URL", "VERIFICATION", "FOLLOW"))
fresh_token = lambda: os.environ["TOKEN"]
show = lambda update: print(json.dumps(update), flush=True)
finished = lambda: print('"finished"', flush=True)
"""


@dataclass
class Recipe:
    """A recipe that runs as a process, and the lines that it has printed: the messages of the subscription, and "finished" at the end."""

    name: str
    process: Process
    proxy: Outages
    printed: list[Any] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self) -> None:
        """Read what the recipe prints, until it ends."""
        assert self.process.stdout
        async for line in self.process.stdout:
            async with self.changed:
                try:
                    self.printed.append(json.loads(line))
                except ValueError:
                    self.printed.append({"failed": line.decode()})
                self.changed.notify_all()

    async def until(self, condition: Callable[["Recipe"], bool]) -> None:
        """Wait until the condition is true. Fails the test if the recipe ends or fails before that, or takes too long."""
        try:
            async with self.changed, asyncio.timeout(SECONDS):
                await self.changed.wait_for(lambda: condition(self) or self.last != [])
        except TimeoutError:
            pytest.fail(f"{self.name} received {self.events}, and was refused {self.proxy.refused} times")
        assert condition(self), f"{self.name} received {self.events}, then: {self.last}"

    async def refused(self, times: int) -> None:
        """Wait until the proxy has refused this number of connections of the recipe. Fails the test if that takes too long."""
        try:
            async with asyncio.timeout(SECONDS):
                while self.proxy.refused < times:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pytest.fail(f"{self.name} tried to connect {self.proxy.refused} times during an outage, received {self.events}, then: {self.last}")

    @property
    def updates(self) -> list[dict[str, Any]]:
        """The messages of the subscription."""
        return [text for text in self.printed if isinstance(text, dict) and "verification" in text]

    @property
    def last(self) -> list[Any]:
        """The printed lines that are not messages of the subscription."""
        return [text for text in self.printed if text not in self.updates]

    @property
    def events(self) -> dict[int, list[int]]:
        """The versions of the events in the order in which they arrived, by attempt."""
        versions: dict[int, list[int]] = defaultdict(list)
        for update in self.updates:
            versions[update["verification"]["attempt"]] += [event["version"] for event in update["events"]]
        return dict(versions)


def has(attempt: int, version: int) -> Callable[[Recipe], bool]:
    """The condition that a recipe has received a version of an attempt."""
    state = {"attempt": attempt, "version": version}
    return lambda recipe: any(state.items() <= update["verification"].items() for update in recipe.updates)


@asynccontextmanager
async def recipe(directory: Path, program: str, name: str, **environment: str) -> AsyncIterator[Recipe]:
    """A context in which a recipe runs. The recipe connects through a proxy of its own, and is killed at the end of the context."""
    async with outages() as proxy:
        at = {"URL": f"http://127.0.0.1:{proxy.port}/graphql", "SOCKET_URL": f"ws://127.0.0.1:{proxy.port}/graphql"}
        environment = {"PATH": os.environ["PATH"], **at, **environment}
        process = await asyncio.create_subprocess_exec(program, name, cwd=directory, env=environment, stdout=PIPE, stderr=STDOUT, limit=2**20)
        running_recipe = Recipe(name, process, proxy)
        reading = asyncio.create_task(running_recipe.read())
        try:
            yield running_recipe
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reading


@pytest.fixture
async def directory(node: str, tmp_path: Path) -> Path:
    """A directory in which each recipe of docs/frontends.md can run: the recipes, the modules that they import, and the packages of the clients.

    The recipes import `app.js` or `app.py`, which the page leaves to its reader. Here, these modules print what a recipe receives.
    """
    assert FOLLOW
    for name in [*RECIPES, "sockets.js"]:
        shutil.copy(FOLDER / name, tmp_path)
    (tmp_path / "app.js").write_text(APP_JS)
    (tmp_path / "app.py").write_text(APP_PY)
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    operation = FOLLOW[0].replace("Follow(", "followSubscription(")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "follow.js").write_text(f'import {{ graphql }} from "relay-runtime"\ngraphql`{operation}`\n')
    await compile_operations(node, tmp_path, "__generated__")
    return tmp_path


@asynccontextmanager
async def served(directory: Path, database_uri: str, recipes: list[Recipe], refusal: bytes) -> AsyncIterator[None]:
    """A context with a gateway in its own process, to which the proxies forward. At its end, the gateway is killed, and the context waits until each
    proxy has refused two connections.
    """
    port = free_port()
    async with running(directory, "serve", GATEWAY_MONGO_URI=database_uri, **settings_at(port)) as command:
        await command.ready(f"http://127.0.0.1:{port}")
        for each in recipes:
            each.proxy.end(port)
        yield
        await command.end(signal.SIGKILL)
    for each in recipes:
        each.proxy.begin(refusal)
    await asyncio.gather(*(each.refused(2) for each in recipes))


async def all_have(recipes: list[Recipe], attempt: int, version: int) -> None:
    """Wait until all recipes have received a version of an attempt."""
    await asyncio.gather(*(each.until(has(attempt, version)) for each in recipes))


async def test_each_recipe_receives_every_event_once_while_its_gateway_is_killed(
    node: str, directory: Path, company: Company, shared_database_uri: str
) -> None:
    id = await company.created()
    environment = {"VERIFICATION": id, "TOKEN": await company.follow_token(id), "FOLLOW": FOLLOW[0] if FOLLOW else ""}
    async with AsyncExitStack() as stack:
        programs = {name: sys.executable if name.endswith(".py") else node for name in RECIPES}
        each = [await stack.enter_async_context(recipe(directory, program, name, **environment)) for name, program in programs.items()]

        async with served(directory, shared_database_uri, each, refusal=b""):
            await all_have(each, 1, 1)
            await company.progress(id, LINK_OPENED)
            await all_have(each, 1, 2)
        await company.progress(id, CAPTURE_STARTED)
        await company.result(id, "FAILED", "IDVV_2101")
        retry = (await company.retry(id))["id"]
        await company.progress(retry, LINK_OPENED)

        async with served(directory, shared_database_uri, each, refusal=BAD_GATEWAY):
            await all_have(each, 1, 5)
            await all_have(each, 2, 2)
            await company.progress(retry, CAPTURE_STARTED)
            await all_have(each, 2, 3)

        port = free_port()
        async with running(directory, "serve", GATEWAY_MONGO_URI=shared_database_uri, **settings_at(port)) as command:
            await command.ready(f"http://127.0.0.1:{port}")
            for one in each:
                one.proxy.end(port)
            await company.progress(retry, CAPTURE_COMPLETED)
            await company.result(retry, "VERIFIED")
            await asyncio.gather(*(one.until(lambda one: bool(one.last)) for one in each))

    assert {one.name: one.last for one in each} == {name: ["finished"] for name in RECIPES}
    assert {one.name: one.events for one in each} == {name: {1: [2, 3, 4, 5], 2: [1, 2, 3, 4, 5]} for name in RECIPES}
