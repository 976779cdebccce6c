"""The views of the person's page."""

from dataclasses import replace

from playwright.async_api import Page

from gateway.pages.languages import LANGUAGES
from tests.browsers.showcase.stage import Look, Stage
from tests.browsers.showcase.views import Opening, view

SITUATIONS = {
    "ready": "link not opened",
    "opened": "link opened",
    "recording": "recording",
    "checking": "checking",
    "again": "try again",
    "over": "failed",
    "over-without-advice": "closed",
    "done": "verified",
}
# The situations that are shown in each language.
IN_EACH_LANGUAGE = ("ready", "again", "over", "checking")


async def heading(page: Page) -> Page:
    """The page, once the state of the verification and its fonts are loaded."""
    await page.locator("verification-status .picture svg").wait_for()
    await page.locator("verification-status .end, verification-status .lead").first.wait_for()
    await page.evaluate("document.fonts.ready.then(() => true)")
    return page


def following(situation: str, locale: str | None = None) -> Opening:
    """A function that opens the page of a person in this situation."""

    async def follow(stage: Stage, look: Look) -> Page:
        return await heading(await stage.follow(replace(look, locale=locale) if locale else look, situation))

    return follow


for name, situation in SITUATIONS.items():
    view(f"person-{name}")(following(situation))
    for language in LANGUAGES if name in IN_EACH_LANGUAGE else ():
        if language != "en":
            view(f"person-{name}-{language}", lambda look: look.is_phone and look.scheme == "light")(following(situation, language))


@view("person-offline")
async def offline_person(stage: Stage, look: Look) -> Page:
    """The page while the video is checked, after the network was lost."""
    page = await heading(await stage.follow(look, "checking"))
    await page.context.set_offline(True)
    await page.locator("verification-status .offline").wait_for()
    return page


@view("person-expired")
async def expired_link(stage: Stage, look: Look) -> Page:
    """The page of a link whose token is not valid, as after its expiry."""
    page = await stage.page(look)
    await page.goto(f"{stage.gateway.url}/follow#not-a-token")
    return await heading(page)


@view("person-loading")
async def loading_person(stage: Stage, look: Look) -> Page:
    """The page before the first message: the gateway does not respond."""
    page = await stage.page(look)
    await page.route_web_socket("**/graphql", lambda socket: None)
    await page.goto(f"{stage.gateway.url}/follow#{stage.follow_token('checking')}")
    await page.locator("verification-status h2").wait_for()
    return page
