"""Tests `webhookDeliveries` and `resendWebhooks` over the API."""

from datetime import UTC, datetime
from typing import Any

from domain.caller import Scope
from store.queues.deliveries import NewEvents, StoredDeliveries
from store.verifications import Store
from tests.company import Company
from tests.storing import storing

DELIVERIES = """query ($state: [DeliveryState!], $first: Int, $id: ID) { webhookDeliveries(state: $state, first: $first, verificationId: $id) {
    verification { id status } state deliveredVersion tries nextTryAt lastStatus lastError } }"""
RESEND = """mutation ($id: ID!, $version: Int) { resendWebhooks(verificationId: $id, fromVersion: $version) {
    ... on Verification { id } ... on Refusal { code field } } }"""


async def answer(company: Company, query: str, scope: Scope = Scope.READ, **variables: Any) -> Any:
    """Send an operation with a token that has this scope. Returns the value of the operation's root field, or the code of the error."""
    token = company.gateway.token(scope, workspace=company.workspace)
    response = (await company.gateway.post(query, variables, token)).json()
    return response["errors"][0]["extensions"]["code"] if "errors" in response else next(iter(response["data"].values()))


async def waiting(store: Store, company: Company, *ids: str) -> None:
    """Record that the first event of each of these verifications must be delivered."""
    for id in ids:
        await StoredDeliveries(store).record(company.workspace, [NewEvents(id, 1, 0, datetime.now(UTC))])


async def test_deliveries_are_listed_by_state(company: Company, stranger: Company, shared_database_uri: str) -> None:
    ids = [await company.created() for _ in range(2)]
    async with storing(shared_database_uri, lambda: datetime.now(UTC)) as store:
        await waiting(store, company, *ids, "ver_removed")

    found = await answer(company, DELIVERIES)

    assert {row["verification"]["id"] for row in found} == set(ids)
    assert {(row["state"], row["deliveredVersion"], row["tries"], row["lastStatus"], row["lastError"]) for row in found} == {
        ("WAITING", 0, 0, None, None)
    }
    assert all(row["nextTryAt"] for row in found)
    assert await answer(company, DELIVERIES, state=["FAILED", "DELIVERED"]) == []
    assert await answer(company, DELIVERIES, state=[]) == []
    assert await answer(stranger, DELIVERIES) == []
    assert await answer(company, DELIVERIES, first=101) == "BAD_USER_INPUT"
    assert await answer(company, DELIVERIES, Scope.REPORT) == "FORBIDDEN"


async def test_the_delivery_of_one_verification_is_listed(company: Company, stranger: Company, shared_database_uri: str) -> None:
    id, other, without = [await company.created() for _ in range(3)]
    async with storing(shared_database_uri, lambda: datetime.now(UTC)) as store:
        await waiting(store, company, id, other, "ver_removed")

    assert [row["verification"]["id"] for row in await answer(company, DELIVERIES, id=id)] == [id]
    assert await answer(company, DELIVERIES, id=id, state=["FAILED"]) == []
    assert await answer(company, DELIVERIES, id=without) == []
    assert await answer(company, DELIVERIES, id="ver_removed") == []
    assert await answer(stranger, DELIVERIES, id=id) == []


async def test_webhooks_are_sent_again(company: Company, stranger: Company) -> None:
    id = await company.created()

    assert await answer(company, RESEND, Scope.WRITE, id=id) == {"id": id}
    assert [row["state"] for row in await answer(company, DELIVERIES)] == ["WAITING"]
    assert await answer(company, RESEND, Scope.WRITE, id=id, version=2) == {"code": "INVALID_INPUT", "field": "fromVersion"}
    assert await answer(stranger, RESEND, Scope.WRITE, id=id) == {"code": "NOT_FOUND", "field": "verificationId"}
    assert await answer(company, RESEND, Scope.READ, id=id) == "FORBIDDEN"
