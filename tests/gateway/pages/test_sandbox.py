import re
from datetime import datetime

from domain.reasons import CATALOGUE
from domain.status import Status
from store.verifications import Store
from tests.gateway.callbacks.links import JEANNE, created, press
from tests.gateway.pages.browsing import Page
from tests.serving import Gateway, serving

HOSTILE = """"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;$id ${id}"""


async def test_steps_that_were_taken_have_no_button_left(gateway: Gateway) -> None:
    _, path = await created(gateway)
    assert len(Page.of(await gateway.client.get(path)).all("button", name="progress")) == 3

    await press(gateway, path, progress="CAPTURE_STARTED")

    left = Page.of(await gateway.client.get(path)).all("button", name="progress")
    assert [button["value"] for button in left] == ["CAPTURE_COMPLETED"]


async def test_every_code_can_be_ticked_with_each_of_its_statuses(gateway: Gateway) -> None:
    _, path = await created(gateway)

    forms = (await gateway.client.get(path)).text.split("<form")

    for status in (Status.FAILED, Status.INCONCLUSIVE):
        (form,) = [form for form in forms if f'<button class="{status.value}" name="status" value="{status.name}">' in form]
        assert re.findall(r'type="checkbox" name="codes" value="(\w+)"', form) == sorted(
            (code for code, reason in CATALOGUE.items() if status in reason.statuses), key=list(CATALOGUE).index
        )


async def test_an_outcome_is_shown_with_its_reasons_and_the_way_back(gateway: Gateway) -> None:
    _, path = await created(gateway)
    await press(gateway, path, status="FAILED", codes=["IDVV_2101", "NEW_CODE"])

    page = Page.of(await gateway.client.get(path))

    assert page.all("span", **{"class": "chip", "data-status": "FAILED"})
    assert "The individual presented an expired document." in page.text
    assert "NEW_CODE A reason that this catalogue does not know yet. (Internal" in page.text
    assert [link["href"] for link in page.all("a")] == [JEANNE["redirectionUrl"]]
    assert page.all("button") == []


async def test_a_page_that_is_left_open_asks_again_when_its_time_is_up(database_uri: str) -> None:
    async with serving(database_uri, link_window_seconds=120) as gateway:
        _, path = await created(gateway)
        waiting = Page.of(await gateway.client.get(path))
        await press(gateway, path, progress="LINK_OPENED")

        page = Page.of(await gateway.client.get(path))

    assert waiting.all("meta", **{"http-equiv": "refresh"}) == []
    (refresh,) = page.all("meta", **{"http-equiv": "refresh"})
    assert 100 < int(refresh["content"]) <= 121
    assert "The capture must begin within 2 minutes" in page.text
    assert "without a capture begun within 2 minutes" in page.text
    assert all(datetime.fromisoformat(time["datetime"]).tzinfo for time in page.all("time"))


async def test_nothing_that_was_declared_can_break_out_of_the_page(gateway: Gateway) -> None:
    url = f"https://shop.example/{HOSTILE.replace(' ', '+')}"
    _, path = await created(gateway, firstName=HOSTILE, lastName=HOSTILE, reference=HOSTILE, redirectionUrl=url)

    page = Page.of(await gateway.client.get(path))
    await press(gateway, path, status="FAILED", codes="IDVV_2101")
    done = Page.of(await gateway.client.get(path))

    for each in (page, done):
        assert each.all("script") == each.all("img") == []
        assert each.text.count(HOSTILE) == 3
    assert [link["href"] for link in done.all("a")] == [url]


async def test_the_page_shows_what_can_be_read_of_a_verification(gateway: Gateway, store: Store) -> None:
    id, path = await created(gateway)
    await store.collection.update_one({"_id": id}, {"$set": {"linkExpiresAt": 7, "openedAt": 7, "events.0.to": "suspended"}})

    response = await gateway.client.get(path)

    assert response.status_code == 200
    assert "Created (integrator)" in response.text


async def test_the_page_has_its_files_wherever_a_proxy_puts_it(gateway: Gateway) -> None:
    _, path = await created(gateway)

    for link in Page.of(await gateway.client.get(path)).all("link"):
        assert link["href"].startswith("../../../")
        assert (await gateway.client.get(f"{path}/../{link['href']}")).status_code == 200
    assert not (await press(gateway, path, progress="LINK_OPENED")).headers["location"].startswith(("/", "http"))
