"""The board in a real browser: a killed gateway, an expired token, blocked WebSockets, a laptop that slept, a lost network, and two tabs."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from store.verifications import utc_now
from tests.browsers.board import SHOWN_MS, BoardProcess, Operator, a_board, loses_its_network, operating, without_outage
from tests.browsers.chromium import Tab, a_tab, server_of
from tests.clients.outages import BAD_GATEWAY, Outages, outages
from tests.company import CAPTURE_COMPLETED, LINK_OPENED, Company
from tests.factories import a_verification
from tests.serving import Gateway


@pytest.fixture(scope="module")
async def wire_to_board() -> AsyncIterator[Outages]:
    """The network between the browser and the gateway with the board, for tests that interrupt it."""
    async with outages() as proxy:
        yield proxy


@pytest.fixture(scope="module")
async def board(
    shared_database_uri: str, tmp_path_factory: pytest.TempPathFactory, wire_to_board: Outages, shared_gateway: Gateway
) -> AsyncIterator[BoardProcess]:
    """The process of the gateway that serves the board. The browser reaches it through `wire_to_board`."""
    folder = tmp_path_factory.mktemp("board")
    async with a_board(shared_database_uri, folder, GATEWAY_ALLOWED_ORIGINS=wire_to_board.url) as process:
        wire_to_board.end(process.port)
        yield process


@pytest.fixture(autouse=True)
async def repaired(wire_to_board: Outages, board: BoardProcess) -> AsyncIterator[None]:
    """Undoes what a test has done to the network, when the test has ended."""
    yield
    wire_to_board.blocks_sockets = False
    wire_to_board.end(board.port)


async def reads_on(person: Tab, heading: str) -> None:
    """Wait until the person's page shows this heading."""
    await expect(person.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()


async def follow_link(operator: Operator) -> str:
    """The follow link that the operator hands out."""
    await operator.button("Follow link").click()
    link = await operator.dialog.get_by_role("link", name="Open it").get_attribute("href")
    assert link
    await operator.dialog.get_by_role("button", name="Done").click()
    return link


async def test_operator_and_person_see_the_outcome_of_a_gateway_that_was_killed_meanwhile(
    browser: Browser, board: BoardProcess, company: Company
) -> None:
    async with operating(browser, board.url, company.token()) as operator, a_tab(browser) as person:
        await expect(operator.page.get_by_text("No verification yet")).to_be_visible()
        id = await company.created(reference="order-7")
        await expect(operator.row(id)).to_contain_text("Link not opened")
        await operator.open(id)
        await person.page.goto(await follow_link(operator))
        await reads_on(person, "Ready when you are")

        await company.progress(id, LINK_OPENED)
        await reads_on(person, "Your video check is open")
        await expect(operator.row(id)).to_contain_text("Link opened")
        await expect(operator.detail.get_by_role("heading", name="Wait. The link is open.")).to_be_visible()

        await board.kill()
        await expect(operator.connection).to_have_text("Reconnecting")
        await expect(person.page.get_by_text("No connection.")).to_be_visible()
        await company.progress(id, CAPTURE_COMPLETED)
        await company.result(id, "FAILED", "IDVV_2101")
        second = (await company.retry(id))["id"]
        await expect(operator.page.get_by_text("No connection since")).to_be_visible()
        await board.start()

        await operator.is_live()
        await expect(operator.row(id)).to_contain_text("Failed")
        await expect(operator.detail.get_by_role("heading", name="A newer attempt exists.")).to_be_visible()
        await reads_on(person, "Let’s try once more")
        await operator.detail.get_by_role("link", name="Open attempt 2").click()
        await expect(operator.detail.get_by_role("heading", name="Send the person the link.")).to_be_visible()

        await company.result(second, "VERIFIED")
        await reads_on(person, "You’re verified")
        await expect(operator.detail.get_by_role("heading", name="Accept the request.")).to_be_visible()
        await operator.page.keyboard.press("n")
        await expect(operator.row(second)).to_contain_text("Verified")

        own = {server_of(board.url), server_of(board.url).replace("http", "ws", 1)}
        assert (operator.tab.servers, person.servers) == (own, own)
        assert without_outage(operator.tab.problems + person.problems) == []


async def test_after_the_session_has_ended_the_same_place_goes_on_with_another_token(browser: Browser, board: BoardProcess, company: Company) -> None:
    company.keep(*[a_verification(workspace=company.workspace, reference=f"order-{number}", at=utc_now()) for number in range(180)])
    address = "?status=PENDING&order=CREATED_OLDEST"
    async with operating(browser, board.url, address=address) as operator:
        await operator.sign_in("eyJ.no.token")
        await expect(operator.page.get_by_text("The gateway refused this token.")).to_be_visible()
        await operator.page.clock.install()
        await operator.sign_in(company.token(ttl=timedelta(hours=1)))
        await operator.is_live()
        place = await operator.scrolled(4500)
        url = operator.page.url

        await operator.page.clock.fast_forward("01:01:00")
        await expect(operator.page.get_by_text("Your session ended at")).to_be_visible()
        await expect(operator.connection).to_have_text("Session ended")
        assert await operator.uppermost() == place
        await operator.sign_in("eyJ.no.token")
        await expect(operator.page.get_by_text("The gateway refused this token.")).to_be_visible()
        changed = place[0].removeprefix("row-")
        await company.progress(changed, LINK_OPENED)
        await operator.sign_in(company.token(ttl=timedelta(hours=3)))

        await operator.is_live()
        await expect(operator.row(changed)).to_contain_text("Link opened")
        assert operator.page.url == url
        assert await operator.uppermost() == place
        assert await operator.focused() == "Verifications"
        # The board keeps the token in the session storage of the tab: the session goes on after a reload, and signing out removes the token.
        await operator.page.reload()
        await operator.is_live()
        await operator.button("Sign out").click()
        await expect(operator.page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert await operator.page.evaluate("sessionStorage.length") == 0


async def test_a_gateway_that_does_not_respond_can_be_tried_again_with_the_same_token(
    browser: Browser, board: BoardProcess, company: Company, wire_to_board: Outages
) -> None:
    async with operating(browser, wire_to_board.url) as operator:
        wire_to_board.begin(BAD_GATEWAY)
        await operator.sign_in(company.token())
        await expect(operator.page.get_by_text("The gateway does not respond.")).to_be_visible()
        wire_to_board.end(board.port)
        await operator.button("Try again").click()
        await operator.is_live()


async def test_blocked_websockets_are_replaced_by_event_streams_and_the_board_says_so(
    browser: Browser, board: BoardProcess, company: Company, wire_to_board: Outages
) -> None:
    wire_to_board.blocks_sockets = True
    id = await company.created(reference="order-8")
    async with operating(browser, wire_to_board.url, company.token()) as operator:
        await expect(operator.page.get_by_text("WebSockets are blocked here.")).to_be_visible()
        await company.progress(id, LINK_OPENED)
        await expect(operator.row(id)).to_contain_text("Link opened")
        assert without_outage(operator.tab.problems) == []


async def test_a_change_of_the_filters_is_no_loss_of_the_connection(browser: Browser, board: BoardProcess, company: Company) -> None:
    await company.created(reference="order-9")
    async with operating(browser, board.url, company.token()) as operator:
        await operator.page.evaluate("""() => {
          window.states = [];
          new MutationObserver(() => states.push(document.querySelector(".chip-state").textContent))
            .observe(document.querySelector(".chip-state"), { subtree: true, childList: true, characterData: true });
        }""")
        for status in ("Failed", "Pending"):
            await operator.page.locator(".legend").get_by_role("button", name=status).click()
            await operator.is_live()
        await expect(operator.page.locator(".rows .row")).to_have_count(1)
        assert await operator.page.evaluate("states") == []


async def test_a_page_on_a_laptop_that_slept_while_its_connection_died_shows_what_it_missed(
    browser: Browser, board: BoardProcess, company: Company, wire_to_board: Outages
) -> None:
    id = await company.created(reference="order-10")
    async with operating(browser, wire_to_board.url) as operator:
        await operator.page.clock.install()
        await operator.sign_in(company.token())
        await operator.is_live()
        await expect(operator.row(id)).to_be_visible()
        wire_to_board.swallow()
        await company.progress(id, LINK_OPENED)
        later = await company.created(reference="order-11")
        # Playwright moves the clock of the page on, and then each timer runs once, as after a sleep. The page is not really frozen, because Chromium
        # freezes no page that Playwright drives.
        await operator.page.clock.fast_forward("10:00")

        await expect(operator.row(id)).to_contain_text("Link opened")
        await operator.page.keyboard.press("n")
        await expect(operator.row(later)).to_be_visible()
        await operator.is_live()


async def test_a_page_without_a_network_says_so_and_catches_up(browser: Browser, board: BoardProcess, company: Company) -> None:
    id = await company.created(reference="order-12")
    async with operating(browser, board.url, company.token()) as operator:
        await loses_its_network(operator, company, id, seconds=0)


async def test_two_tabs_have_each_their_own_session_and_both_show_what_one_of_them_does(
    browser: Browser, board: BoardProcess, company: Company
) -> None:
    id = await company.created(reference="order-13")
    async with operating(browser, board.url, company.token()) as first:
        page = await first.page.context.new_page()
        page.set_default_timeout(SHOWN_MS)
        second = Operator(Tab(page))
        second.tab.watch()
        await page.goto(board.url)
        await second.sign_in(company.token())
        await second.is_live()

        await first.open(id)
        await first.button("Close…").click()
        await first.button("Close the verification").click()
        for operator in (first, second):
            await expect(operator.row(id)).to_contain_text("Inconclusive")
        await second.button("Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await first.page.reload()
        await first.is_live()
        assert first.tab.problems + second.tab.problems == []


async def test_a_page_under_an_address_that_may_not_send_requests_says_what_to_do(browser: Browser, board: BoardProcess, company: Company) -> None:
    async with operating(browser, board.url.replace("127.0.0.1", "localhost")) as operator:
        await operator.sign_in(company.token())
        await expect(operator.page.get_by_role("alert")).to_contain_text("GATEWAY_ALLOWED_ORIGINS")
