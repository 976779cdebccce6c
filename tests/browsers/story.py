"""The story of one verification at Yousign: it is created in GraphQL, the individual goes to the provider and comes back, and a webhook ends it.

The gateway, the browser and all HTTP connections are real. Yousign, its page and the company's backend are the fakes of these tests.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from playwright.async_api import Browser

from tests.browsers.chromium import Tab, a_tab
from tests.browsers.websites import Websites, websites
from tests.fakes.receiver import RECEIVER_SECRET, Receiver, receiving
from tests.fakes.yousign import FakeYousign, fake_yousign, providers_file
from tests.serving import ACME, Gateway, serving
from tests.wire import Following, following

CREATE = """mutation ($input: CreateVerificationInput!) {
  createVerification(input: $input) {
    ... on Verification { id status phase recommendedAction verificationUrl }
  }
}"""
FOLLOW = """subscription ($id: ID!) {
  verificationUpdated(id: $id, after: 0) {
    verification {
      version status phase
      reasons { code description }
      extractedDocument { fullName bornOn type issuingCountryCode }
    }
    events { version type actor }
  }
}"""
# The size of the phone's window in CSS pixels, and how many pixels a screenshot has for each CSS pixel.
SCREEN, SCREEN_SCALE = (390, 660), 0.5
PERSON = {"firstName": "Jeanne", "lastName": "Moreau", "reference": "order-1"}
# The outcome that the provider decides.
DECIDED = "failed"
CODES = ["IDVV_2101"]
DOCUMENT = {
    "full_name": "JEANNE MOREAU",
    "born_on": "1928-01-23",
    "type": "passport",
    "issuing_country_code": "FR",
    "national_identification_number": None,
}


@dataclass(frozen=True, slots=True)
class Scene:
    """The servers that take part in the story."""

    gateway: Gateway
    yousign: FakeYousign
    backend: Receiver
    websites: Websites


@dataclass
class Story:
    """What happened in the story. `updates`: what the subscriber received. `screens`: screenshots of the individual's phone (PNG), by page.

    `returned_to`: the address at which the individual arrived in the end. `problems`: errors of scripts in the individual's tab, and what a page's
    Content-Security-Policy prevented there.
    """

    created: dict[str, Any] = field(default_factory=dict)
    updates: list[dict[str, Any]] = field(default_factory=list)
    screens: dict[str, bytes] = field(default_factory=dict)
    webhook: httpx2.Response | None = None
    returned_to: str = ""
    problems: list[str] = field(default_factory=list)

    async def follow(self, following: Following, phase: str) -> None:
        """Receive updates until the verification has this phase."""
        self.updates += await following.until(lambda update: update["verification"]["phase"] == phase)


@asynccontextmanager
async def a_scene(mongo_uri: str, folder: Path) -> AsyncIterator[Scene]:
    """A context in which the servers of the story run. `folder`: the folder into which the providers file and its secrets are written."""
    async with fake_yousign() as yousign, receiving() as backend, websites(yousign) as sites:
        (folder / "hooks").write_text(RECEIVER_SECRET)
        section = f'[{ACME}.deliveries]\nurl = "{backend.url}"\nsecret_file = "hooks"\n'
        async with serving(mongo_uri, providers_file=providers_file(folder, yousign, more=section), provider=None) as gateway:
            yield Scene(gateway, yousign, backend, sites)


async def played(scene: Scene, browser: Browser) -> Story:
    """Play the story from its beginning to its end. Returns what happened."""
    story = Story()
    input = {**PERSON, "redirectionUrl": f"{scene.websites.company}/welcome?order=1"}
    story.created = (await scene.gateway.query(CREATE, {"input": input}))["createVerification"]
    id = story.created["id"]
    async with following(scene.gateway, scene.gateway.token(), FOLLOW, {"id": id}) as updates, a_tab(browser, size=SCREEN, scale=SCREEN_SCALE) as tab:
        await story.follow(updates, "AWAITING_INDIVIDUAL")
        await goes_to_the_provider(tab, story)
        await story.follow(updates, "IN_SESSION")
        await comes_back(tab, story, scene.websites)
        await story.follow(updates, "PROCESSING")
        await provider_decides(scene, story)
        story.updates += await updates.rest()
        story.problems += tab.problems
    return story


async def goes_to_the_provider(tab: Tab, story: Story) -> None:
    """The individual opens the link. Its page leads on to the provider by itself."""
    await tab.hold_posts()
    await tab.page.goto(story.created["verificationUrl"])
    await tab.page.wait_for_selector("[role=status]:not(:empty)")
    story.screens["link"] = await tab.page.screenshot()
    tab.release()
    await tab.page.wait_for_url("**/start/*")
    story.screens["provider"] = await tab.page.screenshot()


async def comes_back(tab: Tab, story: Story, websites: Websites) -> None:
    """The provider sends the individual back to the gateway, and the gateway to the company."""
    await tab.page.click("a")
    await tab.page.wait_for_url(f"{websites.company}/**")
    story.screens["company"] = await tab.page.screenshot()
    story.returned_to = tab.page.url


async def provider_decides(scene: Scene, story: Story) -> None:
    """Yousign decides the outcome, and sends its webhook."""
    [id] = scene.yousign.videos
    scene.yousign.decide(id, DECIDED, CODES, DOCUMENT)
    story.webhook = await scene.yousign.send(f"{scene.gateway.url}/webhooks/{ACME}", *scene.yousign.webhook(id))
