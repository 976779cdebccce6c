"""The page at `/follow` renews its token at the integrator's address, in a real browser. The integrator may also refuse, or fail for a while."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser
from pymongo import MongoClient

from domain.caller import Caller
from gateway.pages.follow import Renewals
from store.indexes import VERIFICATIONS
from tests.browsers.board import require_pages
from tests.browsers.chromium import Tab, a_tab
from tests.browsers.integrator import SESSION, Integrator, an_integrator
from tests.browsers.test_follow import reads
from tests.company import LINK_OPENED, Company
from tests.serving import KEYS, Gateway, serving

WORKSPACE, OTHER_WORKSPACE = "renewing", "another"
# A time after which the page has renewed its token: most of the default lifetime of a token, which is 15 minutes.
MOST_OF_LIFE_MS = 13 * 60 * 1000
# The lifetime of a token that expires during a test.
SHORT = timedelta(seconds=4)
EXPIRED = "Please open your link again"


@pytest.fixture(scope="module")
async def running_integrator() -> AsyncIterator[Integrator]:
    """The integrator's server for all tests of this module."""
    async with an_integrator() as integrator:
        yield integrator


@pytest.fixture
def integrator(running_integrator: Integrator) -> Integrator:
    """The integrator's server, without requests of other tests."""
    running_integrator.reset()
    return running_integrator


@pytest.fixture(scope="module")
async def renewing_gateway(
    shared_database_uri: str, running_integrator: Integrator, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway on a developer's machine whose providers file names the integrator's address for one workspace."""
    require_pages()
    path = tmp_path_factory.mktemp("providers") / "providers.toml"
    path.write_text(f'[{WORKSPACE}]\nprovider = "sandbox"\nfollow_renewal_url = "{running_integrator.renewal_url}"\n')
    async with serving(shared_database_uri, local=True, providers_file=path) as running:
        yield running


@pytest.fixture
def company(renewing_gateway: Gateway, shared_database_uri: str, mongo: MongoClient[dict[str, Any]]) -> Company:
    """The company of the integrator."""
    return Company(renewing_gateway, mongo[urlsplit(shared_database_uri).path[1:]][VERIFICATIONS], WORKSPACE)


def reference(address: str = "https://shop.example/token", workspace: str = WORKSPACE) -> str:
    """The signed reference to a workspace's address for renewals, as in its follow tokens (see `Renewals` in gateway/pages/follow.py)."""
    found = Renewals(lambda: {workspace: address}, [KEYS["signing_key"]]).reference(workspace)
    assert found
    return found


def short_token(company: Company, id: str) -> str:
    """A follow token that soon expires. The API issues no such tokens."""
    caller = Caller("backend", WORKSPACE, frozenset(), None)
    return company.gateway.tokens.follow_token(caller, id, SHORT, reference()).token


async def kept_token(tab: Tab) -> str:
    """The token that the page keeps for the tab."""
    token: str = await tab.page.evaluate("sessionStorage.getItem('follow-token')")
    return token


async def requested(tab: Tab, integrator: Integrator) -> None:
    """Wait until the integrator's server has received a request for a new token."""
    for _ in range(600):
        if integrator.requests:
            return
        await tab.page.wait_for_timeout(50)
    pytest.fail("no request for a new token")


async def test_the_token_is_renewed_before_it_expires_and_the_page_goes_on(browser: Browser, company: Company, integrator: Integrator) -> None:
    id = await company.created()
    first, second = await company.follow_token(id), await company.follow_token(id)
    integrator.answer = (200, {"token": second})

    async with a_tab(browser) as tab:
        await tab.page.context.add_cookies([{"name": SESSION, "value": "ada", "url": integrator.url, "sameSite": "Lax"}])
        await tab.page.clock.install()
        await tab.page.goto(f"{company.gateway.url}/follow#{first}")
        await reads(tab, "Ready when you are")
        assert integrator.requests == []
        await tab.page.clock.fast_forward(MOST_OF_LIFE_MS)
        await requested(tab, integrator)
        await company.progress(id, LINK_OPENED)
        await reads(tab, "Your video check is open")

        assert integrator.requests[0] == {"token": first}
        assert (integrator.origins[0], integrator.sessions[0]) == (company.gateway.url, "ada")
        assert await kept_token(tab) == second
        assert "#" not in tab.page.url
        assert tab.problems == []


async def test_a_refused_renewal_ends_when_the_token_expires(browser: Browser, company: Company, integrator: Integrator) -> None:
    integrator.answer = (401, {"error": "signed out"})
    async with a_tab(browser) as tab:
        await tab.page.goto(f"{company.gateway.url}/follow#{short_token(company, await company.created())}")
        await reads(tab, EXPIRED)

    assert integrator.requests != []


async def test_the_page_waits_for_an_integrator_that_is_away(browser: Browser, company: Company, integrator: Integrator) -> None:
    id = await company.created()
    integrator.answer = (503, {})
    async with a_tab(browser) as tab:
        await tab.page.goto(f"{company.gateway.url}/follow#{short_token(company, id)}")
        await tab.page.get_by_text("No connection.").wait_for()
        await company.progress(id, LINK_OPENED)
        integrator.answer = (200, {"token": await company.follow_token(id)})
        await reads(tab, "Your video check is open")
        await tab.page.get_by_text("No connection.").wait_for(state="hidden")


async def test_a_token_for_another_verification_is_never_used(browser: Browser, company: Company, integrator: Integrator) -> None:
    id, other = await company.created(), await company.created()
    await company.result(other, "VERIFIED")
    integrator.answer = (200, {"token": await company.follow_token(other)})
    async with a_tab(browser) as tab:
        token = short_token(company, id)
        await tab.page.goto(f"{company.gateway.url}/follow#{token}")
        await reads(tab, EXPIRED)
        assert await kept_token(tab) == token

    assert "another chain" in tab.problems


async def test_the_policy_allows_the_integrators_address_and_no_other(browser: Browser, company: Company, integrator: Integrator) -> None:
    token = await company.follow_token(await company.created())
    async with a_tab(browser) as tab:
        async with tab.page.expect_response(lambda response: "/follow?for=" in response.url) as loaded:
            await tab.page.goto(f"{company.gateway.url}/follow#{token}")
        policy = (await (await loaded.value).all_headers())["content-security-policy"]
        await reads(tab, "Ready when you are")
        for address in (f"{integrator.renewal_url}/other", f"{integrator.url}/other", "https://shop.example/follow-token"):
            sent = await tab.page.evaluate("(address) => fetch(address).then(() => true, () => false)", address)
            assert not sent

    assert f"connect-src 'self' {integrator.renewal_url}" in policy.split("; ")
    assert integrator.others == []
    assert len([problem for problem in tab.problems if "Content Security Policy" in problem]) >= 3


async def test_the_reference_of_another_workspace_receives_no_token(browser: Browser, company: Company, integrator: Integrator) -> None:
    # The person's workspace has no address for renewals. The link was changed, so that it contains the reference of the integrator's workspace.
    elsewhere = Company(company.gateway, company.collection, OTHER_WORKSPACE)
    token = await elsewhere.follow_token(await elsewhere.created())
    async with a_tab(browser) as tab:
        await tab.page.clock.install()
        await tab.page.goto(f"{company.gateway.url}/follow?for={reference()}#{token}")
        await reads(tab, "Ready when you are")
        assert tab.page.url == f"{company.gateway.url}/follow"
        await tab.page.clock.fast_forward(MOST_OF_LIFE_MS)
        await tab.page.clock.run_for(5_000)
        await tab.page.reload()
        await reads(tab, "Ready when you are")

    assert integrator.requests == []
