"""When a process is ready, what it finds out about its dependencies, and how it repairs indexes."""

import asyncio
import logging
from datetime import timedelta
from time import monotonic
from typing import Any, cast

import httpx2
import pytest
from pymongo import MongoClient

from domain.caller import Scope
from gateway.process import background
from store.indexes import IDEMPOTENCY_KEY, VERIFICATIONS
from store.verifications import utc_now
from tests.clock import Clock
from tests.company import PERSON
from tests.processes.forwarder import forwarding
from tests.serving import Gateway, serving
from tests.wire import GENEROUS_SECONDS, wired

CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id } } }"


async def becomes(gateway: Gateway, status: int) -> httpx2.Response:
    """Request /readyz until it has this status. Returns the response."""
    until = monotonic() + GENEROUS_SECONDS
    while (response := await gateway.client.get("/readyz")).status_code != status:
        assert monotonic() < until, response.text
        await asyncio.sleep(0.05)
    return response


async def cause(gateway: Gateway, dependency: str) -> str | None:
    """The reason why a dependency does not work, from /healthz; None if the dependency works."""
    response = await gateway.client.get("/healthz")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()["dependencies"][dependency]
    assert found["ok"] is (found["cause"] is None)
    return cast("str | None", found["cause"])


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_process_whose_clock_differs_from_mongodb_does_not_become_ready(database_uri: str, hours: int) -> None:
    clock = Clock(utc_now() + timedelta(hours=hours))
    async with serving(database_uri, now=clock, ready=False) as gateway:
        until = monotonic() + GENEROUS_SECONDS
        while len(troubles := (await becomes(gateway, 503)).json()["troubles"]) > 1:
            assert monotonic() < until, troubles
        clock.now = utc_now()
        await becomes(gateway, 200)
        clock.now += timedelta(hours=hours)

        assert (await gateway.client.get("/readyz")).status_code == 200
        assert (await cause(gateway, "clock") or "").startswith("the clock differs from MongoDB's by ")

    assert troubles[0].startswith("the clock differs from MongoDB's by ")


@pytest.fixture
def checked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the indexes without long pauses, so that the tests are quick."""
    monkeypatch.setattr(background, "INDEX_CHECK_SECONDS", 0.05)


async def warned(gateway: Gateway, warnings: list[str]) -> httpx2.Response:
    """Request /readyz until it has these warnings. Returns the response."""
    until = monotonic() + GENEROUS_SECONDS
    while (response := await gateway.client.get("/readyz")).json()["warnings"] != warnings:
        assert monotonic() < until, response.text
        await asyncio.sleep(0.05)
    return response


def missing_indexes(metrics: httpx2.Response) -> float:
    """The number of missing indexes in the metrics."""
    [line] = [line for line in metrics.text.splitlines() if line.startswith("gateway_missing_indexes ")]
    return float(line.partition(" ")[2])


@pytest.mark.usefixtures("checked_often")
async def test_indexes_that_are_dropped_while_the_process_runs_are_built_again(
    database_uri: str, mongo: MongoClient[dict[str, Any]], database_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    collection = mongo[database_name][VERIFICATIONS]
    async with serving(database_uri) as gateway:
        await becomes(gateway, 200)
        before = collection.index_information()
        caplog.clear()
        collection.drop_indexes()
        until = monotonic() + GENEROUS_SECONDS
        while collection.index_information() != before:
            assert monotonic() < until
            await asyncio.sleep(0.05)

        await warned(gateway, [])
        assert missing_indexes(await gateway.client.get("/metrics")) == 0

    assert any("indexes are missing" in message and IDEMPOTENCY_KEY in message for message in caplog.messages)


@pytest.mark.usefixtures("checked_often")
async def test_with_duplicates_a_process_starts_and_creates_nothing_with_a_key(
    database_uri: str, mongo: MongoClient[dict[str, Any]], database_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    collection = mongo[database_name][VERIFICATIONS]
    input = PERSON | {"idempotencyKey": "anna@example.com"}
    async with serving(database_uri) as gateway:
        id = (await gateway.query(CREATE, {"input": input}))["createVerification"]["id"]
    collection.drop_index(IDEMPOTENCY_KEY)
    stored = collection.find_one({"_id": id})
    assert stored
    collection.insert_one(stored | {"_id": f"{id}x", "provider": {"name": "sandbox", "id": "another"}})

    async with serving(database_uri) as gateway:
        ready = await becomes(gateway, 200)
        await warned(gateway, [f"the index {VERIFICATIONS}.{IDEMPOTENCY_KEY} is missing"])
        missing = missing_indexes(await gateway.client.get("/metrics"))
        responses = await asyncio.gather(*(gateway.post(CREATE, {"input": input}, gateway.token(*Scope)) for _ in range(10)))
        without_key = await gateway.query(CREATE, {"input": PERSON})
        found = await gateway.query("{ verifications { totalCount } }")

    assert ready.json()["troubles"] == []
    assert missing == 1
    assert {error["extensions"]["code"] for response in responses for error in response.json()["errors"]} == {"UNAVAILABLE"}
    assert without_key["createVerification"]["id"]
    assert found["verifications"]["totalCount"] == 3
    assert f"{id} = {id}x" in caplog.text
    assert "anna@example.com" not in caplog.text


async def create_together(gateways: list[Gateway], key: str) -> set[str]:
    """Send creations with one idempotency key to all gateways at the same time, until none is refused. Returns the ids of the verifications."""
    ids: set[str] = set()
    until = monotonic() + GENEROUS_SECONDS
    while True:
        sending = (each.post(CREATE, {"input": PERSON | {"idempotencyKey": key}}, each.token(*Scope)) for each in gateways * 3)
        responses = [response.json() for response in await asyncio.gather(*sending)]
        ids |= {response["data"]["createVerification"]["id"] for response in responses if "errors" not in response}
        refused = [error["extensions"]["code"] for response in responses for error in response.get("errors", [])]
        if not refused:
            return ids
        assert {*refused} == {"UNAVAILABLE"}
        assert monotonic() < until
        await asyncio.sleep(0.01)


async def test_a_collection_dropped_under_running_processes_gets_its_indexes_before_a_key_is_used(
    database_uri: str, mongo: MongoClient[dict[str, Any]], database_name: str
) -> None:
    collection = mongo[database_name][VERIFICATIONS]
    async with serving(database_uri) as one, serving(database_uri) as other:
        for number in range(3):
            await create_together([one, other], f"before-{number}")
            collection.drop()
            [id] = await create_together([one, other], "after")
            assert [stored["_id"] for stored in collection.find({"idempotency.key": "after"})] == [id]


async def test_without_mongodb_operations_are_unavailable_and_its_address_stays_secret(database_uri: str, caplog: pytest.LogCaptureFixture) -> None:
    read = "verification(id: $id) { id }"
    operations = {
        f"query($id: ID!) {{ {read} }}",
        f"query($id: ID!) {{ node(id: $id) {{ id }} again: {read} }}",
        "query { verifications { edges { node { id } } totalCount } }",
        "query { verificationStats { total } }",
        CREATE,
        "mutation($id: ID!) { reportResult(input: { verificationId: $id, status: VERIFIED }) { __typename } }",
        "mutation($id: ID!) { retryVerification(input: { verificationId: $id }) { __typename } }",
        "mutation($id: ID!) { issueFollowToken(verificationId: $id) { __typename } }",
    }
    async with forwarding(database_uri) as way:
        await way.open()
        async with serving(way.uri, database_seconds=1, request_seconds=5, count_seconds=3) as gateway:
            token = gateway.token(*Scope)
            id = (await gateway.query(CREATE, {"input": PERSON}))["createVerification"]["id"]

            await way.close()
            without = await gateway.client.get("/healthz")
            ready = await gateway.client.get("/readyz")
            alive = await gateway.client.get("/livez")
            me = await gateway.query('{ me { subject } reasonCode(code: "IDVV_1101") { code } }')
            responses = await asyncio.gather(*(gateway.post(query, {"id": id, "input": PERSON}, token) for query in operations))
            async with wired(gateway, token) as wire:
                await wire.subscribe("1", "subscription($id: ID!) { verificationUpdated(id: $id) { __typename } }", {"id": id})
                closed = await wire.closed(), wire.connection.close_reason
            closing_at = monotonic()
        closing_seconds = monotonic() - closing_at

    # When the driver is closed, it ends its sessions on the server. Without the gateway's time limit, the driver would look for the unreachable
    # server for half a minute.
    assert closing_seconds < 20
    port = way.uri.rpartition("127.0.0.1:")[2][:5]
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "troubles": [], "warnings": []})
    assert (without.json()["started"], without.json()["dependencies"]["mongodb"]) == (True, {"ok": False, "cause": "MongoDB does not answer"})
    assert alive.is_success
    assert me == {"me": {"subject": "tester"}, "reasonCode": {"code": "IDVV_1101"}}
    for response in responses:
        assert response.status_code == 200, (response.text, response.request.content[:120])
        assert {error["extensions"]["code"] for error in response.json()["errors"]} == {"UNAVAILABLE"}
    assert closed == (1013, "the database does not respond; connect again")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith(("gateway", "store")) and record.levelno > logging.DEBUG]
    for text in (without.text, repr(closed), *(response.text for response in responses), *lines):
        assert port not in text
        assert "127.0.0.1" not in text
        assert "pymongo" not in text
