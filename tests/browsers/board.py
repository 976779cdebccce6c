"""The operators' board in a real browser: a gateway process that serves it, and an operator who uses it in a tab."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Locator, Page, expect

from gateway.pages.board import BOARD_FILES
from gateway.pages.bundle import is_built
from gateway.pages.follow import FOLLOW_FILES
from tests.browsers.chromium import Tab, a_tab
from tests.company import LINK_OPENED, Company
from tests.prerequisites import missing
from tests.processes.process import running
from tests.processes.service import free_port, settings_at

BOARD_PACKAGE = Path(__file__).parents[2] / "web" / "board"
NOT_BUILT = "The board or the person's page is not built: run `make board` (it needs npm)"
# How long the tests wait until a page shows something, in milliseconds. It is enough on a machine that is busy with other tests too.
SHOWN_MS = 30_000
# The window in which the list has all its columns, and a verification opens beside the list.
WINDOW = (1400, 900)
# Parts of the messages with which Chromium reports that an outage of the test has ended a WebSocket or a request.
BY_OUTAGE = ("net::ERR_", "WebSocket connection to")
GENEROUS_LIMITS = {
    "GATEWAY_ADDRESS_REFUSALS_PER_SECOND": "0",
    "GATEWAY_RATE_COST_PER_SECOND": "50000",
    "GATEWAY_RATE_BURST_COST": "200000",
    "GATEWAY_MAX_SOCKETS_PER_SUBJECT": "100",
}
# The row at the upper edge of the list, below the names of the columns, and its distance from that edge in pixels.
UPPERMOST_ROW = """() => {
  const { top } = document.querySelector(".list-area").getBoundingClientRect();
  const rows = [...document.querySelectorAll(".rows .row")].map(row => [row.id, Math.round(row.getBoundingClientRect().top - top)]);
  return rows.filter(([, distance]) => distance >= 64).sort(([, one], [, other]) => one - other)[0];
}"""
# Scrolls the list to this distance from its beginning. Returns false as long as the list is too short, because the board is still reading its rows.
SCROLLED = """pixels => {
  const area = document.querySelector(".list-area");
  area.scrollTop = pixels;
  return Math.abs(area.scrollTop - pixels) < 1;
}"""

expect.set_options(timeout=SHOWN_MS)


def require_pages() -> None:
    """Skip the test if the board or the person's page is not built; in CI, fail it."""
    if not (is_built(BOARD_FILES) and is_built(FOLLOW_FILES)):
        missing(NOT_BUILT)


class BoardProcess:
    """A gateway in a process of its own, with the board and the person's page. It can be killed, and started again at the same address."""

    def __init__(self, mongo_uri: str, folder: Path, port: int, **environment: str) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._folder = folder
        self._environment = {**settings_at(port), **GENEROUS_LIMITS, "GATEWAY_MONGO_URI": mongo_uri, "GATEWAY_BOARD": "true", **environment}
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Start the process, and wait until it is ready."""
        command = await self._stack.enter_async_context(running(self._folder, "serve", **self._environment))
        await command.ready(self.url)

    async def kill(self) -> None:
        """Kill the process, if it runs."""
        await self._stack.aclose()


@asynccontextmanager
async def a_board(mongo_uri: str, folder: Path, port: int | None = None, **environment: str) -> AsyncIterator[BoardProcess]:
    """A context in which a gateway process with the board runs. `environment`: further settings of the process, as environment variables."""
    require_pages()
    process = BoardProcess(mongo_uri, folder, port or free_port(), **environment)
    try:
        await process.start()
        yield process
    finally:
        await process.kill()


class Operator:
    """An operator who uses the board in a tab."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.page: Page = tab.page
        self.connection = self.page.locator(".chip-state")
        self.grid = self.page.locator("#list")
        self.detail = self.page.locator("article.detail")
        self.dialog = self.page.locator("dialog[open]")
        self.new_rows = self.page.locator("button.fresh")
        self.spoken = self.page.locator(".list-area > [aria-live=polite]")

    async def sign_in(self, token: str) -> None:
        """Paste a token into the form."""
        await self.page.get_by_label("Access token").fill(token)
        await self.page.get_by_role("button", name="Go on").click()

    async def is_live(self) -> None:
        """Wait until the board reports that it is connected."""
        await expect(self.connection).to_have_text("Live")

    def row(self, id: str) -> Locator:
        """The row of a verification in the list."""
        return self.page.locator(f"#row-{id}")

    def button(self, name: str) -> Locator:
        """The button with exactly this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def open(self, id: str) -> None:
        """Open a verification by a click on its row."""
        await self.row(id).click()
        await expect(self.detail.get_by_role("heading", level=1)).to_be_visible()

    async def uppermost(self) -> tuple[str, int]:
        """The element id of the uppermost row in view, and its distance from the upper edge of the list in pixels."""
        id, distance = await self.page.evaluate(UPPERMOST_ROW)
        return id, distance

    async def scrolled(self, pixels: int) -> tuple[str, int]:
        """Scroll the list to this distance from its beginning, and wait until the rows there are shown. Returns the same as `uppermost`."""
        await self.page.wait_for_function(SCROLLED, arg=pixels, timeout=SHOWN_MS)
        await self.page.wait_for_function(f"() => ({UPPERMOST_ROW})()?.[1] < 110", timeout=SHOWN_MS)
        return await self.uppermost()

    async def focused(self) -> str:
        """The label of the element that has the focus. Without a label: its id, otherwise its text, otherwise the name of its tag."""
        name: str = await self.page.evaluate(
            "(({ id, ariaLabel, textContent, tagName }) => (ariaLabel || id || textContent || tagName).trim())(document.activeElement)"
        )
        return name


@asynccontextmanager
async def operating(browser: Browser, url: str, token: str | None = None, address: str = "", **options: Any) -> AsyncIterator[Operator]:
    """A context with an operator who has opened the board.

    `token`: the token with which the operator signs in; None if the operator does not sign in. `address`: the part of the address after `#/`.
    `options`: arguments of `a_tab`.
    """
    async with a_tab(browser, **{"size": WINDOW, **options}) as tab:
        tab.page.set_default_timeout(SHOWN_MS)
        operator = Operator(tab)
        await tab.page.goto(f"{url}/#/{address}")
        if token:
            await operator.sign_in(token)
            await operator.is_live()
        yield operator


def without_outage(problems: list[str]) -> list[str]:
    """The problems that are not caused by the outage of the test."""
    return [problem for problem in problems if not any(each in problem for each in BY_OUTAGE)]


async def loses_its_network(operator: Operator, company: Company, id: str, seconds: float) -> None:
    """Take the operator's network away for at least `seconds`, and change the verification meanwhile. Then give the network back, and check that the
    board shows the change.
    """
    await expect(operator.row(id)).to_be_visible()
    await operator.page.context.set_offline(True)
    await expect(operator.connection).to_have_text("Offline")
    await expect(operator.page.get_by_text("No connection since")).to_be_visible()
    await company.progress(id, LINK_OPENED)
    await asyncio.sleep(seconds)
    await operator.page.context.set_offline(False)
    await expect(operator.row(id)).to_contain_text("Link opened")
    await operator.is_live()
    assert without_outage(operator.tab.problems) == []
