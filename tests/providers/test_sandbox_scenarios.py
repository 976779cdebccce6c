"""Tests of the sandbox's scenarios over the API: the outcomes that automated tests choose, and the faults of their delivery."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from providers import scenario
from store.indexes import INBOX
from tests.gateway.callbacks.links import create_link, press, read_verification
from tests.serving import Gateway, serving
from tests.storing import GENEROUS_SECONDS, until


@pytest.fixture
async def quick(database_uri: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    """A gateway whose sandbox sends its webhooks at once."""
    monkeypatch.setattr(scenario, "DELAY_SECONDS", 0.0)
    async with serving(database_uri) as gateway:
        yield gateway


async def concluded(gateway: Gateway, id: str, events: int = 2) -> dict[str, Any]:
    """The verification, as soon as it has this number of events and an outcome."""
    async with asyncio.timeout(GENEROUS_SECONDS):
        while (found := await read_verification(gateway, id))["status"] == "PENDING" or len(found["events"]) < events:
            await asyncio.sleep(0.02)
    return found


@pytest.mark.parametrize(
    ("name", "status", "codes"),
    [
        ("sandbox:verified", "VERIFIED", []),
        ("sandbox:IDVV_2301", "FAILED", ["IDVV_2301"]),
        ("sandbox:inconclusive:IDVV_1201", "INCONCLUSIVE", ["IDVV_1201"]),
        ("sandbox:verified+duplicated", "VERIFIED", []),
        ("sandbox:verified+early", "VERIFIED", []),
    ],
)
async def test_the_first_name_chooses_the_outcome(quick: Gateway, name: str, status: str, codes: list[str]) -> None:
    id, _ = await create_link(quick, firstName=name)

    found = await concluded(quick, id)

    assert (found["status"], [reason["code"] for reason in found["reasons"]]) == (status, codes)
    assert len(found["events"]) == 2
    assert (found["extractedDocument"] is not None) is (status == "VERIFIED")


async def test_an_early_webhook_is_recorded_before_its_verification_is_stored(
    quick: Gateway, database_uri: str, mongo: MongoClient[dict[str, Any]]
) -> None:
    id, _ = await create_link(quick, firstName="sandbox:verified+early")

    await concluded(quick, id)

    inbox = mongo[urlsplit(database_uri).path[1:]][INBOX]
    # The state of the entry is written after the outcome of the verification. Wait for it.
    await until(lambda: inbox.find_one({"state": "applied"}) is not None)
    [entry] = inbox.find()
    assert entry["verificationId"] == id
    assert entry["tries"] > 1


async def test_a_contradicting_webhook_that_follows_is_ignored(quick: Gateway) -> None:
    id, _ = await create_link(quick, firstName="sandbox:verified+reordered")

    found = await concluded(quick, id, events=3)

    assert found["status"] == "VERIFIED"
    assert [event["type"] for event in found["events"]] == ["CREATED", "STATUS_CHANGED", "RESULT_IGNORED"]


@pytest.mark.parametrize("name", ["sandbox:verified+lost", "sandbox:verified+late"])
async def test_a_lost_or_late_webhook_leaves_the_verification_pending(quick: Gateway, name: str) -> None:
    lost, _ = await create_link(quick, firstName=name)
    other, path = await create_link(quick, firstName="sandbox:verified")

    await concluded(quick, other)

    assert (await read_verification(quick, lost))["status"] == "PENDING"
    assert (await press(quick, path, status="FAILED", codes="IDVV_2101")).status_code == 303


async def test_a_misspelled_scenario_creates_nothing(quick: Gateway) -> None:
    query = "mutation ($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Refusal { code field } } }"
    input = {"firstName": "sandbox:verfied", "lastName": "Moreau", "redirectionUrl": "https://shop.example"}

    assert (await quick.query(query, {"input": input}))["createVerification"] == {"code": "INVALID_INPUT", "field": "firstName"}
