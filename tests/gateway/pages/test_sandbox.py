"""What a browser shows on the page of a verification, to which a sandbox link leads."""

import re
from datetime import datetime, timedelta

import pytest

from domain.reasons import CATALOGUE
from domain.status import Status
from store.verifications import Store, utc_now
from tests.clock import Clock
from tests.gateway.callbacks.links import JEANNE, create_link, press, read_verification
from tests.gateway.pages.browsing import Page
from tests.serving import Gateway, serving

HOSTILE = """"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;$id ${id}"""


async def test_a_completed_step_has_no_button(gateway: Gateway) -> None:
    _, path = await create_link(gateway)
    assert len(Page.of(await gateway.client.get(path)).all("button", name="progress")) == 3

    await press(gateway, path, progress="CAPTURE_STARTED")

    left = Page.of(await gateway.client.get(path)).all("button", name="progress")
    assert [button["value"] for button in left] == ["CAPTURE_COMPLETED"]


async def test_every_code_can_be_chosen_with_each_of_its_statuses(gateway: Gateway) -> None:
    _, path = await create_link(gateway)

    forms = (await gateway.client.get(path)).text.split("<form")

    for status in (Status.FAILED, Status.INCONCLUSIVE):
        (form,) = [form for form in forms if f'<button class="{status.value}" name="status" value="{status.name}">' in form]
        assert re.findall(r'type="checkbox" name="codes" value="(\w+)"', form) == sorted(
            (code for code, reason in CATALOGUE.items() if status in reason.statuses), key=list(CATALOGUE).index
        )


async def test_an_outcome_is_shown_with_its_reasons_and_the_link_back(gateway: Gateway) -> None:
    _, path = await create_link(gateway)
    await press(gateway, path, status="FAILED", codes=["IDVV_2101", "NEW_CODE"])

    page = Page.of(await gateway.client.get(path))

    assert page.all("span", **{"class": "chip", "data-status": "FAILED"})
    assert "The individual presented an expired document." in page.text
    assert "NEW_CODE A reason that this catalogue does not know yet. (Internal" in page.text
    assert [link["href"] for link in page.all("a")] == [JEANNE["redirectionUrl"]]
    assert page.all("button") == []


async def test_an_open_page_reloads_after_the_deadline(database_uri: str) -> None:
    async with serving(database_uri, link_window_seconds=120) as gateway:
        _, path = await create_link(gateway)
        waiting = Page.of(await gateway.client.get(path))
        await press(gateway, path, progress="LINK_OPENED")

        page = Page.of(await gateway.client.get(path))

    assert waiting.all("meta", **{"http-equiv": "refresh"}) == []
    (refresh,) = page.all("meta", **{"http-equiv": "refresh"})
    assert 100 < int(refresh["content"]) <= 121
    assert "The capture must begin within 2 minutes" in page.text
    assert "no capture begins within 2 minutes" in page.text
    assert all(datetime.fromisoformat(time["datetime"]).tzinfo for time in page.all("time"))


@pytest.mark.parametrize("verdict", [{"status": "VERIFIED"}, {"status": "FAILED", "codes": ["IDVV_2101"]}], ids=lambda verdict: verdict["status"])
async def test_after_a_deadline_the_page_offers_the_verdict_that_still_counts(database_uri: str, verdict: dict[str, str | list[str]]) -> None:
    clock = Clock(utc_now())
    async with serving(database_uri, now=clock, sweep_seconds=3600) as gateway:
        id, path = await create_link(gateway)
        await press(gateway, path, progress="LINK_OPENED")
        clock.now += timedelta(minutes=15)
        expired = Page.of(await gateway.client.get(path))
        await press(gateway, path, **verdict)
        decided = Page.of(await gateway.client.get(path))
        stored = await read_verification(gateway, id)

    assert [button["value"] for button in expired.all("button")] == ["VERIFIED", "FAILED", "INCONCLUSIVE"]
    assert {button["name"] for button in expired.all("button")} == {"status"}
    assert "first verdict of the provider still replaces it" in expired.text
    assert "The outcome is final" not in expired.text
    assert stored["status"] == verdict["status"]
    assert "The outcome is final" in decided.text
    assert decided.all("button") == []


async def test_declared_data_are_escaped(gateway: Gateway) -> None:
    url = f"https://shop.example/{HOSTILE.replace(' ', '+')}"
    _, path = await create_link(gateway, firstName=HOSTILE, lastName=HOSTILE, reference=HOSTILE, redirectionUrl=url)

    page = Page.of(await gateway.client.get(path))
    await press(gateway, path, status="FAILED", codes="IDVV_2101")
    done = Page.of(await gateway.client.get(path))

    for each in (page, done):
        assert each.all("script") == each.all("img") == []
        assert each.text.count(HOSTILE) == 3
    assert [link["href"] for link in done.all("a")] == [url]


async def test_the_page_shows_the_readable_fields_of_a_damaged_verification(gateway: Gateway, store: Store) -> None:
    id, path = await create_link(gateway)
    await store.collection.update_one({"_id": id}, {"$set": {"linkExpiresAt": 7, "openedAt": 7, "events.0.to": "suspended"}})

    response = await gateway.client.get(path)

    assert response.status_code == 200
    assert "Created (integrator)" in response.text


async def test_the_page_works_under_a_path_prefix(gateway: Gateway) -> None:
    _, path = await create_link(gateway)

    for link in Page.of(await gateway.client.get(path)).all("link"):
        assert link["href"].startswith("../../../")
        assert (await gateway.client.get(f"{path}/../{link['href']}")).status_code == 200
    assert not (await press(gateway, path, progress="LINK_OPENED")).headers["location"].startswith(("/", "http"))
