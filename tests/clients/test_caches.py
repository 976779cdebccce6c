"""Tests the recipes for normalized caches: a cached list shows each row once, in the order of the list, and never in an older state than before."""

import shutil
from pathlib import Path

import pytest

from tests.clients.test_recipes import FOLDER
from tests.clients.web.program import Program, program
from tests.company import LINK_OPENED, Company

CACHES = ["graphcache.js", "apollo-cache.js"]
PARTS = ["list.js", "newest.js", "sockets.js"]
# The file `app.js`, which docs/frontends.md leaves to its reader. After the command `hold`, the recipe does not receive the responses that arrive.
# The command `release` hands these responses to the recipe.
APP = """
import { createInterface } from "node:readline"
import WebSocket from "ws"
globalThis.WebSocket ??= WebSocket
export const { URL: url, TOKEN } = process.env
export const socketUrl = url.replace("http", "ws")
export const freshToken = async () => TOKEN
const print = (line) => console.log(JSON.stringify(line))
export const showList = (rows, count) => print({ rows: rows.map(({ id, version, phase }) => [id, version, phase]), count })
export const failed = (error) => print({ failed: String(error) })

let held = Promise.resolve()
let release
createInterface({ input: process.stdin }).on("line", (command) => {
  if (command === "release") return release()
  held = new Promise((resolve) => (release = resolve))
  print({ holding: true })
})
const { fetch } = globalThis
globalThis.fetch = async (...request) => {
  const response = await fetch(...request)
  const text = await response.text()
  print({ arrived: text.length })
  await held
  return new Response(text, response)
}
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with the recipes, the file `app.js` that the page leaves to its reader, and the packages of the clients."""
    for name in [*CACHES, *PARTS]:
        shutil.copy(FOLDER / name, tmp_path)
    (tmp_path / "app.js").write_text(APP)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(FOLDER.parents[1] / "node_modules")
    return tmp_path


def ids(recipe: Program) -> list[list[str]]:
    """The ids of the rows of each list that the recipe has shown."""
    return [[id for id, _, _ in rows] for rows in recipe.all("rows")]


@pytest.mark.parametrize("cache", CACHES)
async def test_rows_appear_change_in_place_and_leave(node: str, directory: Path, company: Company, cache: str) -> None:
    first = await company.created()
    async with program(node, directory / cache, company.gateway.url, TOKEN=company.token()) as recipe:
        await recipe.printed(rows=[[first, 1, "AWAITING_INDIVIDUAL"]], count=1)
        second = await company.created()
        await recipe.printed(rows=[[second, 1, "AWAITING_INDIVIDUAL"], [first, 1, "AWAITING_INDIVIDUAL"]], count=2)
        requests = len(recipe.all("arrived"))
        await company.progress(first, LINK_OPENED)
        await recipe.printed(rows=[[second, 1, "AWAITING_INDIVIDUAL"], [first, 2, "IN_SESSION"]], count=2)
        await company.result(first, "VERIFIED")
        await recipe.printed(rows=[[second, 1, "AWAITING_INDIVIDUAL"]], count=1)
        # The recipe sent one request, when the row left the list. It sent none when the row had changed within the list before.
        assert len(recipe.all("arrived")) == requests + 1

    assert recipe.all("failed") == []
    assert [rows for rows in ids(recipe) if len(rows) != len(set(rows))] == []


@pytest.mark.parametrize("cache", CACHES)
async def test_a_response_that_was_overtaken_by_the_subscription_undoes_nothing(node: str, directory: Path, company: Company, cache: str) -> None:
    first = await company.created()
    async with program(node, directory / cache, company.gateway.url, TOKEN=company.token()) as recipe:
        await recipe.printed(rows=[[first, 1, "AWAITING_INDIVIDUAL"]], count=1)
        recipe.send("hold")
        await recipe.printed(holding=True)
        requests = len(recipe.all("arrived"))
        second = await company.created()
        await recipe.until(lambda recipe: len(recipe.all("arrived")) > requests)
        await company.progress(first, LINK_OPENED)
        await recipe.printed(rows=[[first, 2, "IN_SESSION"]], count=1)
        recipe.send("release")
        await recipe.printed(rows=[[second, 1, "AWAITING_INDIVIDUAL"], [first, 2, "IN_SESSION"]], count=2)

    versions = [version for rows in recipe.all("rows") for id, version, _ in rows if id == first]
    assert versions == sorted(versions)
