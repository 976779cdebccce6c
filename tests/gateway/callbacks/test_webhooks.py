"""Tests of the endpoint for webhooks, over real HTTP, with a fake of Yousign as the provider."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from domain.caller import Scope
from gateway.callbacks import webhooks
from gateway.callbacks.webhooks import MAX_WEBHOOK_BYTES
from gateway.transports.http_connection import Patience
from providers.yousign import SIGNATURE_HEADER
from store.inbox import CLAIM
from store.indexes import INBOX
from tests.company import PERSON
from tests.fakes.yousign import FakeYousign, fake_yousign, providers_file
from tests.gateway.transports.test_http_connection import line
from tests.processes.forwarder import forwarding
from tests.serving import Gateway, serving
from tests.storing import GENEROUS_SECONDS

PATH = "/webhooks/acme"
CREATE = "mutation ($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id provider { id } } } }"
READ = "query ($id: ID!) { verification(id: $id) { status reasons { code } extractedDocument { fullName } events { type actor } } }"
UNMATCHED = "query ($first: Int) { unmatchedWebhooks(first: $first) { id receivedAt provider providerId status } }"
DOCUMENT = {"full_name": "Jeanne Moreau", "type": "passport"}


@dataclass(frozen=True, slots=True)
class Site:
    """A gateway that uses the fake of Yousign as the provider of the workspace `acme`, that fake, and the collection of the gateway's inbox."""

    gateway: Gateway
    fake: FakeYousign
    inbox: Collection[dict[str, Any]]

    async def created(self) -> tuple[str, str]:
        """Create a verification. Returns its id at the gateway, and its id at the fake."""
        verification = (await self.gateway.query(CREATE, {"input": PERSON}))["createVerification"]
        return verification["id"], verification["provider"]["id"]

    async def post(self, content: bytes, headers: dict[str, str], path: str = PATH) -> httpx2.Response:
        """Send a webhook with this body and these headers to the gateway. Returns the response."""
        return await self.gateway.client.post(path, content=content, headers=headers)

    async def read(self, id: str) -> dict[str, Any]:
        """Wait until the verification has an outcome. Returns the verification."""
        async with asyncio.timeout(GENEROUS_SECONDS):
            while True:
                verification: dict[str, Any] = (await self.gateway.query(READ, {"id": id}))["verification"]
                if verification["status"] != "PENDING":
                    return verification
                await asyncio.sleep(0.02)


@pytest.fixture
async def fake() -> AsyncIterator[FakeYousign]:
    """A running fake of Yousign."""
    async with fake_yousign() as running:
        yield running


@pytest.fixture
def inbox(database_uri: str, mongo: MongoClient[dict[str, Any]]) -> Collection[dict[str, Any]]:
    """The collection of the inbox, which the tests read without the gateway."""
    return mongo[urlsplit(database_uri).path[1:]][INBOX]


@pytest.fixture
async def site(fake: FakeYousign, tmp_path: Path, database_uri: str, inbox: Collection[dict[str, Any]]) -> AsyncIterator[Site]:
    """A gateway with two workspaces: `acme`, whose provider is the fake, and `external`, whose provider is `external`."""
    file = providers_file(tmp_path, fake, more='[external]\nprovider = "external"\n')
    async with serving(database_uri, providers_file=file, provider=None, patience=Patience(body_seconds=0.5)) as gateway:
        yield Site(gateway, fake, inbox)


async def test_fifty_copies_at_once_are_answered_and_leave_one_event(site: Site) -> None:
    id, provider_id = await site.created()
    site.fake.decide(provider_id, "verified", document=DOCUMENT)
    webhook = site.fake.webhook(provider_id, event_id="event-1")

    answers = await asyncio.gather(*(site.post(*webhook) for _ in range(50)))

    assert [answer.status_code for answer in answers] == [200] * 50
    verification = await site.read(id)
    assert (verification["status"], verification["extractedDocument"]) == ("VERIFIED", {"fullName": "Jeanne Moreau"})
    assert [event["type"] for event in verification["events"]] == ["CREATED", "PROVIDER_STARTED", "STATUS_CHANGED"]
    assert [entry["_id"] for entry in site.inbox.find()] == ["acme/event-1"]


async def test_one_changed_byte_is_refused_and_nothing_is_written(site: Site) -> None:
    _, provider_id = await site.created()
    site.fake.decide(provider_id, "verified")
    content, headers = site.fake.webhook(provider_id)

    forged = [(content[:-1] + b" ", headers), (content, {**headers, SIGNATURE_HEADER: "sha256=" + "0" * 64}), (content, {})]
    answers = [await site.post(*webhook) for webhook in forged]

    assert [answer.status_code for answer in answers] == [401] * 3
    assert {answer.text for answer in answers} == {"the signature is missing or wrong\n"}
    assert list(site.inbox.find()) == []


@pytest.mark.parametrize("workspace", ["external", "unknown", "%2e%2e", "%C3%A9%00"])
async def test_a_workspace_without_webhooks_is_not_found(site: Site, workspace: str) -> None:
    _, provider_id = await site.created()

    answer = await site.post(*site.fake.webhook(provider_id), path=f"/webhooks/{workspace}")

    assert (answer.status_code, answer.text) == (404, "no webhooks are expected here\n")
    assert list(site.inbox.find()) == []


async def test_other_methods_and_pages_of_other_origins_are_refused(site: Site) -> None:
    _, provider_id = await site.created()
    content, headers = site.fake.webhook(provider_id)

    assert (await site.gateway.client.get(PATH)).status_code == 405
    assert (await site.post(content, {**headers, "origin": "https://evil.example"})).status_code == 403
    assert list(site.inbox.find()) == []


async def test_a_body_of_64_kib_is_received_and_a_longer_one_is_refused(site: Site) -> None:
    id, provider_id = await site.created()
    site.fake.decide(provider_id, "failed", ["IDVV_2101"])
    content, _ = site.fake.webhook(provider_id)
    longest = content + b" " * (MAX_WEBHOOK_BYTES - len(content))

    async def chunks(text: bytes) -> AsyncIterator[bytes]:
        yield text[:1000]
        yield text[1000:]

    too_long = longest + b" "
    refused = [
        await site.post(too_long, site.fake.signed(too_long)),
        await site.gateway.client.post(PATH, content=chunks(too_long), headers=site.fake.signed(too_long)),
    ]
    entries = list(site.inbox.find())
    received = await site.post(longest, site.fake.signed(longest))

    assert [answer.status_code for answer in refused] == [413, 413]
    assert entries == []
    assert received.status_code == 200
    assert (await site.read(id))["status"] == "FAILED"


async def test_a_body_that_arrives_too_slowly_is_refused(site: Site) -> None:
    async with line(site.gateway) as connection:
        await connection.say(f"POST {PATH} HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000\r\n\r\n".encode(), b"{")
        status, _, _ = await connection.hear()

    assert status == 408
    assert list(site.inbox.find()) == []


async def test_too_many_webhooks_at_once_are_sent_again_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    id, provider_id = await site.created()
    site.fake.decide(provider_id, "verified")
    monkeypatch.setattr(webhooks, "MAX_OPEN_WEBHOOKS", 1)

    async with line(site.gateway) as connection:
        await connection.say(f"POST {PATH} HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000\r\n\r\n".encode(), b"{")
        while (answer := await site.post(*site.fake.webhook(provider_id))).status_code == 200:
            await asyncio.sleep(0.01)

    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    while (await site.post(*site.fake.webhook(provider_id))).status_code == 503:
        await asyncio.sleep(0.01)
    assert (await site.read(id))["status"] == "VERIFIED"


async def test_a_body_that_is_not_json_but_signed_is_kept_as_ignored(site: Site) -> None:
    for content in (b"", b"[]", b"\xff\xfe", b'{"event_name": {"$gt": 1}, "data": []}'):
        assert (await site.post(content, site.fake.signed(content))).status_code == 200

    assert [entry["state"] for entry in site.inbox.find()] == ["ignored"] * 4


async def test_an_unmatched_webhook_is_shown_to_readers_of_its_workspace(site: Site) -> None:
    _, provider_id = await site.created()
    site.fake.decide(provider_id, "failed", ["IDVV_2101"])
    site.inbox.database["verifications"].update_many({}, {"$set": {"provider.id": "another"}})
    await site.post(*site.fake.webhook(provider_id, event_id="event-1"))
    query = {"state": "waiting", "next": {"$exists": True}}
    [entry] = site.inbox.find(query)
    site.inbox.update_one({"_id": "acme/event-1"}, {"$set": {"receivedAt": entry["receivedAt"] - 20 * CLAIM, "next": entry["receivedAt"]}})

    async with asyncio.timeout(GENEROUS_SECONDS):
        while not (found := (await site.gateway.query(UNMATCHED))["unmatchedWebhooks"]):
            await asyncio.sleep(0.02)

    [shown] = found
    assert shown.pop("receivedAt")
    assert shown == {"id": "acme/event-1", "provider": "yousign", "providerId": provider_id, "status": "FAILED"}
    assert (await site.gateway.query(UNMATCHED, token=site.gateway.token(workspace="other")))["unmatchedWebhooks"] == []
    assert (await site.gateway.query(UNMATCHED, {"first": None}))["unmatchedWebhooks"]
    for first in (0, 101, -1):
        [error] = (await site.gateway.post(UNMATCHED, {"first": first})).json()["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
    for scope in (Scope.WRITE, Scope.REPORT, Scope.SENSITIVE):
        [error] = (await site.gateway.post(UNMATCHED, token=site.gateway.token(scope))).json()["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"


async def test_webhooks_and_the_inbox_are_measured(site: Site) -> None:
    id, provider_id = await site.created()
    site.fake.decide(provider_id, "failed")
    await site.post(*site.fake.webhook(provider_id, event_id="event-1"))
    await site.post(b"{}", {})
    await site.read(id)

    metrics = (await site.gateway.client.get("/metrics")).text

    for name in (
        '{outcome="received",provider="yousign"} 1.0',
        '{outcome="forged",provider="yousign"} 1.0',
        '{outcome="applied",provider="yousign"} 1.0',
    ):
        assert f"gateway_webhooks_total{name}" in metrics
    assert "gateway_unusual_results_total 1.0" in metrics
    assert "gateway_oldest_webhook_seconds" in metrics
    assert site.fake.secret not in metrics


async def test_while_mongodb_cant_be_written_the_provider_sends_again_later(
    fake: FakeYousign, tmp_path: Path, database_uri: str, inbox: Collection[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with forwarding(database_uri) as forwarder:
        await forwarder.open()
        file = providers_file(tmp_path, fake)
        async with serving(forwarder.uri, providers_file=file, provider=None, database_seconds=1, request_seconds=5) as gateway:
            site = Site(gateway, fake, inbox)
            id, provider_id = await site.created()
            fake.decide(provider_id, "verified")
            webhook = fake.webhook(provider_id)
            forwarder.marker = b"eventId"
            first = await site.post(*webhook)
            pending = (await gateway.query(READ, {"id": id}))["verification"]["status"]
            forwarder.marker = b"never sent"
            forwarder.released.set()

            again = await site.post(*webhook)

            assert (first.status_code, pending, again.status_code) == (503, "PENDING", 200)
            assert first.headers["retry-after"]
            await end_lease(inbox)
            assert (await site.read(id))["status"] == "VERIFIED"
    assert inbox.count_documents({}) == 1
    assert json.dumps(caplog.messages).count(fake.secret) == 0


async def end_lease(inbox: Collection[dict[str, Any]]) -> None:
    """End the lease of the stored webhook now, so that the test need not wait until a sweep may apply it.

    The test has sent the webhook twice, and neither request applies it. The first one was answered with 503 before MongoDB had stored the webhook.
    The second one found the webhook in the inbox, so nothing was left to do for it. The lease that the first request has stored still holds.
    """
    inbox.update_many({"state": "waiting"}, {"$min": {"next": inbox.find_one({})["receivedAt"]}})  # type: ignore[index]
