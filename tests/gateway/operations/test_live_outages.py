"""Tests how subscriptions end while MongoDB does not respond: in a way after which clients connect again and resume."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from domain.caller import Scope
from tests.company import PERSON
from tests.processes.forwarder import Forwarder, forwarding
from tests.serving import Gateway, serving
from tests.streams import streaming
from tests.wire import wired

UPDATED = """
subscription($id: ID!, $cursor: String, $retries: Boolean! = false, $attempts: Boolean! = false) {
  verificationUpdated(id: $id, cursor: $cursor, followRetries: $retries) {
    cursor verification { version attempts @include(if: $attempts) { version } } events { version }
  }
}
"""
FEED = "subscription($after: String) { verificationsUpdated(after: $after) { cursor verification { id } } }"
CREATE = "mutation($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Node { id } } }"
PROGRESS = """
mutation($id: ID!) { reportProgress(input: { verificationId: $id, progress: LINK_OPENED }) { ... on Verification { version } } }
"""
FAIL = """
mutation($id: ID!) {
  reportResult(input: { verificationId: $id, status: FAILED, reasonCodes: ["IDVV_2101"] }) { ... on Verification { version } }
}
"""
RETRY = "mutation($id: ID!) { retryVerification(input: { verificationId: $id }) { ... on Node { id } } }"
READ = "query($id: ID!) { verification(id: $id) { id attempts { id } } }"
# Every subscription begins with a write that a majority must acknowledge, to a document whose id begins like this.
BARRIER = b"barrier-"
# Commands that read verifications contain this operator. The driver's heartbeats and an open change stream do not: the forwarder lets them pass.
READING = b"$in"
SUBSCRIPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "one verification": (UPDATED, {}),
    "a chain": (UPDATED, {"retries": True}),
    "the workspace": (FEED, {}),
}


@dataclass(frozen=True, slots=True)
class Faulty:
    """A gateway that reaches MongoDB through a forwarder, another gateway that reaches MongoDB directly, and the second attempt of a chain."""

    gateway: Gateway
    forwarder: Forwarder
    steady: Gateway
    id: str

    async def change(self) -> None:
        """Change the second attempt through the gateway that reaches MongoDB directly."""
        await self.steady.query(PROGRESS, {"id": self.id}, self.steady.token(Scope.REPORT))


@pytest.fixture
async def faulty(database_uri: str) -> AsyncIterator[Faulty]:
    """A gateway whose connection to MongoDB the test can disturb."""
    async with forwarding(database_uri) as forwarder, serving(database_uri) as steady:
        await forwarder.open()
        async with serving(forwarder.uri, database_seconds=1, request_seconds=5) as gateway:
            first = (await steady.query(CREATE, {"input": PERSON}))["createVerification"]["id"]
            await steady.query(FAIL, {"id": first}, steady.token(Scope.REPORT))
            second = (await steady.query(RETRY, {"id": first}))["retryVerification"]["id"]
            yield Faulty(gateway, forwarder, steady, second)
            forwarder.released.set()


@pytest.mark.parametrize("name", SUBSCRIPTIONS)
async def test_a_subscription_that_can_not_begin_closes_its_socket(faulty: Faulty, name: str) -> None:
    query, variables = SUBSCRIPTIONS[name]
    faulty.forwarder.marker = BARRIER

    async with wired(faulty.gateway, faulty.gateway.token()) as wire:
        await wire.subscribe("1", query, {"id": faulty.id, **variables})
        assert await wire.ended() == ([], 1013)


@pytest.mark.parametrize("name", SUBSCRIPTIONS)
async def test_an_event_stream_of_a_subscription_that_can_not_begin_ends_without_complete(faulty: Faulty, name: str) -> None:
    query, variables = SUBSCRIPTIONS[name]
    faulty.forwarder.marker = BARRIER

    async with streaming(faulty.gateway, faulty.gateway.token(), query, id=faulty.id, **variables) as stream:
        assert await stream.rest() == []


async def test_a_socket_whose_message_can_not_be_made_is_closed_and_the_client_resumes(faulty: Faulty) -> None:
    variables: dict[str, Any] = {"id": faulty.id, "attempts": True}
    async with wired(faulty.gateway, faulty.gateway.token()) as wire:
        await wire.subscribe("1", UPDATED, variables)
        first = (await wire.hear())["payload"]["data"]["verificationUpdated"]
        faulty.forwarder.marker = READING
        await faulty.change()
        assert await wire.ended() == ([], 1013)
    faulty.forwarder.released.set()

    async with wired(faulty.gateway, faulty.gateway.token()) as wire:
        await wire.subscribe("1", UPDATED, {**variables, "cursor": first["cursor"]})
        second = (await wire.hear())["payload"]["data"]["verificationUpdated"]

    assert second["verification"] == {"version": 2, "attempts": [{"version": 3}, {"version": 2}]}
    assert second["events"] == [{"version": 2}]


async def test_an_event_stream_whose_message_can_not_be_made_ends_and_the_client_resumes(faulty: Faulty) -> None:
    variables: dict[str, Any] = {"id": faulty.id, "attempts": True}
    async with streaming(faulty.gateway, faulty.gateway.token(), UPDATED, **variables) as stream:
        mark, _ = await stream.next()
        faulty.forwarder.marker = READING
        await faulty.change()
        assert await stream.rest() == []
    faulty.forwarder.released.set()

    async with streaming(faulty.gateway, faulty.gateway.token(), UPDATED, **variables, headers={"last-event-id": mark}) as stream:
        _, message = await stream.next()

    assert message["data"]["verificationUpdated"]["events"] == [{"version": 2}]


async def test_a_query_that_fails_ends_alone_and_its_socket_stays_open(faulty: Faulty) -> None:
    async with wired(faulty.gateway, faulty.gateway.token()) as wire:
        await wire.subscribe("1", UPDATED, {"id": faulty.id})
        await wire.hear()
        faulty.forwarder.marker = READING
        await wire.subscribe("2", READ, {"id": faulty.id})
        answer, end = await wire.hear(), await wire.hear()
        await faulty.change()
        update = await wire.hear()

    assert (answer["type"], answer["id"], answer["payload"]["errors"][0]["extensions"]["code"]) == ("next", "2", "UNAVAILABLE")
    assert end == {"type": "complete", "id": "2"}
    assert (update["id"], update["payload"]["data"]["verificationUpdated"]["events"]) == ("1", [{"version": 2}])
