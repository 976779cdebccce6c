"""The page at `/follow` in a real browser: what the person reads from the first step to the end, over a lost network, and in each language."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Request
from pymongo import MongoClient

from gateway.pages.languages import LANGUAGES
from store.indexes import VERIFICATIONS
from tests.browsers.board import require_pages
from tests.browsers.chromium import DESKTOP, PHONE, Tab, a_tab
from tests.clients.outages import Outages, outages
from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company
from tests.serving import Gateway, serving

UNUSABLE_TOKEN = "aaa.eyJjaGFpbiI6InZlcl8xIn0.bbb"
# Parts of the messages with which Chromium reports that an outage of the test has ended a WebSocket or a request.
OF_THE_OUTAGE = ("net::ERR_", "WebSocket connection to")
READY = {"en": "Ready when you are", "fr": "Quand vous voulez", "de": "Bereit, wenn Sie es sind", "es": "Cuando usted quiera", "it": "Quando vuole"}
SMALL_PHONE = (360, 640)


@pytest.fixture(scope="module")
async def network() -> AsyncIterator[Outages]:
    """The network between the browser and the gateway."""
    async with outages() as proxy:
        yield proxy


@pytest.fixture(scope="module")
async def following_gateway(shared_database_uri: str, network: Outages) -> AsyncIterator[Gateway]:
    """A gateway with the page, which the browser reaches through the network. Without the page, the test is skipped; in CI, it fails."""
    require_pages()
    async with serving(shared_database_uri, public_url=network.url) as running:
        network.end(port_of(running))
        yield running


@pytest.fixture
def follower_company(following_gateway: Gateway, shared_database_uri: str, mongo: MongoClient[dict[str, Any]]) -> Company:
    """The company that has sent the link to the person."""
    return Company(following_gateway, mongo[urlsplit(shared_database_uri).path[1:]][VERIFICATIONS])


def port_of(gateway: Gateway) -> int:
    """The port on which a gateway listens."""
    return int(gateway.url.rpartition(":")[2])


async def element_text(tab: Tab) -> str:
    """The visible text of the element that shows the verification."""
    text: str = await tab.page.evaluate("document.querySelector('verification-status').shadowRoot.querySelector('.frame').innerText")
    return text


async def reads(tab: Tab, heading: str, *texts: str) -> None:
    """Wait until the page has this heading, and check that it has these texts and none that the person must not see."""
    await tab.page.get_by_role("heading", name=heading, exact=True).wait_for()
    shown = await element_text(tab)
    assert [text for text in texts if text not in shown] == []
    assert [text for text in ("IDVV", "failed", "FAILED", "attempt") if text in shown] == []


async def test_the_person_reads_what_to_do_next_from_the_first_step_to_the_end(
    browser: Browser, follower_company: Company, network: Outages, following_gateway: Gateway
) -> None:
    company, requests = follower_company, list[str]()
    created = await company.create()
    first, token = created["id"], await company.follow_token(created["id"])

    def sent(request: Request) -> None:
        requests.append(request.url)

    async with a_tab(browser) as tab:
        tab.page.on("request", sent)
        await tab.page.goto(f"{network.url}/follow#{token}")
        await reads(tab, "Ready when you are", "Your identity document", "Any time until ")
        assert await tab.page.get_by_role("link").get_attribute("href") == created["verificationUrl"]
        # The page has removed the token from the address, and still has the token after a reload.
        assert tab.page.url == f"{network.url}/follow"
        await tab.page.reload()
        await reads(tab, "Ready when you are")

        await company.progress(first, LINK_OPENED)
        await reads(tab, "Your video check is open", "Go on with the video check")
        await company.progress(first, CAPTURE_STARTED)
        await reads(tab, "You are recording your video")
        assert tab.problems == []

        network.begin(b"")
        await tab.page.get_by_text("No connection.").wait_for()
        await tab.page.get_by_text("Trying again in").wait_for()
        await reads(tab, "You are recording your video", "Last news: ")
        await company.progress(first, CAPTURE_COMPLETED)
        network.end(port_of(following_gateway))
        await reads(tab, "We are checking your video", "You recorded your video", "Your result")
        assert "No connection" not in await element_text(tab)

        await company.result(first, "FAILED", "IDVV_2101", "IDVV_2301")
        await reads(tab, "This check has ended", "You will hear what comes next.", "Back to shop.example")
        assert await tab.page.get_by_role("link").all_inner_texts() == ["Back to shop.example"]

        second = await company.retry(first)
        await reads(tab, "Let’s try once more", "This will help:", "Try again")
        assert await tab.page.get_by_role("link", name="Try again").get_attribute("href") == second["verificationUrl"]
        assert await tab.page.get_by_role("listitem").count() == 1

        await company.result(second["id"], "VERIFIED")
        await reads(tab, "You’re verified", "there is nothing more to do here", "Verified on ")
        assert await tab.page.get_by_role("link", name="Back to shop.example").get_attribute("href") == "https://shop.example/welcome"

    assert {urlsplit(url).netloc for url in requests} == {urlsplit(network.url).netloc}
    assert [problem for problem in tab.problems if not any(each in problem for each in OF_THE_OUTAGE)] == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_speaks_the_persons_language_and_fits_each_window(
    browser: Browser, follower_company: Company, network: Outages, language: str
) -> None:
    token = await follower_company.follow_token(await follower_company.created())
    other = "it" if language != "it" else "fr"
    async with a_tab(browser, locale=language) as tab:
        await tab.page.goto(f"{network.url}/follow#{token}")
        await reads(tab, READY[language])
        assert await tab.page.get_attribute("html", "lang") == language
        for size in (SMALL_PHONE, PHONE, DESKTOP):
            assert await tab.fits(size)

        await tab.page.get_by_role("combobox").select_option(other)
        await reads(tab, READY[other])
        await tab.page.reload()
        await reads(tab, READY[other])

    assert tab.problems == []


@pytest.mark.parametrize("fragment", ["", "#not-a-token", f"#{UNUSABLE_TOKEN}"], ids=["no token", "another fragment", "a token that has expired"])
async def test_without_a_token_that_the_gateway_accepts_the_page_says_to_open_the_link_again(
    browser: Browser, following_gateway: Gateway, network: Outages, fragment: str
) -> None:
    async with a_tab(browser) as tab:
        await tab.page.goto(f"{network.url}/follow{fragment}")

        await reads(tab, "Please open your link again")
        assert await tab.page.get_by_role("link").count() == 0


async def test_another_link_in_the_same_tab_takes_the_place_of_the_first(browser: Browser, follower_company: Company, network: Outages) -> None:
    first, second = await follower_company.created(), await follower_company.created()
    await follower_company.result(second, "VERIFIED")
    async with a_tab(browser) as tab:
        await tab.page.goto(f"{network.url}/follow#{await follower_company.follow_token(first)}")
        await reads(tab, "Ready when you are")
        await tab.page.goto(f"{network.url}/follow#{await follower_company.follow_token(second)}")
        await reads(tab, "You’re verified")

    assert tab.problems == []
