"""Scenarios of providers, their webhooks, and the webhooks to backends. Where an alert needs hours, the times in the database are moved back."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

from store.indexes import DELIVERIES, INBOX, PROVIDER_QUERIES, UNFINISHED_STARTS, VERIFICATIONS
from tests.alerts.prometheus import Labels
from tests.alerts.scenario import scenario
from tests.alerts.stage import CREATE, PERSON, Stage, repeated
from tests.fakes.receiver import ACCEPTED, REFUSED
from tests.fakes.yousign import Fault
from tests.serving import ACME

STATUS = "query($id: ID!) { answer: verification(id: $id) { status } }"
CLOSE = "mutation($input: CloseVerificationInput!) { answer: closeVerification(input: $input) { __typename } }"
PROGRESS = "mutation($input: ReportProgressInput!) { answer: reportProgress(input: $input) { __typename } }"
MANY = 10_000
LOST, FORGED = 12, 15
POLL_SECONDS = 0.5


@scenario("ProviderDeniesKey", fault="the provider does not accept the API key", remedy="step 1: the key is corrected; SIGHUP")
async def denied(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Write a wrong API key into the providers file, and create a verification. Then correct the key."""
    gateway = stage.gateways["provided"]
    await reload(stage, "a-wrong-key")
    created = await gateway.execute(CREATE, input=PERSON)
    yield {"provider": "yousign"}
    await reload(stage)
    await until_started(stage, created["id"])


@scenario("CreationsWait", fault="the provider answers 503; `since` is ten minutes ago", remedy="step 3: the provider is back")
async def away(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Let the provider answer 503 to the start of a verification, and set the beginning of this start to ten minutes ago. Then end the fault."""
    stage.fake.order("POST", *[Fault.AWAY] * MANY)
    created = await stage.gateways["provided"].execute(CREATE, input=PERSON)
    await back(stage, UNFINISHED_STARTS, "since", timedelta(minutes=10))
    yield {}
    stage.fake.faults["POST"].clear()
    await until_started(stage, created["id"])


@scenario("WebhooksAreForged", fault="the provider signs with a new secret", remedy="step 1: the section has the new secret; SIGHUP")
async def forged(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Give the provider a new secret for webhooks, which the gateway does not have, and send webhooks. Then give the gateway the new secret."""
    provider_id = (await stage.gateways["provided"].created())[1]
    stage.fake.decide(provider_id, "verified")
    stage.fake.secret = "a-new-webhook-secret"
    assert await send(stage, provider_id) == 401
    await asyncio.sleep(5)  # Prometheus must read the counter once before it grows, or it sees no increase.
    for _ in range(FORGED):
        assert await send(stage, provider_id) == 401
    yield {"provider": "yousign"}
    await reload(stage)
    async with asyncio.timeout(60):
        while await send(stage, provider_id) != 200:
            await asyncio.sleep(POLL_SECONDS)


@scenario("WebhooksWait", fault="a webhook can't be applied; it arrived 20 minutes ago", remedy="step 2: `gateway inbox apply ID`")
async def unapplied(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Damage a verification, so that a webhook about it can't be applied and waits. Then restore the verification, and apply the webhook."""
    gateway, verifications = stage.gateways["provided"], stage.database("provided")[VERIFICATIONS]
    id, provider_id = await gateway.created()
    backup = await verifications.find_one_and_update({"_id": id}, {"$set": {"status": "damaged"}})
    assert backup
    stage.fake.decide(provider_id, "verified")
    assert await send(stage, provider_id) == 200
    await back(stage, INBOX, "receivedAt", timedelta(minutes=20), {"providerId": provider_id})
    yield {}
    await verifications.replace_one({"_id": id}, backup)
    entry = await stage.database("provided")[INBOX].find_one({"providerId": provider_id})
    assert entry
    status, output = await stage.command(gateway, "inbox", "apply", entry["_id"])
    assert status == 0, output
    await until_final(stage, id)


@scenario(
    "WebhooksAreLost", fault="the webhooks of twelve results are not sent", remedy="step 2: the provider sends them; the next one arrives by itself"
)
async def lost(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Let the provider decide without sending webhooks, so that the gateway finds the results by queries. Then send the webhooks."""
    gateway = stage.gateways["provided"]
    # Prometheus must read the counter once before it grows, or it sees no increase. The first result makes the counter appear.
    first = await gateway.created()
    stage.fake.decide(first[1], "verified")
    await until_final(stage, first[0])
    await asyncio.sleep(5)
    videos = [await gateway.created() for _ in range(LOST)]
    for _, provider_id in videos:
        stage.fake.decide(provider_id, "verified")
    yield {"provider": "yousign"}
    assert [await send(stage, provider_id) for _, provider_id in videos] == [200] * LOST
    id, provider_id = await gateway.created()
    stage.fake.decide(provider_id, "verified")
    assert await send(stage, provider_id) == 200
    await until_final(stage, id)


@scenario("QueriesWait", fault="a budget of one query an hour; queries have been due for two hours", remedy="step 3: a greater budget; SIGHUP")
async def unqueried(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Allow only one query an hour, and set the times of the planned queries to two hours ago. Then allow more queries."""
    gateway = stage.gateways["provided"]
    id, provider_id = await gateway.created()
    await reload(stage, reads_per_minute=1, reads_per_hour=1)
    await asyncio.sleep(5)
    await back(stage, PROVIDER_QUERIES, "at", timedelta(hours=2))
    yield {}
    stage.fake.decide(provider_id, "verified")
    await reload(stage)
    await until_final(stage, id)


@scenario("ProviderLostVerifications", fault="the provider deletes a verification", remedy="step 2: `closeVerification`")
async def gone(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Delete a verification at the provider, which then answers 404 to queries. Then close the verification."""
    gateway = stage.gateways["provided"]
    id, provider_id = await gateway.created()
    del stage.fake.videos[provider_id]
    yield {"provider": "yousign"}
    await gateway.execute(CLOSE, input={"verificationId": id})
    await until_final(stage, id)


@scenario(
    "BackendDoesNotAccept",
    fault="the backend answers 500; the event is an hour old",
    remedy="step 3: the backend works; `gateway deliveries resend ID`",
)
async def refusing(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Let the backend refuse an event, and set the beginning of its delivery to an hour ago. Then let it accept, and send the event again."""
    gateway = stage.gateways["provided"]
    stage.receiver.answer = lambda number, body: REFUSED
    id = (await gateway.created())[0]
    await until_waiting(stage, id)
    await back(stage, DELIVERIES, "since", timedelta(hours=1), {"_id": id})
    yield {}
    stage.receiver.answer = lambda number, body: ACCEPTED
    status, output = await stage.command(gateway, "deliveries", "resend", id)
    assert status == 0, output
    await until_received(stage, id)


@scenario("WebhooksGivenUp", fault="the backend answers 500 to nine tries", remedy="step 2: `gateway deliveries resend --failed-since TIME`")
async def given_up(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Let the backend refuse all tries of an event, so that the gateway gives the event up. Then let it accept, and send the event again."""
    gateway, deliveries = stage.gateways["provided"], stage.database("provided")[DELIVERIES]
    since = datetime.now(UTC)
    stage.receiver.answer = lambda number, body: REFUSED
    id = (await gateway.created())[0]

    async def hurry() -> None:
        """Set the time of the next try to now, so that the gateway does not wait for it."""
        past = datetime.now(UTC)
        await deliveries.update_many({"_id": id, "due": {"$gt": past}, "lease": {"$exists": False}}, {"$set": {"due": past, "next": past}})
        await asyncio.sleep(POLL_SECONDS)

    async with repeated(hurry):
        yield {}
    stage.receiver.answer = lambda number, body: ACCEPTED
    status, output = await stage.command(gateway, "deliveries", "resend", "--failed-since", f"{since:%Y-%m-%dT%H:%M:%S}")
    assert status == 0, output
    await until_received(stage, id)


@scenario("StuckVerifications", fault="no result for four days after the capture", remedy="step 2: `closeVerification`", seconds=240)
async def stuck(stage: Stage) -> AsyncGenerator[Labels, None]:
    """Store that the person completed the capture four days ago, without a result since. Then close the verification."""
    gateway, verifications = stage.gateways["trusting"], stage.database("trusting")[VERIFICATIONS]
    id = (await gateway.created())[0]
    await gateway.execute(PROGRESS, input={"verificationId": id, "progress": "CAPTURE_COMPLETED"})
    captured = datetime.now(UTC) - timedelta(days=4)
    assert (await verifications.update_one({"_id": id}, {"$set": {"captureCompletedAt": captured}})).matched_count
    yield {}
    await gateway.execute(CLOSE, input={"verificationId": id})


async def reload(stage: Stage, key: str | None = None, **budget: int) -> None:
    """Write the providers file, and let the gateway read it. `key`: a wrong API key; None: the right one. `budget`: limits for queries."""
    stage.sections(key, **budget)
    stage.gateways["provided"].process.send(signal.SIGHUP)


async def send(stage: Stage, provider_id: str) -> int:
    """Send the webhook about a verification. Returns the status of the answer."""
    content, headers = stage.fake.webhook(provider_id)
    response = await stage.client.post(f"{stage.gateways['provided'].url}/webhooks/{ACME}", content=content, headers=headers)
    return response.status_code


async def back(stage: Stage, collection: str, field: str, age: timedelta, condition: dict[str, str] | None = None) -> None:
    """Set a time in the documents of a collection to `age` ago. Waits until the collection has a document that meets the condition.
    `field`: the name of the field with the time. `condition`: a MongoDB filter for the documents; None: all documents.
    """
    documents = stage.database("provided")[collection]
    async with asyncio.timeout(60):
        while not (await documents.update_many(condition or {}, {"$set": {field: datetime.now(UTC) - age}})).matched_count:
            await asyncio.sleep(POLL_SECONDS)


async def until_started(stage: Stage, id: str) -> None:
    """Wait until a verification was started at the provider."""
    async with asyncio.timeout(120):
        while await stage.database("provided")[UNFINISHED_STARTS].find_one({"_id": id}):
            await asyncio.sleep(POLL_SECONDS)


async def until_final(stage: Stage, id: str) -> None:
    """Wait until a verification has an outcome."""
    async with asyncio.timeout(120):
        while (await stage.gateways["provided"].execute(STATUS, id=id))["status"] == "PENDING":
            await asyncio.sleep(POLL_SECONDS)


async def until_waiting(stage: Stage, id: str) -> None:
    """Wait until an event of a verification was sent once without success."""
    async with asyncio.timeout(60):
        while not await stage.database("provided")[DELIVERIES].find_one({"_id": id, "tries": {"$gt": 0}}):
            await asyncio.sleep(POLL_SECONDS)


async def until_received(stage: Stage, id: str) -> None:
    """Wait until the backend has accepted an event of a verification."""
    async with asyncio.timeout(60):
        while not stage.receiver.versions(id):
            await asyncio.sleep(POLL_SECONDS)


SCENARIOS = (denied, away, forged, unapplied, lost, unqueried, gone, refusing, given_up)
