"""Draws the picture of the story in the documentation: what happened at each step, and what the subscriber and the backend received.

The screenshots and the messages are those of a run of the story.
"""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from playwright.async_api import Browser

from tests.browsers.chromium import a_tab
from tests.browsers.story import CODES, DECIDED, PERSON, Scene, Story

WIDTH = 1180
TEMPLATES = Environment(loader=FileSystemLoader(__file__.rpartition("/")[0]), autoescape=True, undefined=StrictUndefined)


@dataclass(frozen=True, slots=True)
class Column:
    """One step of the story. `screen`: the step's screenshot; None for a step without the individual. `code`: shown in place of a screenshot.

    `updates`, `events`: what the subscriber and the backend received because of the step.
    """

    title: str
    text: str
    updates: list[dict[str, Any]]
    events: list[dict[str, Any]]
    screen: str | None = None
    code: tuple[str, ...] = ()


def columns(story: Story, scene: Scene) -> list[Column]:
    """The columns of the picture, one for each step of the story. Each shows what the subscriber and the backend received because of the step."""
    bodies = [request.body for request in scene.backend.requests]
    updates = {phase: [each["verification"] for each in story.updates if each["verification"]["phase"] == phase] for phase in PHASES}
    events = {phase: [body for body in bodies if body["data"]["phase"] == phase] for phase in PHASES}
    screens = {step: b64encode(screen).decode() for step, screen in story.screens.items()}
    link = f"…{urlsplit(story.created['verificationUrl']).path[: len('/v/acme.')]}…"
    created = ("createVerification", *(f"{name}: {value}" for name, value in PERSON.items()), "→ verificationUrl:", link)
    answer = f"→ {story.webhook.status_code}" if story.webhook else "→ no answer"
    webhook = ("POST /webhooks/acme", "signed with the secret", f"status: {DECIDED}", f"status_codes: {', '.join(CODES)}", answer)
    return [
        Column("The company creates", "in GraphQL; the gateway starts it at Yousign", updates[AWAITING], events[AWAITING], code=created),
        Column("The link is opened", "at the gateway, which leads on by itself", updates[OPENED], events[OPENED], screens["link"]),
        Column("The provider records", "and reports nothing yet", [], [], screens["provider"]),
        Column("The individual returns", "through the gateway to the company", updates[RETURNED], events[RETURNED], screens["company"]),
        Column("The provider decides", "and sends its webhook", updates[DONE], events[DONE], code=webhook),
    ]


PHASES = AWAITING, OPENED, RETURNED, DONE = "AWAITING_INDIVIDUAL", "IN_SESSION", "PROCESSING", "DONE"


async def drawn(story: Story, scene: Scene, browser: Browser) -> bytes:
    """The picture as PNG."""
    html = TEMPLATES.get_template("picture.html").render(columns=columns(story, scene))
    async with a_tab(browser, size=(WIDTH, 400)) as tab:
        await tab.page.set_content(html)
        return await tab.page.screenshot(full_page=True)
