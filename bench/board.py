"""Measures the board and the person's page in a real browser: how soon they are usable, how smooth they stay, and how late they show a status.

python -m bench.board [--rows 10000] [--rate 200] [--seconds 20] [--follows 30] [--output FILE.json]
"""

import argparse
import asyncio
import gzip
import json
import os
import sys
import tempfile
from asyncio import Queue
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, time
from typing import Any

import httpx2
from playwright.async_api import Browser, Page, ViewportSize, async_playwright
from rich.console import Console
from rich.table import Table

from bench.dataset import Company, database
from bench.machinery import (
    UNREACHED_LIMITS,
    WORKSPACE,
    Secrets,
    Served,
    created,
    execute,
    free_port,
    gateway,
    http_client,
    percentile,
    ready,
    running,
)
from domain.verification import Verification
from gateway.development.mongod import EmbeddedMongo
from gateway.pages.board import BOARD_FILES
from gateway.pages.bundle import is_built
from store.documents import encode
from store.indexes import VERIFICATIONS
from store.verifications import utc_now
from tests.browsers.chromium import MISSING, chromium_path

BOARD_FIGURES = Path(__file__).parent / "results" / "board.json"
STEPS = ("LINK_OPENED", "CAPTURE_STARTED", "CAPTURE_COMPLETED")
PROGRESS = "mutation($id: ID!, $step: Progress!) { reportProgress(input: {verificationId: $id, progress: $step}) { ... on Node { id } } }"
FOLLOW_TOKEN = "mutation($id: ID!) { issueFollowToken(verificationId: $id, ttlSeconds: 3600) { ... on FollowToken { token } } }"
WINDOW: ViewportSize = {"width": 1400, "height": 900}
# How many writes are under way at the same time, at most.
WRITERS = 16
# The share of the changes that concern rows in view of the browser.
SHARE_IN_VIEW = 0.1
COLD_STARTS = 5
PAGE_MS = 120_000

# Returns the milliseconds since the navigation once the board is live and shows its list, also an empty one; otherwise null.
INTERACTIVE = """() => document.querySelector(".chip-state.live") && document.querySelector(".rows .row, .notice") && performance.now()"""
# Scrolls to the end of the list, which makes the board load further rows. Returns the element that is there once all rows are loaded, or null.
LOADED = """() => {
  const area = document.querySelector(".list-area");
  area.scrollTop = area.scrollHeight;
  return document.querySelector(".end");
}"""
# Scrolls to the middle of the list. After two seconds, starts to record the durations of tasks that are longer than 50 ms, and returns the ids of
# the rows that are in view.
RECORD_TASKS = """() => new Promise(resolve => {
  const area = document.querySelector(".list-area");
  area.scrollTop = area.scrollHeight / 2;
  setTimeout(() => {
    window.tasks = [];
    new PerformanceObserver(list => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: "longtask" });
    resolve([...document.querySelectorAll(".rows .row")].map(({ id }) => id.slice(4)));
  }, 2000);
})"""
# Watches a text of the page: the value of the JavaScript expression `read`. Whenever the text changes, records when the new text was painted, in
# milliseconds since 1970.
RECORD_PAINTS = """read => {
  const text = new Function(`return ${read}`);
  let last = text();
  window.painted = [];
  const look = () => {
    const now = text();
    if (now === last) return;
    last = now;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => painted.push(performance.timeOrigin + performance.now());
      channel.port2.postMessage(null);
    });
  };
  const roots = [document.body, ...[...document.querySelectorAll("*")].flatMap(({ shadowRoot }) => shadowRoot ?? [])];
  for (const root of roots) new MutationObserver(look).observe(root, { subtree: true, childList: true, characterData: true });
}"""
PERSON_HEADING = 'document.querySelector("verification-status").shadowRoot.querySelector("h2, h1")?.textContent'
BOARD_ROW = 'document.querySelector(".rows .row .cell-where")?.textContent'


@dataclass(frozen=True, slots=True)
class Goal:
    """The limit that a figure should not exceed. `key`: the name of the figure in the results. `title`: its name in the table."""

    key: str
    title: str
    limit: float
    unit: str


GOALS = (
    Goal("interactive_ms", "from opening the page until the list is live, cold browser (median)", 1000, "ms"),
    Goal("javascript_kb", "JavaScript of the board, with gzip", 130, "kB"),
    Goal("longest_task_ms", "longest task during the changes", 50, "ms"),
    Goal("longest_task_cpu_ms", "longest task during the changes, its processor time", 50, "ms"),
    Goal("person_painted_p95_ms", "status painted on the person's page after the write (p95)", 50, "ms"),
    Goal("board_painted_p95_ms", "row painted on the board after the write (p95)", 50, "ms"),
)


def javascript_kb() -> float:
    """The size of the board's scripts in kilobytes, compressed with gzip."""
    return sum(len(gzip.compress(file.read_bytes(), 9)) for file in (BOARD_FILES / "assets").glob("*.js")) / 1000


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A context in which a new Chromium runs, with an empty cache."""
    async with async_playwright() as playwright:
        path = chromium_path() or sys.exit(MISSING)
        browser = await playwright.chromium.launch(executable_path=path, args=["--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            await browser.close()


async def opened(browser: Browser, url: str, token: str = "") -> Page:
    """A new page at this address. `token`: the token with which the board signs in; empty for a page that needs none."""
    context = await browser.new_context(viewport=WINDOW, locale="en-GB")
    page = await context.new_page()
    page.set_default_timeout(PAGE_MS)
    if token:
        await page.add_init_script(f"sessionStorage.setItem('board-token', {json.dumps(token)})")
    await page.goto(url)
    return page


@contextmanager
def development_gateway(folder: Path) -> Iterator[str]:
    """A context in which `gateway dev` runs, as `make run` starts it. Yields its URL once it is ready."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "gateway", "dev", "--port", str(port), "--data-dir", str(folder)]
    with Path(os.devnull).open("w") as nowhere, running(command, {}, stdout=nowhere):
        asyncio.run(ready(f"{url}/readyz"))
        yield url


async def cold_start(url: str) -> float:
    """How many milliseconds it takes in a new browser from the navigation to the board until its list is live."""
    async with chromium() as browser:
        page = await opened(browser, url)
        milliseconds: float = await (await page.wait_for_function(INTERACTIVE)).json_value()
        return milliseconds


def keep_pending(target: Served, keys: Secrets, rows: int) -> list[Verification]:
    """Store new verifications, which are pending. Returns them."""
    made = list(Company(WORKSPACE, Random(7), utc_now()).untouched(rows))
    with database(target.mongo_uri) as found:
        found[VERIFICATIONS].insert_many([encode(each, keys.sealing) for each in made])
    return made


async def smoothness(target: Served, ids: list[str], rate: int, seconds: float) -> dict[str, float]:
    """Load all rows into the board, change `rate` verifications in each second, and record the long tasks of the page meanwhile."""
    async with chromium() as browser, http_client(target) as client:
        page = await opened(browser, f"{target.url}/", target.token)
        await page.wait_for_function(INTERACTIVE)
        began = perf_counter()
        await page.wait_for_function(LOADED)
        loaded_seconds = perf_counter() - began
        in_view: list[str] = await page.evaluate(RECORD_TASKS)
        await browser.start_tracing(page=page, categories=["toplevel"])
        changed = await change(client, ids, in_view, rate, seconds)
        trace = json.loads(await browser.stop_tracing())["traceEvents"]
        tasks: list[float] = await page.evaluate("tasks")
        rows = await page.evaluate("document.querySelectorAll('.rows .row').length")
    return {
        "loaded_rows": len(ids),
        "loading_seconds": loaded_seconds,
        "rows_in_page": rows,
        "changes_per_second": changed,
        "long_tasks": len(tasks),
        # The browser reports only tasks of more than 50 ms. If it reported none, the longest task took at most 50 ms.
        "longest_task_ms": max(tasks, default=50),
        "longest_task_cpu_ms": longest_task(trace),
    }


def longest_task(trace: list[dict[str, Any]]) -> float:
    """The longest task of a page's main thread, in milliseconds of processor time, on which other programs have little effect."""
    threads = {(event["pid"], event["tid"]) for event in trace if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"}
    times: list[int] = [
        event["tdur"] for event in trace if event["name"].endswith("RunTask") and (event["pid"], event["tid"]) in threads and "tdur" in event
    ]
    return max(times) / 1000


async def change(client: httpx2.AsyncClient, ids: list[str], in_view: list[str], rate: int, seconds: float) -> float:
    """Report steps of these verifications, `rate` per second. A part of the steps (SHARE_IN_VIEW) concerns the verifications `in_view`.
    Returns how many changes per second were really made, on average.
    """
    random, due, progress = Random(1), Queue[str](), dict[str, int]()
    began, made = perf_counter(), 0

    async def write() -> None:
        nonlocal made
        while id := await due.get():
            step = progress[id] = progress.get(id, -1) + 1
            if step < len(STEPS):
                await execute(client, PROGRESS, id=id, step=STEPS[step])
                made += 1

    writers = [asyncio.create_task(write()) for _ in range(WRITERS)]
    for number in range(int(rate * seconds)):
        due.put_nowait(random.choice(in_view if random.random() < SHARE_IN_VIEW else ids))
        await asyncio.sleep(max(0.0, began + (number + 1) / rate - perf_counter()))
    for _ in writers:
        due.put_nowait("")
    await asyncio.gather(*writers)
    return made / (perf_counter() - began)


async def lateness(target: Served, follows: int) -> dict[str, float]:
    """Measure how late the person's page and the board show a step: milliseconds from the response to the write until the painted frame."""
    person, board = list[float](), list[float]()
    async with chromium() as browser, http_client(target) as client:
        for number in range(follows):
            id = await created(client)
            token = (await execute(client, FOLLOW_TOKEN, id=id))["issueFollowToken"]["token"]
            page = await opened(browser, f"{target.url}/follow#{token}")
            await page.get_by_role("heading", name="Ready when you are").wait_for()
            delays = await painted(client, page, PERSON_HEADING, id)
            # The first pages are a warm-up.
            person += delays if number >= 3 else []
            await page.context.close()
        for number in range(follows):
            id = await created(client)
            page = await opened(browser, f"{target.url}/", target.token)
            await page.wait_for_function(INTERACTIVE)
            await page.locator(f"#row-{id}").wait_for()
            delays = await painted(client, page, BOARD_ROW, id)
            board += delays if number >= 3 else []
            await page.context.close()
    return {
        f"{name}_painted_p{share}_ms": percentile(values, share / 100)
        for name, values in (("person", person), ("board", board))
        for share in (50, 95)
    }


async def painted(client: httpx2.AsyncClient, page: Page, read: str, id: str) -> list[float]:
    """Report the steps of a verification. Returns how late the page has painted each step, in milliseconds after the response to the report."""
    await page.evaluate(RECORD_PAINTS, read)
    delays = []
    for number, step in enumerate(STEPS):
        await execute(client, PROGRESS, id=id, step=step)
        acknowledged = time() * 1000
        await page.wait_for_function("number => painted.length > number", arg=number)
        at: float = await page.evaluate("number => painted[number]", number)
        delays.append(max(0.0, at - acknowledged))
        await asyncio.sleep(0.15)
    return delays


def main() -> None:
    """Measure, print the figures as a table, and save them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--follows", type=int, default=30)
    parser.add_argument("--output", type=Path, default=BOARD_FIGURES)
    chosen = parser.parse_args()
    if not is_built(BOARD_FILES):
        sys.exit("the board is not built: run `make board`")
    figures: dict[str, float] = {"javascript_kb": javascript_kb()}
    with tempfile.TemporaryDirectory() as folder, development_gateway(Path(folder)) as url:
        figures["interactive_ms"] = median([asyncio.run(cold_start(url)) for _ in range(COLD_STARTS)])
    keys = Secrets()
    settings = {**UNREACHED_LIMITS, "GATEWAY_BOARD": "true"}
    with tempfile.TemporaryDirectory() as folder, EmbeddedMongo(Path(folder)) as mongo, gateway(mongo.uri, keys, limits=settings) as target:
        figures |= asyncio.run(lateness(target, chosen.follows))
        ids = [each.id for each in keep_pending(target, keys, chosen.rows)]
        figures |= asyncio.run(smoothness(target, ids, chosen.rate, chosen.seconds))
    show(figures)
    chosen.output.write_text(json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=2) + "\n")


def show(figures: dict[str, float]) -> None:
    """Print the figures that have a goal, then the others."""
    table = Table("figure", "value", "goal", "", title="The board in a browser")
    for goal in GOALS:
        value = figures[goal.key]
        table.add_row(goal.title, f"{value:,.1f} {goal.unit}", f"at most {goal.limit:g} {goal.unit}", "met" if value <= goal.limit else "missed")
    table.add_section()
    for name in figures.keys() - {goal.key for goal in GOALS}:
        table.add_row(name.replace("_", " "), f"{figures[name]:,.1f}", "", "")
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
