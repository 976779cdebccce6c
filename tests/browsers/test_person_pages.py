"""The individual's pages in a real browser, with and without scripts, in every language: where they lead, what they record, and how they fit."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser
from pymongo import MongoClient

from gateway.pages.languages import LANGUAGES
from gateway.pages.person_texts import PERSON_TEXTS, PageTexts
from lifecycle.observed_links import ObservedLinks
from store.indexes import VERIFICATIONS
from tests.browsers.chromium import DESKTOP, PHONE, Tab, a_tab
from tests.browsers.websites import Websites, websites
from tests.company import Company
from tests.fakes.yousign import FakeYousign, fake_yousign, providers_file
from tests.serving import ACME, KEYS, Gateway, serving
from tests.storing import until

WITH_AND_WITHOUT_SCRIPT = pytest.mark.parametrize("script", [True, False], ids=["with script", "without script"])
IN_EVERY_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)
SIZES = {"phone": PHONE, "small phone": (320, 568), "phone on its side": (844, 390), "desktop": DESKTOP}
UNREACHABLE = "mongodb://127.0.0.1:1/gateway?replicaSet=none"


@pytest.fixture(scope="module")
async def fake() -> AsyncIterator[FakeYousign]:
    """A running fake of Yousign."""
    async with fake_yousign() as running:
        yield running


@pytest.fixture(scope="module")
async def sites(fake: FakeYousign) -> AsyncIterator[Websites]:
    """The websites of the provider and of the company."""
    async with websites(fake) as running:
        yield running


@pytest.fixture(scope="module")
async def shared_gateway(
    shared_database_uri: str, sites: Websites, fake: FakeYousign, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway whose provider is the fake. A page that waits for the provider loads itself again after a second."""
    file = providers_file(tmp_path_factory.mktemp("providers"), fake)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gateway.pages.person.RELOAD_SECONDS", 1)
        async with serving(shared_database_uri, providers_file=file, provider=None) as running:
            yield running


@pytest.fixture
def company(shared_gateway: Gateway, shared_database_uri: str, mongo: MongoClient[dict[str, Any]]) -> Company:
    """The company whose provider is the fake."""
    return Company(shared_gateway, mongo[urlsplit(shared_database_uri).path[1:]][VERIFICATIONS], ACME)


async def a_link(company: Company, sites: Websites) -> tuple[str, str]:
    """Create a verification. Returns its id and its link."""
    created = await company.create(redirectionUrl=f"{sites.company}/welcome?order=1")
    return created["id"], created["verificationUrl"]


def steps_of(company: Company, id: str) -> list[str]:
    """The types of the events of a verification."""
    return [event["type"] for document in company.kept() if document["_id"] == id for event in document["events"]]


async def shows(tab: Tab, language: str, texts: PageTexts) -> None:
    """Check that the page has these texts, in this language, and that it fits each window."""
    text = await tab.text()
    assert [each for each in (PERSON_TEXTS[language].header, texts.title, texts.lead) if each not in text] == []
    assert await tab.page.get_attribute("html", "lang") == language
    assert [name for name, size in SIZES.items() if not await tab.fits(size)] == []


@IN_EVERY_LANGUAGE
async def test_the_script_goes_on_to_the_provider_and_records_the_opening(company: Company, sites: Websites, browser: Browser, language: str) -> None:
    id, url = await a_link(company, sites)
    async with a_tab(browser, locale=language) as tab:
        await tab.hold_posts()
        await tab.page.goto(url)
        await tab.page.wait_for_selector("[role=status]:not(:empty)")
        await shows(tab, language, PERSON_TEXTS[language].ready)
        assert PERSON_TEXTS[language].ready.note in await tab.text()
        assert steps_of(company, id) == ["created", "provider_started"]

        tab.release()
        await tab.page.wait_for_url(f"{sites.provider}/start/*")
        await tab.page.click("a")
        await tab.page.wait_for_url(f"{sites.company}/welcome?order=1&verification={id}")

    assert steps_of(company, id) == ["created", "provider_started", "link_opened", "capture_completed"]
    assert (tab.posts, tab.problems) == ([url], [])


@IN_EVERY_LANGUAGE
async def test_without_a_script_the_button_does_the_same(company: Company, sites: Websites, browser: Browser, language: str) -> None:
    id, url = await a_link(company, sites)
    async with a_tab(browser, locale=language, script=False) as tab:
        await tab.page.goto(url)
        await shows(tab, language, PERSON_TEXTS[language].ready)
        assert steps_of(company, id) == ["created", "provider_started"]

        await tab.page.get_by_role("button", name=PERSON_TEXTS[language].ready.action).click()
        # Chromium would stop here if the page's policy did not allow its form to lead to the provider.
        await tab.page.wait_for_url(f"{sites.provider}/start/*")
        await tab.page.click("a")
        await tab.page.wait_for_url(f"{sites.company}/welcome?order=1&verification={id}")

    assert steps_of(company, id) == ["created", "provider_started", "link_opened", "capture_completed"]
    assert (tab.posts, tab.problems) == ([url], [])


async def test_with_the_script_the_button_works_while_the_script_still_waits(company: Company, sites: Websites, browser: Browser) -> None:
    id, url = await a_link(company, sites)
    async with a_tab(browser) as tab:
        await tab.hold_posts()
        await tab.page.goto(url)
        await tab.page.wait_for_selector("[role=status]:not(:empty)")
        await tab.page.get_by_role("button").click(no_wait_after=True)
        tab.release()
        await tab.page.wait_for_url(f"{sites.provider}/start/*")

    assert steps_of(company, id) == ["created", "provider_started", "link_opened"]
    assert tab.problems == []


async def test_going_back_from_the_provider_leads_to_the_page_before_the_link(company: Company, sites: Websites, browser: Browser) -> None:
    _, url = await a_link(company, sites)
    async with a_tab(browser) as tab:
        await tab.page.goto(f"{sites.company}/welcome")
        await tab.page.goto(url)
        await tab.page.wait_for_url(f"{sites.provider}/start/*")
        await tab.page.go_back()

        assert tab.page.url == f"{sites.company}/welcome"


async def test_no_page_of_the_gateway_stores_anything_in_the_browser_or_reveals_its_address(
    company: Company, sites: Websites, browser: Browser
) -> None:
    _, url = await a_link(company, sites)
    async with a_tab(browser) as tab:
        await tab.hold_posts()
        await tab.page.goto(url)
        stored = await tab.page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]")
        tab.release()
        await tab.page.wait_for_url(f"{sites.provider}/start/*")
        referrers = [await tab.page.evaluate("document.referrer")]
        await tab.page.click("a")
        await tab.page.wait_for_url(f"{sites.company}/**")
        referrers.append(await tab.page.evaluate("document.referrer"))

        assert stored == ["", 0, 0]
        assert await tab.page.context.cookies() == []
        assert [referrer for referrer in referrers if "/v/" in referrer or "/r/" in referrer] == []


@WITH_AND_WITHOUT_SCRIPT
@IN_EVERY_LANGUAGE
async def test_a_page_that_waits_for_the_provider_continues_by_itself(
    company: Company, sites: Websites, browser: Browser, language: str, script: bool
) -> None:
    id, url = await a_link(company, sites)
    provider_url = next(document["provider"]["url"] for document in company.kept() if document["_id"] == id)
    # Remove the provider's link. Without it the page has to wait, as it does until the provider has answered.
    company.collection.update_one({"_id": id}, {"$unset": {"provider.url": ""}})
    async with a_tab(browser, locale=language, script=script) as tab:
        await tab.hold_reloads()
        await tab.page.goto(url)
        await shows(tab, language, PERSON_TEXTS[language].preparing)
        tab.release()
        await until(lambda: tab.addresses.count(url) >= 2)

        company.collection.update_one({"_id": id}, {"$set": {"provider.url": provider_url}})
        if not script:
            await tab.page.get_by_role("button", name=PERSON_TEXTS[language].ready.action).click()
        await tab.page.wait_for_url(provider_url)

    assert tab.problems == []
    assert steps_of(company, id) == ["created", "provider_started", "link_opened"]


@WITH_AND_WITHOUT_SCRIPT
@IN_EVERY_LANGUAGE
async def test_the_page_of_an_ended_link_leads_back_to_the_company(
    company: Company, sites: Websites, browser: Browser, language: str, script: bool
) -> None:
    id, url = await a_link(company, sites)
    await company.close(id)
    async with a_tab(browser, locale=language, script=script) as tab:
        await tab.page.goto(url)
        await shows(tab, language, PERSON_TEXTS[language].ended)
        link = tab.page.get_by_role("link", name=PERSON_TEXTS[language].ended.action.format(host=urlsplit(sites.company).netloc))

        assert await link.get_attribute("href") == sites.company
        assert tab.posts == []
        assert without_status(tab.problems, 410) == []


@pytest.fixture(scope="module")
async def gateway_without_mongodb() -> AsyncIterator[Gateway]:
    """A gateway that can't reach MongoDB. A page that waits for MongoDB loads itself again after a second."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gateway.pages.person.RELOAD_SECONDS", 1)
        async with serving(UNREACHABLE, ready=False, database_seconds=0.2) as running:
            yield running


@WITH_AND_WITHOUT_SCRIPT
@IN_EVERY_LANGUAGE
async def test_without_mongodb_the_page_tries_again_by_itself(
    gateway_without_mongodb: Gateway, browser: Browser, language: str, script: bool
) -> None:
    url = ObservedLinks(gateway_without_mongodb.url, [KEYS["signing_key"]]).start_url(ACME, f"ver_{'0' * 32}")
    async with a_tab(browser, locale=language, script=script) as tab:
        await tab.hold_reloads()
        await tab.page.goto(url)
        await shows(tab, language, PERSON_TEXTS[language].unavailable)
        assert await tab.page.get_by_role("link", name=PERSON_TEXTS[language].unavailable.action).is_visible()
        tab.release()
        await until(lambda: tab.addresses.count(url) >= 2)

        assert tab.posts == []
        assert without_status(tab.problems, 503) == []


def without_status(problems: list[str], status: int) -> list[str]:
    """The problems, except those in which Chromium reports that a page has this status."""
    return [problem for problem in problems if f"status of {status}" not in problem]
