"""Tests of a gateway whose provider is Yousign, over the GraphQL API, against a fake of Yousign."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from store.indexes import VERIFICATIONS
from tests.company import PERSON, Company
from tests.fakes.yousign import FakeYousign, Fault, fake_yousign, providers_file
from tests.serving import ACME, serving
from tests.wire import wired

CREATE = """
mutation($input: CreateVerificationInput!) {
  createVerification(input: $input) {
    ... on Verification { id status recommendedAction verificationUrl provider { name id } events { type actor } }
    ... on Refusal { code field message }
  }
}
"""
UPDATES = """
subscription($id: ID!) {
  verificationUpdated(id: $id, after: 0) { verification { recommendedAction verificationUrl provider { id } } events { type actor } }
}
"""
# A value of the setting `reconcile_seconds`: a verification is queried at each age from 1 to 119 seconds.
EVERY_SECOND = ",".join(map(str, range(1, 120)))
ACTIONS = "query($id: ID!) { verification(id: $id) { recommendedAction } verifications { edges { node { recommendedAction } } } }"
REQUIREMENTS = {
    "minAge": 18,
    "maxAge": 99,
    "prohibitedCountries": ["ru", "KP"],
    "documentType": "PASSPORT",
    "documentCountry": "DE",
    "residenceCountry": "fr",
    "locale": "DE",
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeYousign]:
    """A running fake of Yousign."""
    async with fake_yousign() as running:
        yield running


@pytest.fixture
async def company(fake: FakeYousign, tmp_path: Path, database_uri: str, mongo: MongoClient[dict[str, Any]]) -> AsyncIterator[Company]:
    """A company whose provider is the fake."""
    async with serving(database_uri, providers_file=providers_file(tmp_path, fake), provider=None) as gateway:
        yield Company(gateway, mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS], ACME)


async def create(company: Company, **changed: Any) -> dict[str, Any]:
    """Create a verification. Returns the verification or the refusal."""
    answer: dict[str, Any] = (await company.ask(CREATE, {"input": {**PERSON, **changed}}))["createVerification"]
    return answer


async def test_a_verification_is_created_with_requirements_and_retried(company: Company, fake: FakeYousign) -> None:
    created = await create(company, requirements=REQUIREMENTS, faceRecognition=True)
    await company.result(created["id"], "INCONCLUSIVE", "IDVV_1314")
    retried = await company.retry(created["id"])

    [first, second] = fake.bodies.values()
    assert created["provider"] == {"name": "yousign", "id": next(iter(fake.videos))}
    assert created["events"] == [{"type": "CREATED", "actor": "INTEGRATOR"}, {"type": "PROVIDER_STARTED", "actor": "PROVIDER"}]
    assert first["min_age"] == 18
    assert first["prohibited_countries"] == ["RU", "KP"]
    assert second == {**first, "previous_attempt_id": created["provider"]["id"], "redirection_url": second["redirection_url"]}
    opened = await company.gateway.client.post(urlsplit(retried["verificationUrl"]).path)
    assert opened.headers["location"] == list(fake.videos.values())[1]["verification_url"]


async def test_a_subscriber_gets_the_link_that_arrived_after_the_mutation(
    company: Company, fake: FakeYousign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifecycle.creation.WAIT_SECONDS", 0.05)
    fake.order("POST", Fault.AWAY)

    created = await create(company)
    read = await company.ask(ACTIONS, {"id": created["id"]})
    async with wired(company.gateway, company.token()) as wire:
        await wire.subscribe("1", UPDATES, {"id": created["id"]})
        updates = [(await wire.hear())["payload"]["data"]["verificationUpdated"]]
        while not updates[-1]["verification"]["verificationUrl"]:
            updates.append((await wire.hear())["payload"]["data"]["verificationUpdated"])
    shown = updates[-1]["verification"]
    opened = await company.gateway.client.post(urlsplit(shown["verificationUrl"]).path)

    [video] = fake.videos.values()
    assert (created["status"], created["verificationUrl"], created["provider"]) == ("PENDING", None, {"name": "yousign", "id": None})
    assert (opened.headers["location"], shown["provider"]) == (video["verification_url"], {"id": video["id"]})
    assert (created["recommendedAction"], shown["recommendedAction"]) == ("WAIT", "SHARE_VERIFICATION_URL")
    assert read == {"verification": {"recommendedAction": "WAIT"}, "verifications": {"edges": [{"node": {"recommendedAction": "WAIT"}}]}}
    assert [event["type"] for update in updates for event in update["events"]] == ["CREATED", "PROVIDER_STARTED"]


async def test_a_refusal_has_the_words_of_the_provider_and_its_replay_has_not(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    refused = await create(company, idempotencyKey="order-1", requirements={"minAge": 130})
    replayed = await create(company, idempotencyKey="order-1", requirements={"minAge": 130})
    other = await create(company, idempotencyKey="order-1")

    assert refused == {
        "code": "PROVIDER_REFUSED",
        "field": "requirements.minAge",
        "message": "min_age: This value should be less than or equal to 120.",
    }
    assert (replayed["code"], replayed["field"], "This value" in replayed["message"]) == ("PROVIDER_REFUSED", None, False)
    assert other["code"] == "IDEMPOTENCY_CONFLICT"
    [document] = company.kept()
    assert (document["status"], "reasons" in document and document["reasons"]) == ("inconclusive", [])


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"lastName": "李"}, "lastName"),
        ({"external": {"verificationUrl": "https://x.example"}}, "external"),
    ],
)
async def test_what_the_provider_cannot_use_is_refused_and_not_stored(
    company: Company, fake: FakeYousign, changed: dict[str, Any], field: str
) -> None:
    refused = await create(company, **changed)

    assert (refused["code"], refused["field"], company.kept(), fake.requests) == ("INVALID_INPUT", field, [], [])


async def test_a_workspace_that_the_file_does_not_name_has_no_provider(company: Company) -> None:
    stranger = Company(company.gateway, company.collection)

    assert (await create(stranger))["code"] == "PROVIDER_UNAVAILABLE"


async def test_secrets_appear_in_no_log_line_no_answer_and_no_metric(company: Company, fake: FakeYousign, caplog: pytest.LogCaptureFixture) -> None:
    key, secret = fake.api_key, fake.secret
    with caplog.at_level(logging.DEBUG, "lifecycle"):
        fake.order("POST", Fault.ERROR, Fault.BAD_BODY, Fault.LIMITED)
        answers = [await create(company), await create(company, requirements={"minAge": 130})]
        fake.api_key = "replaced-at-the-provider"
        waiting = asyncio.create_task(create(company))
        for _ in range(1500):
            if "can't be started" in caplog.text:
                break
            await asyncio.sleep(0.02)
        metrics = (await company.gateway.client.get("/metrics")).text
        answers.append(await waiting)

    assert "the API key is not accepted (status 401)" in caplog.text
    assert 'gateway_provider_requests_total{operation="create",outcome="denied",provider="yousign"} 1.0' in metrics
    assert [text for text in (key, secret, "replaced") for place in (caplog.text, str(answers), metrics) if text in place] == []


async def test_the_individual_goes_through_the_gateway_to_yousign_and_back(company: Company, fake: FakeYousign) -> None:
    created = await create(company, redirectionUrl="https://shop.example/welcome?order=1#done")
    [video], [body] = fake.videos.values(), fake.bodies.values()
    client = company.gateway.client

    opened = await client.post(urlsplit(created["verificationUrl"]).path)
    returned = await client.get(urlsplit(body["redirection_url"]).path)

    assert body["redirection_url"].startswith(f"{company.gateway.url}/r/")
    assert (opened.status_code, opened.headers["location"]) == (303, video["verification_url"])
    assert (returned.status_code, returned.headers["location"]) == (303, f"https://shop.example/welcome?order=1&verification={created['id']}#done")
    [document] = company.kept()
    assert document["redirectionUrl"] == "https://shop.example/welcome?order=1#done"
    assert [event["type"] for event in document["events"]] == ["created", "provider_started", "link_opened", "capture_completed"]


async def test_a_workspace_that_turns_observed_links_off_hands_out_the_links_of_yousign(
    fake: FakeYousign, tmp_path: Path, database_uri: str, mongo: MongoClient[dict[str, Any]]
) -> None:
    file = providers_file(tmp_path, fake, more="observe = false\n")
    async with serving(database_uri, providers_file=file, provider=None) as gateway:
        company = Company(gateway, mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS], ACME)
        created = await create(company)

    [video], [body] = fake.videos.values(), fake.bodies.values()
    assert created["verificationUrl"] == video["verification_url"]
    assert body["redirection_url"] == PERSON["redirectionUrl"]


async def test_a_result_whose_webhook_was_lost_is_read_from_yousign(
    fake: FakeYousign, tmp_path: Path, database_uri: str, mongo: MongoClient[dict[str, Any]]
) -> None:
    file = providers_file(tmp_path, fake)
    async with serving(database_uri, providers_file=file, provider=None, reconcile_seconds=EVERY_SECOND) as gateway:
        company = Company(gateway, mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS], ACME)
        created = await create(company)
        async with wired(gateway, company.token()) as wire:
            await wire.subscribe("1", UPDATES, {"id": created["id"]})
            events = (await wire.hear())["payload"]["data"]["verificationUpdated"]["events"]
            fake.decide(created["provider"]["id"], "failed", ["IDVV_2101"])
            events += (await wire.hear())["payload"]["data"]["verificationUpdated"]["events"]
        async with asyncio.timeout(30):
            # The query is counted only after its outcome has reached the subscriber. Wait for the count.
            while 'gateway_queries_total{outcome="result",provider="yousign"} 1.0' not in (await gateway.client.get("/metrics")).text:
                await asyncio.sleep(0.02)
        metrics = (await gateway.client.get("/metrics")).text

    assert events[2:] == [{"type": "STATUS_CHANGED", "actor": "PROVIDER"}]
    assert 'gateway_provider_requests_total{operation="read",outcome="done",provider="yousign"}' in metrics


async def test_a_link_that_was_opened_long_ago_still_leads_to_yousign_which_decides_whether_it_has_ended(company: Company) -> None:
    created = await create(company)
    path = urlsplit(created["verificationUrl"]).path
    await company.gateway.client.post(path)
    [document] = company.kept()
    company.collection.update_one({"_id": created["id"]}, {"$set": dict.fromkeys(("due", "linkExpiresAt", "expiresAt"), document["createdAt"])})

    assert (await company.gateway.client.get(path)).status_code == 200
    assert (await company.gateway.client.post(path)).status_code == 303
