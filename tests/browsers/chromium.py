"""Drives a real Chromium, which Debian's package `chromium` installs."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Page, Request, Route, async_playwright

# The names under which distributions install Chromium.
NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "Chromium is missing; on Debian: apt-get install chromium"
PHONE, DESKTOP = (390, 844), (1280, 800)

# A JavaScript expression, which `Tab.fits` evaluates: whether the page is not wider than the window, and no button ends below the window.
FITS = """
  document.scrollingElement.scrollWidth <= innerWidth
  && [...document.querySelectorAll("button, .button")].every((each) => each.getBoundingClientRect().bottom <= innerHeight)
"""

# A script that runs before the scripts of each page. It prints everything that the page's Content-Security-Policy prevents, because Chromium itself
# prints only a part of it in the console.
REPORT_VIOLATIONS = """
  addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => console.error(`policy: ${effectiveDirective} ${blockedURI}`));
"""
# How long the browser, or a context of it, may take to close, in seconds. Playwright itself sets no limit.
CLOSE_SECONDS = 30

Scheme = Literal["light", "dark"]


def chromium_path() -> str | None:
    """The path of the installed Chromium; None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@asynccontextmanager
async def running_chromium(path: str) -> AsyncIterator[Browser]:
    """A context in which a Chromium without a window runs."""
    async with async_playwright() as playwright:
        # A container may offer only 64 MB of shared memory, which is too little for Chromium.
        browser = await playwright.chromium.launch(executable_path=path, args=["--disable-dev-shm-usage"])
        try:
            yield browser
        finally:
            async with asyncio.timeout(CLOSE_SECONDS):
                await browser.close()


@dataclass
class Tab:
    """A tab of the browser.

    `problems`: errors of scripts, and what a page's Content-Security-Policy prevented. `posts`: the URLs to which the tab sent POST requests.
    `addresses`: the URLs of the documents that the tab loaded. `servers`: the schemes, hosts and ports to which the tab sent requests of any kind.
    """

    page: Page
    problems: list[str] = field(default_factory=list)
    posts: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    servers: set[str] = field(default_factory=set)
    _loads: int = 0
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def watch(self) -> None:
        """Record problems and requests from now on."""
        self.page.on("console", self._printed)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", self._requested)
        self.page.on("websocket", lambda socket: self.servers.add(server_of(socket.url)))

    def _printed(self, message: ConsoleMessage) -> None:
        # What a Content-Security-Policy prevents is printed too, by Chromium or by REPORT_VIOLATIONS.
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def _requested(self, request: Request) -> None:
        self.servers.add(server_of(request.url))
        if request.method == "POST":
            self.posts.append(request.url)
        if request.is_navigation_request():
            self.addresses.append(request.url)

    async def text(self) -> str:
        """The visible text of the page."""
        return await self.page.inner_text("body")

    async def fits(self, size: tuple[int, int]) -> bool:
        """Whether the page fits a window of this size: it is not wider, and its buttons are in view without scrolling."""
        await self.page.set_viewport_size({"width": size[0], "height": size[1]})
        fitting: bool = await self.page.evaluate(FITS)
        return fitting

    async def hold_posts(self) -> None:
        """Hold the POST requests of the page until `release` is called. Until then, the page looks as it does while it waits for an answer."""
        await self.page.route("**", self._hold_post)

    async def hold_reloads(self) -> None:
        """Let the tab load one document, and hold the requests for further documents until `release` is called."""
        await self.page.route("**", self._hold_reload)

    def release(self) -> None:
        """Send the requests that are being held, and hold no further ones."""
        self._released.set()

    async def _hold_post(self, route: Route) -> None:
        if route.request.method == "POST":
            await self._released.wait()
        await route.fallback()

    async def _hold_reload(self, route: Route) -> None:
        if route.request.is_navigation_request():
            self._loads += 1
            if self._loads > 1:
                await self._released.wait()
        await route.fallback()


def server_of(url: str) -> str:
    """The scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@asynccontextmanager
async def a_tab(
    browser: Browser,
    size: tuple[int, int] = PHONE,
    locale: str = "en-GB",
    script: bool = True,
    scheme: Scheme = "light",
    scale: float = 1,
    trusting: bool = False,
) -> AsyncIterator[Tab]:
    """A context with a tab that shares nothing with other tabs. `size`: the window's size in CSS pixels. `script`: whether scripts run.

    `scale`: the pixels of a screenshot for each CSS pixel. `trusting`: whether the browser accepts every certificate.
    """
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        locale=locale,
        java_script_enabled=script,
        color_scheme=scheme,
        device_scale_factor=scale,
        reduced_motion="reduce",
        ignore_https_errors=trusting,
    )
    try:
        await context.add_init_script(REPORT_VIOLATIONS)
        tab = Tab(await context.new_page())
        tab.watch()
        yield tab
    finally:
        async with asyncio.timeout(CLOSE_SECONDS):
            await context.close()
