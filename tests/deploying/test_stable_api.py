"""Tests that serving uses only commands of MongoDB's Stable API, version 1, so that it works with every release that supports this version.

MongoDB refuses every other command, and every option and aggregation stage outside that version, if a client requests the version strictly.
"""

from functools import partial

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.server_api import ServerApi

from store import driver
from tests.serving import Gateway, serving
from tests.wire import following

INPUT = {"firstName": "Ada", "lastName": "Lovelace", "redirectionUrl": "https://example.com"}
MUTATIONS = """
mutation Create($input: CreateVerificationInput!) { createVerification(input: $input) { ... on Verification { id } } }
mutation Close($id: ID!) { closeVerification(input: { verificationId: $id }) { __typename } }
mutation Retry($id: ID!) { retryVerification(input: { verificationId: $id }) { __typename } }
mutation Anonymize($id: ID!) { anonymizeVerification(id: $id) { __typename } }
"""
LISTS = """{
  newest: verifications(first: 2) { totalCount edges { node { id attempts { id } } } pageInfo { endCursor } }
  changed: verifications(first: 2, orderBy: UPDATED_NEWEST, filter: { status: [INCONCLUSIVE] }) { edges { node { id } } }
  verificationStats { total }
}"""
FEED = "subscription { verificationsUpdated { cursor verification { id } } }"


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the clients that the store creates during a test request the Stable API strictly."""
    api = ServerApi("1", strict=True, deprecation_errors=True)
    monkeypatch.setattr(driver, "AsyncIOMotorClient", partial(AsyncIOMotorClient, server_api=api))


async def mutated(gateway: Gateway, name: str, **variables: object) -> None:
    """Execute the mutation with this name in MUTATIONS, and check that it succeeds."""
    [operation] = [line for line in MUTATIONS.splitlines() if line.startswith(f"mutation {name}(")]
    [payload] = (await gateway.query(operation, variables)).values()
    assert payload["__typename"] == "Verification", payload


@pytest.mark.usefixtures("strict")
async def test_serving_uses_only_the_stable_api(database_uri: str) -> None:
    async with serving(database_uri) as gateway:
        assert (await gateway.client.get("/readyz")).json() == {"ready": True, "troubles": [], "warnings": []}
        async with following(gateway, gateway.token(), FEED) as updates:
            await updates.next()
            create = MUTATIONS.splitlines()[1]
            id = (await gateway.query(create, {"input": {**INPUT, "idempotencyKey": "order-1"}}))["createVerification"]["id"]
            assert (await updates.next())["verification"] == {"id": id}
        for name in ("Close", "Retry", "Anonymize"):
            await mutated(gateway, name, id=id)
        lists = await gateway.query(LISTS)

    assert lists["newest"]["totalCount"] == 2
    assert lists["verificationStats"]["total"] == 2
