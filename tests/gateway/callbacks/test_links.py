"""Observed links over HTTP: which requests record a step, where each link leads, and what a link does not reveal."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pymongo import MongoClient

from domain.event import EventType
from gateway.application import application
from lifecycle.observed_links import ObservedLinks
from store.indexes import VERIFICATIONS
from tests.commands import Commands
from tests.company import PERSON, Company
from tests.gateway.pages.browsing import Page
from tests.processes.forwarder import forwarding
from tests.serving import ACME, KEYS, Gateway, serving, settings_for_tests

UNREACHABLE = "mongodb://127.0.0.1:1/gateway?replicaSet=none"
NEXT_KEY = "the next key of the gateway, 0123456"
PROVIDERS_URL = "https://idcheck.example/s/1?lang=fr&x=a;b"
# Requests that no person has caused: the user agents of bots, which show a preview of a link in a chat or check it for malware, and the headers of
# browsers that load a page in advance.
BOTS = (
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "WhatsApp/2.23.20.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; SkypeUriPreview; +https://skype.example)",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) SafeLinks",
)
IN_ADVANCE = (
    {"sec-purpose": "prefetch"},
    {"sec-purpose": "prefetch;prerender"},
    {"sec-purpose": "prefetch;anonymous-client-ip"},
    {"purpose": "prefetch"},
    {"purpose": "Prefetch"},
    {"x-purpose": "preview"},
    {"x-moz": "prefetch"},
)


@pytest.fixture(scope="module")
async def shared_gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Gateway]:
    """A gateway whose provider is `external`. Its sweeper does not run during the tests, so that only requests apply deadlines."""
    async with serving(shared_database_uri, provider="external", sweep_seconds=100_000) as running:
        yield running


def links_of(gateway: Gateway, **changed: str) -> ObservedLinks:
    """The maker of the gateway's observed links. `signing_key`: the key that signs the links, instead of the gateway's own key."""
    return ObservedLinks(gateway.url, [changed.get("signing_key", KEYS["signing_key"])])


async def a_start(company: Company, **changed: Any) -> tuple[str, str]:
    """Create a verification. Returns its id and the path of the link that its individual receives."""
    created = await company.create(external={"verificationUrl": PROVIDERS_URL}, **changed)
    return created["id"], urlsplit(created["verificationUrl"]).path


async def a_return(company: Company, **changed: Any) -> tuple[str, str]:
    """Create a verification. Returns its id and the path of the link to which its provider sends the individual back."""
    id, _ = await a_start(company, **changed)
    return id, urlsplit(links_of(company.gateway).return_url(company.workspace, id)).path


def document_of(company: Company, id: str) -> dict[str, Any]:
    """The stored document of a verification."""
    [document] = [each for each in company.kept() if each["_id"] == id]
    return document


def steps_of(company: Company, id: str) -> list[str]:
    """The types of the events of a verification, in capital letters. The first event, the creation, is left out."""
    return [event["type"].upper() for event in document_of(company, id)["events"][1:]]


def change(company: Company, id: str, **changes: Any) -> None:
    """Change fields of a stored document directly in the database. `__` separates the names of nested fields."""
    company.collection.update_one({"_id": id}, {"$set": {name.replace("__", "."): value for name, value in changes.items()}})


async def test_showing_the_page_records_nothing_however_it_is_requested(company: Company) -> None:
    id, path = await a_start(company)
    before, client = document_of(company, id), company.gateway.client

    pages = [await client.get(path, headers={"user-agent": bot}) for bot in BOTS]
    pages += [await client.get(path, headers=headers) for headers in IN_ADVANCE]
    pages += [await client.get(path, headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}), await client.get(f"{path}?utm=mail")]
    head = await client.head(path)

    assert {page.status_code for page in (*pages, head)} == {200}
    assert all(Page.of(page).all("form", method="post") for page in pages)
    assert head.content == b""
    assert document_of(company, id) == before


async def test_the_button_records_the_opening_and_redirects_to_the_provider(company: Company) -> None:
    id, path = await a_start(company)

    response = await company.gateway.client.post(path, headers={"origin": company.gateway.url})

    assert (response.status_code, response.headers["location"]) == (303, PROVIDERS_URL)
    assert response.headers["referrer-policy"] == "no-referrer"
    assert steps_of(company, id) == ["LINK_OPENED"]
    assert document_of(company, id)["events"][1]["actor"] == "individual"


async def test_the_script_receives_the_address_of_the_provider_as_json(company: Company) -> None:
    id, path = await a_start(company)

    response = await company.gateway.client.post(path, headers={"accept": "application/json", "origin": company.gateway.url})

    assert (response.status_code, response.json()) == (200, {"location": PROVIDERS_URL})
    assert steps_of(company, id) == ["LINK_OPENED"]


async def test_opening_again_and_at_once_records_one_step(company: Company) -> None:
    id, path = await a_start(company)

    responses = await asyncio.gather(*(company.gateway.client.post(path) for _ in range(10)))
    responses.append(await company.gateway.client.post(path))

    assert {response.status_code for response in responses} == {303}
    assert steps_of(company, id) == ["LINK_OPENED"]


async def test_a_page_of_another_origin_can_not_send_the_form(company: Company) -> None:
    id, path = await a_start(company)

    for origin in ("https://evil.example", "null"):
        assert (await company.gateway.client.post(path, headers={"origin": origin})).status_code == 403

    assert steps_of(company, id) == []


async def test_the_page_hides_its_address_and_allows_only_what_it_needs(company: Company) -> None:
    _, path = await a_start(company)

    response = await company.gateway.client.get(path, headers={"accept-language": "de-CH, en;q=0.5"})

    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self' https://idcheck.example https:",
    }
    assert response.headers["referrer-policy"] == "same-origin"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-robots-tag"] == "noindex"
    assert (response.headers["content-language"], response.headers["vary"]) == ("de", "accept-language")
    assert Page.of(response).all("html", lang="de")
    assert "set-cookie" not in response.headers
    for name in ("person.css", "person.js", "icon.svg"):
        assert (await company.gateway.client.get(f"{path}/../../{name}")).status_code == 200


async def test_no_page_contains_personal_data_or_an_address_beyond_the_companys_origin(company: Company) -> None:
    id, path = await a_start(company, reference="order-1234", redirectionUrl="https://shop.example/customers/7")
    responses = [await company.gateway.client.get(path)]
    await company.close(id)
    responses.append(await company.gateway.client.get(path))

    for response in responses:
        text = f"{response.text}{response.headers}"
        assert [secret for secret in ("Jeanne", "Moreau", "order-1234", "customers", id, path, company.workspace) if secret in text] == []


async def test_a_token_is_valid_for_its_own_link_verification_and_workspace_only(company: Company, stranger: Company) -> None:
    (id, start), (other_id, back) = await a_start(company), await a_return(company)
    foreign_id, foreign = await a_start(stranger)
    links = links_of(company.gateway)
    urls = [
        start.replace("/v/", "/r/"),
        back.replace("/r/", "/v/"),
        start[:-22] + foreign[-22:],
        urlsplit(links.start_url(stranger.workspace, id)).path,
        urlsplit(links_of(company.gateway, signing_key="another key, of thirty-two letters").start_url(company.workspace, id)).path,
        urlsplit(links.start_url(company.workspace, f"ver_{'0' * 32}")).path,
        start[:-1],
        f"{start}A",
        f"{start}/",
        "/v/",
        "/v/%00",
        "/v/..%2f..%2fmetrics",
        "/r/acme",
    ]

    for url in urls:
        for response in (await company.gateway.client.get(url), await company.gateway.client.post(url)):
            assert response.status_code in (404, 405), url
    assert [steps_of(company, id), steps_of(company, other_id), steps_of(stranger, foreign_id)] == [[], [], []]


async def test_a_changed_character_of_a_token_is_answered_like_an_unknown_link(company: Company) -> None:
    id, path = await a_start(company)
    unknown = await company.gateway.client.get("/v/nothing")

    for at in range(len("/v/"), len(path)):
        changed = path[:at] + ("B" if path[at] != "B" else "C") + path[at + 1 :]
        response = await company.gateway.client.post(changed)
        assert (response.status_code, response.text) == (404, unknown.text), changed
    assert steps_of(company, id) == []


async def test_links_of_the_previous_key_still_work(database_uri: str, mongo: MongoClient[dict[str, Any]]) -> None:
    collection = mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS]
    async with serving(database_uri, provider="external") as gateway:
        company = Company(gateway, collection)
        id, path = await a_start(company)

    async with serving(database_uri, provider="external", signing_key=NEXT_KEY, previous_signing_key=KEYS["signing_key"]) as gateway:
        company = Company(gateway, collection, company.workspace)
        shown = (await company.ask("query($id: ID!) { verification(id: $id) { verificationUrl } }", {"id": id}))["verification"]["verificationUrl"]
        assert urlsplit(shown).path != path
        assert [(await gateway.client.post(each)).headers["location"] for each in (path, urlsplit(shown).path)] == [PROVIDERS_URL] * 2
        back = urlsplit(links_of(gateway).return_url(company.workspace, id)).path
        assert (await gateway.client.get(back)).status_code == 303
    assert steps_of(company, id) == ["LINK_OPENED", "CAPTURE_COMPLETED"]


@pytest.mark.parametrize(
    ("redirection_url", "location"),
    [
        ("https://shop.example", "https://shop.example?verification={id}"),
        ("https://shop.example/welcome?order=1", "https://shop.example/welcome?order=1&verification={id}"),
        ("https://shop.example/welcome?", "https://shop.example/welcome?verification={id}"),
        ("https://shop.example/#/done?x=1", "https://shop.example/?verification={id}#/done?x=1"),
        ("https://shop.example/?verification=old&a=1&verification", "https://shop.example/?a=1&verification={id}"),
        ("https://shop.example/a;b?c=d;e|f%20g+h", "https://shop.example/a;b?c=d;e|f%20g+h&verification={id}"),
        ("https://shop.example/é?ü=ß#ç", "https://shop.example/%C3%A9?%C3%BC=%C3%9F&verification={id}#%C3%A7"),
        ("HTTP://localhost:3000/", "HTTP://localhost:3000/?verification={id}"),
    ],
)
async def test_the_way_back_leads_to_the_redirection_url_with_the_id_in_its_query(company: Company, redirection_url: str, location: str) -> None:
    id, path = await a_return(company, redirectionUrl=redirection_url)

    response = await company.gateway.client.get(path)

    assert (response.status_code, response.headers["location"]) == (303, location.format(id=id))
    assert response.headers["referrer-policy"] == "no-referrer"
    assert steps_of(company, id) == ["CAPTURE_COMPLETED"]


async def test_coming_back_again_redirects_again_and_records_one_step(company: Company) -> None:
    id, path = await a_return(company)

    responses = await asyncio.gather(*(company.gateway.client.get(path) for _ in range(5)))
    responses.append(await company.gateway.client.get(path))

    assert {response.headers["location"] for response in responses} == {f"{PERSON['redirectionUrl']}?verification={id}"}
    assert steps_of(company, id) == ["CAPTURE_COMPLETED"]


async def test_a_request_that_nobody_has_caused_does_not_record_the_way_back(company: Company) -> None:
    id, path = await a_return(company)
    client = company.gateway.client

    head = await client.head(path)
    in_advance = [await client.get(path, headers=headers) for headers in IN_ADVANCE]
    posted = await client.post(path)

    assert (head.status_code, urlsplit(head.headers["location"]).netloc) == (303, "shop.example")
    # A browser may send a request before the person opens the link, and keep the response. With a redirect, it would send no further request when the
    # person opens the link, and the step would not be recorded. So the response has status 503, with which browsers do not keep it.
    assert {(response.status_code, response.headers.get("location")) for response in in_advance} == {(503, None)}
    assert posted.status_code == 405
    assert steps_of(company, id) == []


@pytest.mark.parametrize(
    "attack",
    [
        "?verification=https://evil.example",
        "?url=https://evil.example&redirectionUrl=//evil.example",
        "?next=//evil.example#https://evil.example",
    ],
)
async def test_no_part_of_a_request_decides_where_a_link_leads(company: Company, attack: str) -> None:
    (_, start), (back_id, back) = await a_start(company), await a_return(company)
    forged = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example", "referer": "https://evil.example/"}

    opened = await company.gateway.client.post(start + attack, headers=forged)
    page = await company.gateway.client.get(start + attack, headers=forged)
    returned = await company.gateway.client.get(back + attack, headers=forged)

    assert opened.headers["location"] == PROVIDERS_URL
    assert parse_qs(urlsplit(returned.headers["location"]).query) == {"verification": [back_id]}
    assert [response for response in (opened, page, returned) if "evil" in f"{response.headers}{response.text}"] == []


async def test_a_final_or_anonymized_verification_has_a_page_that_leads_back_to_the_company(company: Company) -> None:
    id, path = await a_start(company)
    await company.result(id, "FAILED", "IDVV_2101")
    final = document_of(company, id)
    responses = [await company.gateway.client.get(path), await company.gateway.client.post(path)]
    assert document_of(company, id) == final
    await company.anonymize(id)
    responses += [await company.gateway.client.get(path), await company.gateway.client.post(path)]

    for response in responses:
        assert response.status_code == 410
        page = Page.of(response)
        assert "This link is no longer valid" in page.text
        assert [link["href"] for link in page.all("a")] == ["https://shop.example"]
        assert page.all("form") == page.all("script") == []
    assert steps_of(company, id) == ["STATUS_CHANGED", "ANONYMIZED"]


async def test_after_a_deadline_the_link_is_no_longer_valid_and_showing_that_records_nothing(company: Company) -> None:
    id, path = await a_start(company)
    created_at = document_of(company, id)["createdAt"]
    change(company, id, due=created_at - timedelta(days=1), expiresAt=created_at - timedelta(days=1))
    before = document_of(company, id)

    for response in (await company.gateway.client.get(path), await company.gateway.client.post(path)):
        assert response.status_code == 410
    assert document_of(company, id) == before


async def test_the_way_back_of_a_final_verification_redirects_and_records_nothing(company: Company) -> None:
    id, path = await a_return(company)
    await company.result(id, "VERIFIED")

    response = await company.gateway.client.get(path)

    assert response.headers["location"] == f"{PERSON['redirectionUrl']}?verification={id}"
    assert steps_of(company, id) == ["STATUS_CHANGED"]


async def test_without_its_path_the_redirection_url_leads_to_the_origin(database_uri: str, mongo: MongoClient[dict[str, Any]]) -> None:
    async with serving(database_uri, provider="external", anonymize_references=True) as gateway:
        company = Company(gateway, mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS])
        id, path = await a_return(company, redirectionUrl="https://shop.example:8443/customers/jeanne?mail=x")
        await company.result(id, "VERIFIED")
        await company.anonymize(id)

        response = await gateway.client.get(path)

    assert response.headers["location"] == f"https://shop.example:8443?verification={id}"


async def test_until_the_provider_has_answered_the_page_waits_and_records_nothing(company: Company) -> None:
    id, path = await a_start(company)
    company.collection.update_one({"_id": id}, {"$unset": {"provider.url": ""}})
    before = document_of(company, id)

    responses = [await company.gateway.client.get(path), await company.gateway.client.post(path)]

    for response in responses:
        assert response.status_code == 200
        assert "One moment, please" in response.text
        assert "form-action 'none'" in response.headers["content-security-policy"]
    assert document_of(company, id) == before
    change(company, id, provider__url=PROVIDERS_URL)
    assert (await company.gateway.client.post(path)).headers["location"] == PROVIDERS_URL


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", 7, ""])
async def test_a_stored_address_that_is_no_web_address_leads_nowhere(company: Company, url: Any) -> None:
    id, start = await a_start(company)
    change(company, id, provider__url=url)
    other_id, back = await a_return(company)
    change(company, other_id, redirectionUrl=url)

    for response in (await company.gateway.client.post(start), await company.gateway.client.get(start), await company.gateway.client.get(back)):
        assert response.status_code in (200, 410, 503)
        assert "location" not in response.headers
        assert "evil" not in response.text
        assert "alert" not in response.text


async def test_an_unreadable_verification_has_the_page_that_tries_again(company: Company) -> None:
    id, path = await a_start(company)
    change(company, id, status="suspended")

    for response in (await company.gateway.client.get(path), await company.gateway.client.post(path)):
        assert response.status_code == 503
        assert "Please try again in a moment" in response.text


async def test_without_mongodb_the_page_tries_again() -> None:
    app = application(settings_for_tests(UNREACHABLE, 8000, database_seconds=0.2))
    links = ObservedLinks("", [KEYS["signing_key"]])
    start, back = links.start_url(ACME, f"ver_{'0' * 32}"), links.return_url(ACME, f"ver_{'0' * 32}")

    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://gateway.example") as client,
    ):
        responses = [await client.get(start), await client.post(start), await client.get(back)]

    for response in responses:
        assert (response.status_code, response.headers["retry-after"]) == (503, "4")
        assert "Please try again in a moment" in response.text
        assert 'http-equiv="refresh"' in response.text
        assert "script-src 'self'" in response.headers["content-security-policy"]


@pytest.mark.parametrize("step", [EventType.LINK_OPENED, EventType.CAPTURE_COMPLETED])
async def test_a_step_that_mongodb_is_slow_to_record_does_not_hold_up_the_individual(
    database_uri: str, mongo: MongoClient[dict[str, Any]], step: EventType
) -> None:
    async with forwarding(database_uri, marker=step.value.encode()) as forwarder:
        await forwarder.open()
        # These time limits are longer than the client of the test waits. So it receives a response only if the link has a time limit of its own.
        async with serving(forwarder.uri, provider="external", database_seconds=60, request_seconds=600) as gateway:
            company = Company(gateway, mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS])
            if step is EventType.LINK_OPENED:
                id, path = await a_start(company)
                response = await gateway.client.post(path)
            else:
                id, path = await a_return(company)
                response = await gateway.client.get(path)

            assert forwarder.held.is_set()
            assert response.status_code == 303
            assert steps_of(company, id) == []
            forwarder.released.set()
            while steps_of(company, id) != [step.name]:
                await asyncio.sleep(0.02)


async def test_a_step_that_can_not_be_recorded_does_not_hold_up_the_individual_and_is_logged_without_the_token(
    database_uri: str, mongo: MongoClient[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(database_uri, provider="external") as gateway:
        company = Company(gateway, mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS])
        (id, start), (other_id, back) = await a_start(company), await a_return(company)
        company.collection.database.command("collMod", VERIFICATIONS, validator={"never": True})

        responses = [await gateway.client.post(start), await gateway.client.get(back)]
        metrics = (await gateway.client.get("/metrics")).text

    assert [response.status_code for response in responses] == [303, 303]
    assert [steps_of(company, id), steps_of(company, other_id)] == [[], []]
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("gateway")]
    assert lines.count("a step of an individual was not recorded (WriteError)") == 2
    logged = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records if not record.name.startswith("httpx2"))
    for token in (start, back):
        assert token.rpartition("/")[2][-44:] not in logged + metrics


async def test_links_that_were_handed_out_work_for_every_provider(gateway: Gateway, mongo: MongoClient[dict[str, Any]], database_uri: str) -> None:
    """A workspace may change its provider, or turn observed links off. The observed links of its verifications must still work.

    Here, an observed link belongs to a verification of the sandbox, whose own links are not observed.
    """
    company = Company(gateway, mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS])
    created = await company.create()
    assert urlsplit(created["verificationUrl"]).path.startswith("/sandbox/")

    opened = await gateway.client.post(urlsplit(links_of(gateway).start_url(company.workspace, created["id"])).path)

    assert opened.headers["location"] == created["verificationUrl"]
    assert steps_of(company, created["id"]) == ["LINK_OPENED"]
