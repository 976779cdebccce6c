"""The second part of `make drill-web`: the board must be current again after its browser had no network, and after the browser was suspended.

The browser has no network for 30 seconds. Its processes are suspended and continued, as on a laptop that sleeps.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from playwright.async_api import Browser, expect
from pymongo import MongoClient

from gateway.development.mongod import EmbeddedMongo
from store.indexes import VERIFICATIONS
from tests.browsers.board import a_board, loses_its_network, operating
from tests.browsers.chromium import MISSING, chromium_path, running_chromium
from tests.company import Company
from tests.serving import ISSUER, serving

AWAY_SECONDS = 30
# If a timer fires more than 10 s late, web/client concludes that the computer has slept (`JUMP_MS` in web/client/src/connection.ts). This is longer.
SLEEP_SECONDS = 15
MAX_DRILL_SECONDS = 240
DRILL_DATABASE = "drill"


async def lost_network(folder: Path) -> None:
    """Run the drill. Raises: AssertionError if the board does not show what has changed while its network was away."""
    chromium = chromium_path() or sys.exit(MISSING)
    with EmbeddedMongo(folder / "mongo") as mongo, MongoClient[dict[str, Any]](mongo.uri, tz_aware=True) as client:
        uri = urlunsplit(urlsplit(mongo.uri)._replace(path=f"/{DRILL_DATABASE}"))
        async with serving(uri, token_issuer=ISSUER) as gateway, a_board(uri, folder) as board, running_chromium(chromium) as browser:
            company = Company(gateway, client[DRILL_DATABASE][VERIFICATIONS])
            id = await company.created(reference="order-1")
            async with operating(browser, board.url, company.token()) as operator:
                await loses_its_network(operator, company, id, AWAY_SECONDS)
                await sleeps(browser)
                await company.close(id)
                await expect(operator.row(id)).to_contain_text("Inconclusive")


async def sleeps(browser: Browser) -> None:
    """Stop the processes that run the pages, as on a computer that sleeps, and let them go on after SLEEP_SECONDS."""
    session = await browser.new_browser_cdp_session()
    processes = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
    pages = [process["id"] for process in processes if process["type"] == "renderer"]
    assert pages
    for number in (signal.SIGSTOP, signal.SIGCONT):
        for page in pages:
            os.kill(page, number)
        await asyncio.sleep(SLEEP_SECONDS if number == signal.SIGSTOP else 0)


async def limited_drill(folder: Path) -> None:
    """Run the drill. Raises: TimeoutError if it takes too long."""
    async with asyncio.timeout(MAX_DRILL_SECONDS):
        await lost_network(folder)


if __name__ == "__main__":
    with TemporaryDirectory() as directory:
        asyncio.run(limited_drill(Path(directory)))
    print(f"the board caught up after {AWAY_SECONDS} s without a network, and {SLEEP_SECONDS} s of sleep")
