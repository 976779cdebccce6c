"""A verification at Yousign from its creation to its outcome, in a real browser: what the subscriber sees, and what the backend receives."""

from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser

from tests.browsers.picture import drawn
from tests.browsers.story import a_scene, played

REASON = {"code": "IDVV_2101", "description": "The individual presented an expired document."}
DOCUMENT = {"fullName": "JEANNE MOREAU", "bornOn": "1928-01-23", "type": "PASSPORT", "issuingCountryCode": "FR"}


async def test_a_subscriber_sees_every_phase_and_the_backend_receives_every_event(browser: Browser, database_uri: str, tmp_path: Path) -> None:
    async with a_scene(database_uri, tmp_path) as scene:
        story = await played(scene, browser)
        await scene.backend.has(story.created["id"], 1, 2, 3, 4, 5)
        picture = await drawn(story, scene, browser)

    id, [body] = story.created["id"], scene.yousign.bodies.values()
    shown = [update["verification"] for update in story.updates]
    assert [seen for seen, _ in groupby((each["phase"], each["status"]) for each in shown)] == [
        ("AWAITING_INDIVIDUAL", "PENDING"),
        ("IN_SESSION", "PENDING"),
        ("PROCESSING", "PENDING"),
        ("DONE", "FAILED"),
    ]
    assert [(event["version"], event["type"], event["actor"]) for update in story.updates for event in update["events"]] == [
        (1, "CREATED", "INTEGRATOR"),
        (2, "PROVIDER_STARTED", "PROVIDER"),
        (3, "LINK_OPENED", "INDIVIDUAL"),
        (4, "CAPTURE_COMPLETED", "INDIVIDUAL"),
        (5, "STATUS_CHANGED", "PROVIDER"),
    ]
    assert (shown[-1]["reasons"], shown[-1]["extractedDocument"]) == ([REASON], DOCUMENT)
    assert story.webhook
    assert story.webhook.status_code == 200

    # The browser went through both links of the gateway, and saw no error.
    assert urlsplit(story.created["verificationUrl"]).path.startswith("/v/acme.")
    assert urlsplit(body["redirection_url"]).path.startswith("/r/acme.")
    assert story.returned_to == f"{scene.websites.company}/welcome?order=1&verification={id}"
    assert story.problems == []
    assert picture.startswith(b"\x89PNG")

    # The receiver checks signatures: `forged` contains what was not signed with the secret.
    assert scene.backend.forged == []
    received = [request.body for request in scene.backend.requests]
    assert [(each["type"], each["data"]["version"], each["data"]["phase"]) for each in received] == [
        ("verification.created", 1, "AWAITING_INDIVIDUAL"),
        ("verification.provider_started", 2, "AWAITING_INDIVIDUAL"),
        ("verification.link_opened", 3, "IN_SESSION"),
        ("verification.capture_completed", 4, "PROCESSING"),
        ("verification.status_changed", 5, "DONE"),
    ]
    assert {each["data"]["reference"] for each in received} == {"order-1"}
    assert received[-1]["data"]["reasonCodes"] == ["IDVV_2101"]
