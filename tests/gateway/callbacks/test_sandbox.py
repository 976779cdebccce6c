from datetime import timedelta

import httpx2
import pytest

from domain.reasons import BUTTONS
from domain.status import Status
from domain.webhook import WebhookState
from gateway.application import application
from providers.sandbox import SANDBOX_SIGNATURE, Sandbox
from store.verifications import Store, utc_now
from tests.gateway.callbacks.links import create_link, press, read_verification
from tests.gateway.pages.browsing import Page
from tests.serving import ACME, KEYS, Gateway, serving, settings_for_tests

UNREACHABLE = "mongodb://127.0.0.1:1/gateway?replicaSet=none"


@pytest.mark.parametrize(
    ("progress", "phase"), [("LINK_OPENED", "IN_SESSION"), ("CAPTURE_STARTED", "CAPTURING"), ("CAPTURE_COMPLETED", "PROCESSING")]
)
async def test_a_progress_button_reports_the_progress(gateway: Gateway, progress: str, phase: str) -> None:
    id, path = await create_link(gateway)

    response = await press(gateway, path, progress=progress)

    assert response.status_code == 303
    assert response.next_request
    assert response.next_request.url.path == path
    verification = await read_verification(gateway, id)
    assert (verification["phase"], verification["events"][-1]["type"]) == (phase, progress)
    assert verification["events"][-1]["actor"] == "INDIVIDUAL"
    assert phase.replace("_", " ").capitalize() in Page.of(await gateway.client.get(path)).text


async def test_every_button_of_the_person_ends_the_verification_with_its_code(gateway: Gateway) -> None:
    for code in BUTTONS:
        id, path = await create_link(gateway)
        assert Page.of(await gateway.client.get(path)).all("button", name="codes", value=code)

        await press(gateway, path, status="INCONCLUSIVE", codes=code)

        verification = await read_verification(gateway, id)
        assert (verification["status"], verification["reasons"]) == ("INCONCLUSIVE", [{"code": code}])
        assert verification["events"][-1]["actor"] == "INDIVIDUAL"


async def test_a_verified_result_has_a_document_with_the_declared_name(gateway: Gateway) -> None:
    id, path = await create_link(gateway)

    await press(gateway, path, status="VERIFIED")

    verification = await read_verification(gateway, id)
    assert verification["status"] == "VERIFIED"
    assert verification["extractedDocument"] == {
        "fullName": "Jeanne Moreau",
        "bornOn": "1990-01-23",
        "type": "ID_CARD",
        "issuingCountryCode": "FR",
    }


async def test_the_longest_declared_names_are_cut_to_a_valid_document(gateway: Gateway) -> None:
    id, path = await create_link(gateway, firstName="J" * 255, lastName="M" * 255)

    await press(gateway, path, status="VERIFIED")

    assert (await read_verification(gateway, id))["extractedDocument"]["fullName"] == "J" * 255 + " " + "M" * 254


@pytest.mark.parametrize(("status", "codes"), [("FAILED", ["IDVV_2101", "IDVV_1301", "IDVV_1201"]), ("INCONCLUSIVE", ["IDVV_1314", "IDVV_1201"])])
async def test_an_outcome_can_have_several_codes(gateway: Gateway, status: str, codes: list[str]) -> None:
    id, path = await create_link(gateway)

    await press(gateway, path, status=status, codes=codes)

    verification = await read_verification(gateway, id)
    assert (verification["status"], [reason["code"] for reason in verification["reasons"]]) == (status, codes)
    assert verification["events"][-1]["actor"] == "PROVIDER"


async def test_a_second_outcome_is_ignored_and_the_page_shows_it(gateway: Gateway) -> None:
    id, path = await create_link(gateway)
    await press(gateway, path, status="FAILED", codes="IDVV_2101")

    await press(gateway, path, status="VERIFIED")

    assert (await read_verification(gateway, id))["status"] == "FAILED"
    assert "Result ignored (provider): verified" in Page.of(await gateway.client.get(path)).text


async def test_a_passed_deadline_is_applied_before_the_page_is_shown(database_uri: str) -> None:
    async with serving(database_uri, link_window_seconds=0.001, sweep_seconds=3600) as gateway:
        _, path = await create_link(gateway)
        await press(gateway, path, progress="LINK_OPENED")

        page = Page.of(await gateway.client.get(path))

    assert page.all("span", **{"class": "chip", "data-status": "INCONCLUSIVE"})
    assert "IDVV_1121" in page.text


async def test_a_manipulated_link_is_not_found(gateway: Gateway) -> None:
    id, path = await create_link(gateway)
    _, sandbox, workspace, _, signature = path.split("/")
    valid_signature = Sandbox("", [KEYS["signing_key"].encode()]).signature(ACME, "ver_unknown")
    manipulated = [
        f"/{sandbox}/{workspace}/{id}/{'0' * 32}",
        f"/{sandbox}/other/{id}/{signature}",
        f"/{sandbox}/{workspace}/ver_other/{signature}",
        f"/{sandbox}/{workspace}/{id}/%C3%A9%00",
        f"/{sandbox}/{workspace}/ver_unknown/{valid_signature}",
    ]

    for path in manipulated:
        for response in (await gateway.client.get(path), await press(gateway, path, status="VERIFIED")):
            assert response.status_code == 404
            assert "There is no such verification" in response.text
    assert (await read_verification(gateway, id))["version"] == 1


@pytest.mark.parametrize("provider", ["external", None])
async def test_links_are_dead_while_the_workspace_has_another_provider_or_none(gateway: Gateway, database_uri: str, provider: str | None) -> None:
    id, path = await create_link(gateway)

    async with serving(database_uri, provider=provider) as changed:
        for response in (await changed.client.get(path), await press(changed, path, status="VERIFIED")):
            assert response.status_code == 404
            assert "There is no such verification" in response.text
    assert (await read_verification(gateway, id))["version"] == 1
    assert (await gateway.client.get(path)).status_code == 200


async def test_the_sandbox_has_no_page_for_a_verification_of_another_provider(gateway: Gateway, store: Store) -> None:
    id, path = await create_link(gateway)
    await store.collection.update_one({"_id": id}, {"$set": {"provider.name": "external"}})

    responses = [await press(gateway, path, **form) for form in ({"status": "VERIFIED"}, {"progress": "LINK_OPENED"})]

    assert [response.status_code for response in (await gateway.client.get(path), *responses)] == [404] * 3
    assert (await read_verification(gateway, id))["version"] == 1


INVALID_FORMS: list[tuple[dict[str, str | list[str]], str]] = [
    ({}, "not a button of this page"),
    ({"progress": "SLEPT"}, "not a button of this page"),
    ({"status": "EXPIRED"}, "not a button of this page"),
    ({"status": "PENDING"}, "status must be final"),
    ({"status": "FAILED"}, "needs at least one code for failed"),
    ({"status": "VERIFIED", "codes": "IDVV_2101"}, "must be empty for a verified verification"),
    ({"status": "INCONCLUSIVE", "codes": "IDVV_2101"}, "IDVV_2101, which does not go with inconclusive"),
    ({"status": "FAILED", "codes": "<script>"}, "a code is 1 to 64 of A-Z, 0-9 and _"),
    ({"status": "FAILED", "codes": ["IDVV_2101"] * 200}, "not a button of this page"),
]


async def test_an_invalid_form_changes_nothing_and_the_page_shows_the_reason(gateway: Gateway) -> None:
    id, path = await create_link(gateway)

    for form, reason in INVALID_FORMS:
        response = await press(gateway, path, **form)
        page = Page.of(response)
        assert response.status_code == 400
        assert page.all("p", role="alert")
        assert reason in page.text
        assert page.all("script") == []

    assert (await read_verification(gateway, id))["version"] == 1


async def test_a_request_without_a_form_is_refused(gateway: Gateway) -> None:
    _, path = await create_link(gateway)

    assert (await gateway.client.post(path, content=b"status=\xff\xfe")).status_code == 400
    assert (await gateway.client.post(path, files={"status": "VERIFIED"})).status_code == 400
    assert (await gateway.client.put(path)).status_code == 405


async def test_a_body_over_the_limit_is_refused(gateway: Gateway) -> None:
    id, path = await create_link(gateway)

    response = await gateway.client.post(path, content=b"codes=" + b"A" * 1_100_000)

    assert response.status_code == 413
    assert "the body is over" in response.text
    assert (await read_verification(gateway, id))["version"] == 1


async def test_without_its_database_the_page_says_to_try_again() -> None:
    app = application(settings_for_tests(UNREACHABLE, 8000, database_seconds=0.2))
    path = f"/sandbox/{ACME}/ver_1/{Sandbox('', [KEYS['signing_key'].encode()]).signature(ACME, 'ver_1')}"
    transport = httpx2.ASGITransport(app)

    async with app.router.lifespan_context(app), httpx2.AsyncClient(transport=transport, base_url="http://gateway.example") as client:
        for response in (await client.get(path), await client.post(path, data={"status": "VERIFIED"})):
            assert response.status_code == 503
            assert "try again" in response.text


async def test_an_unexpected_error_shows_only_its_request_id(gateway: Gateway, store: Store) -> None:
    _, path = await create_link(gateway)
    await store.database.command("collMod", store.collection.name, validator={"never": True})

    response = await press(gateway, path, status="FAILED", codes=["IDVV_2101"])

    assert response.status_code == 500
    assert response.headers["x-request-id"] in response.text
    assert "WriteError" not in response.text


async def test_for_an_unreadable_verification_the_page_shows_the_reason(gateway: Gateway, store: Store) -> None:
    id, path = await create_link(gateway)
    await store.collection.update_one({"_id": id}, {"$set": {"status": "suspended"}})

    for response in (await gateway.client.get(path), await press(gateway, path, status="FAILED", codes=["IDVV_2101"])):
        assert response.status_code == 409
        assert f"status of {id} can&#39;t be read by this release" in response.text


async def test_the_headers_forbid_scripts_and_hide_the_address(gateway: Gateway) -> None:
    _, path = await create_link(gateway)

    for response in (await gateway.client.get(path), await press(gateway, path, status="FAILED"), await gateway.client.get(f"{path}0")):
        policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["style-src"] == policy["img-src"] == "'self'"
        assert "script-src" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "same-origin"
        assert response.headers["cache-control"] == "no-store"


async def test_a_result_takes_the_way_of_a_webhook(gateway: Gateway, store: Store) -> None:
    id, path = await create_link(gateway)

    await press(gateway, path, status="VERIFIED")

    [entry] = await store.inbox.newest(ACME, list(WebhookState), 10)
    assert (entry.state, entry.verification_id, entry.provider_id, entry.sandbox) == (WebhookState.APPLIED, id, id, True)
    assert (await read_verification(gateway, id))["events"][-1]["actor"] == "PROVIDER"


async def test_nobody_without_the_key_can_send_a_webhook_of_the_sandbox(gateway: Gateway) -> None:
    id, path = await create_link(gateway)
    forger = Sandbox("", [b"another key"])
    link_signature = path.rsplit("/", 1)[1]

    content, headers = forger.webhook(id, Status.VERIFIED, [])
    answers = [
        await gateway.client.post(f"/webhooks/{ACME}", content=content, headers=each) for each in (headers, {SANDBOX_SIGNATURE: link_signature})
    ]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert (await read_verification(gateway, id))["version"] == 1


async def test_a_link_is_dead_a_day_after_the_verification_has_expired(gateway: Gateway, store: Store) -> None:
    id, path = await create_link(gateway)
    expired = utc_now() - timedelta(hours=23)
    await store.collection.update_one({"_id": id}, {"$set": {"expiresAt": expired}})
    before = await gateway.client.get(path)

    await store.collection.update_one({"_id": id}, {"$set": {"expiresAt": expired - timedelta(hours=2)}})

    assert before.status_code == 200
    assert [response.status_code for response in (await gateway.client.get(path), await press(gateway, path, status="VERIFIED"))] == [404, 404]
