"""Runs the gateway with the data of the showcase, and opens its pages in a browser whose clock shows the time of the showcase."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page
from pymongo import MongoClient
from pymongo.collection import Collection

from domain.caller import Caller, Scope
from domain.delivery import DeliveryState
from domain.status import Status
from domain.webhook import ReceivedWebhook, WebhookState
from gateway.pages import board
from store.inbox import entry_id, to_document
from store.indexes import DELIVERIES, INBOX, VERIFICATIONS
from tests.browsers.chromium import Scheme
from tests.browsers.showcase.verifications import COMPANY, NOW, Showcase, ago, showcase
from tests.clients.outages import Outages, outages
from tests.company import Company
from tests.serving import Gateway, serving
from tests.storing import another_database
from tests.wire import wired

ZONE = "Europe/Paris"
# A workspace without verifications.
NEW_COMPANY = "nordlicht"
# Sockets compare the end of a token with the real time, and the time of the showcase may be long past. So the tokens must be valid for very long.
TOKEN_LIFE = timedelta(days=36_500)
# How long a page may take to show something, in milliseconds.
PATIENCE_MS = 60_000
# How many times slower than a real clock the clock of the gateways is.
SLOWNESS = 50
PROCESSING_SECONDS = 1800
LINKS = {"console": "console", "graphiql": "graphiql", "docs": "docs"}
UNREACHABLE_MONGO = "mongodb://127.0.0.1:1/gateway?replicaSet=none"
ANOTHER_KEY = "another-token-key-0123456789-abcdefghijkl"
# Pauses between attempts to connect are random. With this generator, the pages show the same pauses in each run.
FIXED_RANDOM = "let state = 1; Math.random = () => (state = (state * 48271) % 2147483647) / 2147483647"
KEEP_TOKEN = 'sessionStorage.setItem("board-token", %r)'

ForcedColors = Literal["active", "none"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is opened: the theme, the width and height of the window in CSS pixels, and the reader's language.

    `calm`: whether the reader prefers reduced motion. `scale`: the pixels of a screenshot for each CSS pixel.
    """

    scheme: Scheme = "light"
    size: tuple[int, int] = (1280, 800)
    locale: str = "en-GB"
    forced_colors: ForcedColors = "none"
    calm: bool = True
    scale: float = 1

    @property
    def is_wide(self) -> bool:
        """Whether the board shows its list beside a verification."""
        return self.size[0] >= 1180

    @property
    def is_phone(self) -> bool:
        """Whether the board has the layout of a phone."""
        return self.size[0] < 760


@dataclass
class Stage:
    """The running gateways and the browser. `failing`: a gateway whose MongoDB can't be reached. `refusing`: one that accepts no token of `gateway`.

    `network`: a proxy before `gateway` that blocks WebSockets. `door`: a proxy that a view opens to one of the gateways, and later to another one.

    `shown_at`: the time that the page shows.
    """

    browser: Browser
    gateway: Gateway
    failing: Gateway
    refusing: Gateway
    network: Outages
    door: Outages
    collection: Collection[dict[str, Any]]
    showcase: Showcase
    opened: list[BrowserContext] = field(default_factory=list)
    shown_at: datetime = NOW

    @property
    def company(self) -> Company:
        """The company whose verifications the pages show."""
        return Company(self.gateway, self.collection, COMPANY)

    def board_token(self, *scopes: Scope, workspace: str = COMPANY) -> str:
        """A token for the board, with these scopes, or with the scopes of an integrator if none are given."""
        return self.gateway.token(*scopes, workspace=workspace, ttl=TOKEN_LIFE)

    async def page(self, look: Look, script: str = "") -> Page:
        """A new page, in a context of its own. `script` runs before those of the page."""
        width, height = look.size
        context = await self.browser.new_context(
            viewport={"width": width, "height": height},
            locale=look.locale,
            timezone_id=ZONE,
            color_scheme=look.scheme,
            reduced_motion="reduce" if look.calm else "no-preference",
            forced_colors=look.forced_colors,
            has_touch=look.is_phone,
            device_scale_factor=look.scale,
        )
        self.opened.append(context)
        await context.add_init_script(f"{{ {FIXED_RANDOM} }} {script}")
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        await page.clock.set_system_time(NOW)
        return page

    async def board(self, look: Look, token: str | None = None, address: str = "", url: str | None = None) -> Page:
        """Open the board with this token. `address`: the part of the address after `#/`. `url`: the gateway's URL; by default, that of `gateway`."""
        page = await self.page(look, KEEP_TOKEN % (token or self.board_token()))
        await page.goto(f"{url or self.gateway.url}/#/{address}")
        return page

    async def follow(self, look: Look, name: str) -> Page:
        """The page of the person whose verification shows this situation."""
        page = await self.page(look)
        await page.goto(f"{self.gateway.url}/follow#{self.follow_token(name)}")
        return page

    def follow_token(self, name: str) -> str:
        """A token for the person whose verification shows this situation."""
        issuer = Caller("showcase", COMPANY, frozenset())
        return self.gateway.tokens.follow_token(issuer, self.showcase.stored[self.showcase.named[name]].chain, TOKEN_LIFE).token

    async def wait(self, page: Page, seconds: float) -> None:
        """Set the clock of the page to this number of seconds after NOW."""
        self.shown_at = NOW + timedelta(seconds=seconds)
        await page.clock.set_system_time(self.shown_at)

    async def freeze(self, page: Page) -> None:
        """Stop the clock of the page, so that it shows the same times in each run."""
        await page.clock.set_fixed_time(self.shown_at)
        # The pages update the times that they show each second. Wait until they have done so.
        await page.evaluate("new Promise(resolve => setTimeout(resolve, 1100))")

    async def tidy(self) -> None:
        """Close the pages, and delete the verifications that were created in them."""
        for context in self.opened:
            await context.close()
        self.opened.clear()
        self.shown_at = NOW
        self.collection.delete_many({"workspace": COMPANY, "_id": {"$nin": list(self.showcase.stored)}})


@asynccontextmanager
async def a_stage(browser: Browser, mongo_uri: str) -> AsyncIterator[Stage]:
    """A context in which the gateways run. `mongo_uri`: the URI of a MongoDB in which this function uses a database of its own."""
    uri, shown = another_database(mongo_uri), showcase()
    pages = [*board.routes(lambda: {**board.configuration_of(PROCESSING_SECONDS), "links": LINKS})]
    async with AsyncExitStack() as stack:
        database = stack.enter_context(MongoClient[dict[str, Any]](mongo_uri, tz_aware=True))[urlsplit(uri).path[1:]]
        clock = SlowClock()
        # Many pages read the figures within seconds. Their total cost is higher than the rate of a caller allows by default.
        budgets = dict.fromkeys(("rate_cost_per_second", "rate_burst_cost", "workspace_cost_per_second", "workspace_burst_cost"), 10_000_000)
        limits = {
            "processing_seconds": PROCESSING_SECONDS,
            "token_max_seconds": TOKEN_LIFE.total_seconds(),
            "count_seconds": 60,
            "database_seconds": 30,
        }
        network = await stack.enter_async_context(outages(blocks_sockets=True))
        door = await stack.enter_async_context(outages())
        origins = {"allowed_origins": (network.url, door.url)}
        common: dict[str, Any] = {"pages": pages, "ready": False, **origins, **limits, **budgets}
        gateway = await stack.enter_async_context(serving(uri, clock, **common))
        # A short time limit: all gateways of this process share the driver's threads. While a thread waits for MongoDB, no other gateway can use it.
        unreachable = {**common, "database_seconds": 0.2}
        refusing = await stack.enter_async_context(serving(UNREACHABLE_MONGO, clock, **unreachable, token_key=ANOTHER_KEY))
        failing = await stack.enter_async_context(serving(UNREACHABLE_MONGO, clock, **unreachable))
        # The gateway does not report that it is ready, because its clock differs from that of MongoDB.
        await following_changes(gateway)
        network.end(port_of_gateway(gateway))
        stage = Stage(browser, gateway, failing, refusing, network, door, database[VERIFICATIONS], shown)
        stage.company.keep(*shown.stored.values())
        database[DELIVERIES].insert_many(deliveries(shown))
        database[INBOX].insert_one(unmatched())
        yield stage
        await stage.tidy()


class SlowClock:
    """The clock of the gateways: it begins at NOW and advances, but so slowly that no deadline passes while the gateways run.

    It must not stand still: MongoDB reports no write that changes nothing, such as a heartbeat that writes the same time as the heartbeat before.
    """

    def __init__(self) -> None:
        self._began = monotonic()

    def __call__(self) -> datetime:
        return NOW + timedelta(seconds=(monotonic() - self._began) / SLOWNESS)


def port_of_gateway(gateway: Gateway) -> int:
    """The port on which a gateway listens."""
    return int(gateway.url.rpartition(":")[2])


async def following_changes(gateway: Gateway) -> None:
    """Wait until the gateway follows the changes in its database. Fails after a minute."""
    async with asyncio.timeout(60), wired(gateway, gateway.token(ttl=TOKEN_LIFE)) as wire:
        await wire.subscribe("1", "subscription { verificationsUpdated { cursor } }")
        while (await wire.hear())["type"] != "next":
            await wire.subscribe("1", "subscription { verificationsUpdated { cursor } }")


def deliveries(shown: Showcase) -> list[dict[str, Any]]:
    """The documents of the webhooks that the company's backend has not accepted."""
    failed, waiting = shown.stored[shown.named["undelivered"]], shown.stored[shown.named["link opened"]]
    refused = {"workspace": COMPANY, "lastStatus": 503, "lastError": "the backend responded with 503"}
    up_to = {"version": failed.version, "settled": failed.version, "delivered": failed.version - 1, "failed": [failed.version]}
    given_up = {"_id": failed.id, "tries": 0, "state": DeliveryState.FAILED.value, "changedAt": ago(20), "failedAt": ago(20)}
    before = {"version": waiting.version, "settled": waiting.version - 1, "delivered": waiting.version - 1, "failed": []}
    again = {"_id": waiting.id, "tries": 2, "state": DeliveryState.WAITING.value, "changedAt": ago(1), "since": ago(3.6)}
    return [{**refused, **up_to, **given_up}, {**refused, **before, **again, "next": ago(-1.2), "due": ago(-1.2)}]


def unmatched() -> dict[str, Any]:
    """The document of a webhook that belongs to no verification."""
    event = "evt_5f0c2a9d11"
    webhook = ReceivedWebhook(
        entry_id(COMPANY, event),
        COMPANY,
        event,
        "video.done",
        "yousign",
        "idv_8c1f09e5bd20",
        Status.VERIFIED,
        (),
        False,
        ago(12),
        WebhookState.UNMATCHED,
    )
    return to_document(webhook)
