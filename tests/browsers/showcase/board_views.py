"""The views of the board."""

from dataclasses import replace

from playwright.async_api import Page, Route

from domain.caller import Scope
from tests.browsers.showcase.people import PEOPLE
from tests.browsers.showcase.stage import KEEP_TOKEN, NEW_COMPANY, Look, Stage, port_of_gateway
from tests.browsers.showcase.views import view

READ = (Scope.READ,)
# How many new verifications wait to be shown.
NEW = 4
INTERNAL_ERROR = {
    "message": "The gateway failed to respond.",
    "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": "5f0c2a9d"},
}


def is_not_phone(look: Look) -> bool:
    """Whether the board does not have the layout of a phone. Then the figures and the filters are beside the list."""
    return not look.is_phone


def is_phone(look: Look) -> bool:
    """Whether the board has the layout of a phone. Then the figures have a page of their own."""
    return look.is_phone


async def shown(page: Page, *selectors: str) -> Page:
    """The page, once it shows these elements and its fonts are loaded."""
    for selector in selectors:
        await page.locator(selector).first.wait_for()
    await page.evaluate("document.fonts.ready.then(() => true)")
    return page


async def listed(page: Page) -> Page:
    """The page, once it shows the live list, the figures, and the group of the verifications that need attention."""
    return await shown(page, ".chip-state.live", ".rows .row", ".attention .row", '.figures[aria-busy="false"]')


async def opened(stage: Stage, look: Look, name: str, more: str = "") -> Page:
    """The board with the verification that shows the situation `name`. `more`: the end of the page's address."""
    page = await stage.board(look, address=f"v/{stage.showcase.named[name]}{more}")
    return await shown(page, ".chip-state.live", ".detail-head", ".events", *([".rows .row", ".attention .row"] if look.is_wide and not more else []))


@view("board-list")
async def the_list(stage: Stage, look: Look) -> Page:
    """The list, with a row selected and new verifications waiting to be shown."""
    page = await listed(await stage.board(look))
    for number in range(NEW):
        first, last = PEOPLE[number]
        await stage.company.create(firstName=first, lastName=last, reference=f"loan-{20497 + number}")
    await page.locator(".fresh", has_text=f"{NEW} new").wait_for()
    # The board reads the figures again some seconds after the list. Wait until the figures include the new verifications.
    total = await page.locator(".pinned .number").inner_text()
    await page.locator(".totals .large", has_text=total).wait_for()
    if not look.is_phone:
        for _ in range(8):
            await page.keyboard.press("j")
    return page


@view("board-list-scrolled")
async def the_list_scrolled(stage: Stage, look: Look) -> Page:
    """The list, scrolled down by some rows."""
    page = await listed(await stage.board(look))
    await page.evaluate("document.querySelector('.list-area').scrollTop = 900")
    return await shown(page, ".rows .row")


@view("board-figures", is_phone)
async def figures(stage: Stage, look: Look) -> Page:
    """The figures as charts, on a page of their own."""
    return await shown(await stage.board(look, address="figures"), '.figures[aria-busy="false"]', ".chip-state.live")


@view("board-figures-as-tables")
async def figures_as_tables(stage: Stage, look: Look) -> Page:
    """The figures as tables."""
    page = await figures(stage, look) if look.is_phone else await listed(await stage.board(look))
    for button in await page.locator(".part header button:visible").all():
        await button.click()
    return await shown(page, "table.plain")


@view("board-figures-day", is_not_phone)
async def a_day(stage: Stage, look: Look) -> Page:
    """The chart of days, with the pointer on one of them."""
    page = await listed(await stage.board(look))
    await page.locator(".column").nth(-9).hover()
    return await shown(page, ".tip")


@view("board-filtered")
async def filtered(stage: Stage, look: Look) -> Page:
    """The list with several filters."""
    address = "?status=FAILED,INCONCLUSIVE&type=DOCUMENT_CAPTURE_ISSUE,DOCUMENT_ISSUE&created=week"
    return await listed(await stage.board(look, address=address))


@view("board-filter-menu")
async def filter_menu(stage: Stage, look: Look) -> Page:
    """The open menu with the statuses."""
    page = await listed(await stage.board(look, address="?status=FAILED"))
    await page.locator("[data-menu=filter]").click()
    return await shown(page, ".panel")


@view("board-filter-menu-reasons")
async def reasons_menu(stage: Stage, look: Look) -> Page:
    """The open menu with the reasons."""
    page = await listed(await stage.board(look))
    await page.locator(".filters .chip", has_text="Reason").click()
    return await shown(page, ".panel")


@view("board-verification-link-opened")
async def link_opened(stage: Stage, look: Look) -> Page:
    """A second attempt whose link was opened, and whose webhooks are late."""
    return await opened(stage, look, "link opened")


@view("board-verification-failed")
async def failed(stage: Stage, look: Look) -> Page:
    """A verification that failed for two reasons, with a result that was ignored afterwards."""
    return await opened(stage, look, "failed")


@view("board-verification-verified")
async def verified(stage: Stage, look: Look) -> Page:
    """A verified person, with the data of the document."""
    return await opened(stage, look, "verified")


@view("board-verification-inconclusive")
async def inconclusive(stage: Stage, look: Look) -> Page:
    """A verification whose person postponed the video."""
    return await opened(stage, look, "inconclusive")


@view("board-verification-stuck")
async def stuck(stage: Stage, look: Look) -> Page:
    """A verification that the provider checks for too long."""
    return await opened(stage, look, "stuck")


@view("board-verification-link-not-opened")
async def link_not_opened(stage: Stage, look: Look) -> Page:
    """A verification whose link must still be sent to the person."""
    return await opened(stage, look, "link not opened")


@view("board-verification-undelivered")
async def undelivered(stage: Stage, look: Look) -> Page:
    """A verification of which the backend did not accept an event."""
    return await opened(stage, look, "undelivered")


@view("board-verification-attempts")
async def attempts(stage: Stage, look: Look) -> Page:
    """A chain of three attempts."""
    return await opened(stage, look, "three attempts")


@view("board-verification-closed")
async def closed(stage: Stage, look: Look) -> Page:
    """A verification that the company closed."""
    return await opened(stage, look, "closed")


@view("board-verification-anonymized")
async def anonymized(stage: Stage, look: Look) -> Page:
    """A verification without personal data."""
    return await opened(stage, look, "anonymized")


@view("board-verification-long-names")
async def long_names(stage: Stage, look: Look) -> Page:
    """A verification with a long reference and a long name."""
    return await opened(stage, look, "long")


@view("board-verification-alone", lambda look: look.is_wide)
async def alone(stage: Stage, look: Look) -> Page:
    """A verification on a page of its own."""
    return await opened(stage, look, "failed", "?full=")


@view("board-verification-without-sensitive")
async def without_sensitive(stage: Stage, look: Look) -> Page:
    """A verification as a token without personal data and internal reasons shows it."""
    token = stage.board_token(*READ)
    page = await stage.board(look, token=token, address=f"v/{stage.showcase.named['withheld']}")
    return await shown(page, ".chip-state.live", ".detail-head", ".events")


@view("board-verification-missing")
async def missing(stage: Stage, look: Look) -> Page:
    """The address of a verification that does not exist."""
    page = await stage.board(look, address="v/ver_00000000000000000000000000000000")
    return await shown(page, ".chip-state.live", ".detail .notice")


async def act(page: Page, look: Look, label: str) -> None:
    """Press a button of the verification that is shown. On a phone, all of its buttons except `Retry…` are in a menu."""
    if look.is_phone and label != "Retry…":
        await page.locator(".detail-head .menu > button").click()
    await page.locator(".detail").get_by_role("button", name=label, exact=True).first.click()
    await shown(page, "dialog[open]")


@view("board-dialog-retry")
async def retry(stage: Stage, look: Look) -> Page:
    """The dialog that confirms a retry."""
    page = await opened(stage, look, "failed")
    await act(page, look, "Retry…")
    return page


@view("board-dialog-close")
async def close(stage: Stage, look: Look) -> Page:
    """The dialog that confirms closing."""
    page = await opened(stage, look, "recording")
    await act(page, look, "Close…")
    return page


@view("board-dialog-anonymize")
async def anonymize(stage: Stage, look: Look) -> Page:
    """The dialog that confirms anonymizing."""
    page = await opened(stage, look, "three attempts")
    await act(page, look, "Anonymize…")
    return page


@view("board-dialog-follow-link")
async def follow_link(stage: Stage, look: Look) -> Page:
    """The dialog with the link for the person."""
    page = await opened(stage, look, "link opened")
    await act(page, look, "Follow link")
    return await shown(page, ".qr svg")


@view("board-dialog-unmatched")
async def unmatched_webhook(stage: Stage, look: Look) -> Page:
    """The dialog about a webhook that belongs to no verification."""
    page = await listed(await stage.board(look))
    await page.locator(".attention .row").last.click(position={"x": 30, "y": 10})
    return await shown(page, "dialog[open]")


@view("board-dialog-keys", is_not_phone)
async def keys(stage: Stage, look: Look) -> Page:
    """The dialog with the keyboard shortcuts."""
    page = await listed(await stage.board(look))
    await page.keyboard.press("?")
    return await shown(page, "dialog[open]")


@view("board-dialog-more", is_phone)
async def more(stage: Stage, look: Look) -> Page:
    """What a phone shows behind "More"."""
    page = await listed(await stage.board(look))
    await page.locator(".tabs button").click()
    return await shown(page, "dialog[open]")


@view("board-catalogue")
async def catalogue(stage: Stage, look: Look) -> Page:
    """The catalogue of statuses and codes."""
    return await shown(await stage.board(look, address="catalogue"), ".chip-state.live", ".codes tbody")


@view("board-catalogue-searched")
async def catalogue_searched(stage: Stage, look: Look) -> Page:
    """The catalogue, searched for a word."""
    page = await catalogue(stage, look)
    await page.locator(".catalogue .search input").fill("light")
    return page


@view("board-catalogue-nothing")
async def catalogue_nothing(stage: Stage, look: Look) -> Page:
    """The catalogue, searched for a word that it does not have."""
    page = await catalogue(stage, look)
    await page.locator(".catalogue .search input").fill("zebra")
    return await shown(page, ".notice")


@view("board-french")
async def french(stage: Stage, look: Look) -> Page:
    """The list in French."""
    return await listed(await stage.board(replace(look, locale="fr-FR")))


@view("board-french-verification")
async def french_verification(stage: Stage, look: Look) -> Page:
    """A verification in French."""
    return await opened(stage, replace(look, locale="fr-FR"), "failed")


@view("state-sign-in")
async def sign_in(stage: Stage, look: Look) -> Page:
    """The page that requests a token."""
    page = await stage.page(look)
    await page.goto(stage.gateway.url)
    return await shown(page, ".sign-in")


@view("state-token-refused")
async def refused(stage: Stage, look: Look) -> Page:
    """The page that requests a token, after a token was refused."""
    return await shown(await stage.board(look, token="not-a-token"), ".sign-in .warning")


@view("state-no-permission")
async def no_permission(stage: Stage, look: Look) -> Page:
    """The page for a token that may not read verifications."""
    return await shown(await stage.board(look, token=stage.board_token(Scope.REPORT)), ".alone .notice")


@view("state-empty")
async def empty(stage: Stage, look: Look) -> Page:
    """A workspace without verifications."""
    page = await stage.board(look, token=stage.board_token(workspace=NEW_COMPANY))
    return await shown(page, ".chip-state.live", ".notice", '.figures[aria-busy="false"]')


@view("state-nothing-matches")
async def nothing_matches(stage: Stage, look: Look) -> Page:
    """Filters that no verification matches."""
    return await shown(
        await stage.board(look, address="?status=FAILED&reference=loan-1"), ".chip-state.live", ".notice", '.figures[aria-busy="false"]'
    )


@view("state-loading")
async def loading(stage: Stage, look: Look) -> Page:
    """The list while it is being read: only the query of the caller's rights is answered. All other requests wait until the page is closed."""

    async def hold(route: Route) -> None:
        if "BoardCaller" in (route.request.post_data or ""):
            await route.continue_()

    page = await stage.board(look, url=stage.failing.url, token="")
    await page.route("**/graphql", hold)
    await page.evaluate("token => sessionStorage.setItem('board-token', token)", stage.board_token())
    await page.reload()
    return await shown(page, ".skeleton i")


@view("state-error")
async def error(stage: Stage, look: Look) -> Page:
    """A list that could not be read, because the gateway responded with an internal error. After an error about the database, the board would try
    again by itself.
    """

    async def fail(route: Route) -> None:
        if "BoardList" in (route.request.post_data or ""):
            await route.fulfill(status=200, json={"data": None, "errors": [INTERNAL_ERROR]})
        else:
            await route.fallback()

    page = await stage.page(look, KEEP_TOKEN % stage.board_token())
    await page.route("**/graphql", fail)
    await page.goto(f"{stage.gateway.url}/#/")
    return await shown(page, ".notice .primary", ".attention .row", '.figures[aria-busy="false"]')


@view("state-offline")
async def offline(stage: Stage, look: Look) -> Page:
    """The list without a network."""
    page = await listed(await stage.board(look))
    await page.context.set_offline(True)
    await stage.wait(page, 8)
    return await shown(page, ".lost")


@view("state-event-stream")
async def event_stream(stage: Stage, look: Look) -> Page:
    """The list where WebSockets are blocked."""
    return await shown(await stage.board(look, url=stage.network.url), ".lost.quiet", ".rows .row", ".attention .row", '.figures[aria-busy="false"]')


@view("state-session-ended")
async def session_ended(stage: Stage, look: Look) -> Page:
    """The list after the gateway has ceased to accept the token."""
    stage.door.end(port_of_gateway(stage.gateway))
    page = await listed(await stage.board(look, url=stage.door.url))
    stage.door.begin(b"")
    stage.door.end(port_of_gateway(stage.refusing))
    return await shown(page, ".lost .token")
