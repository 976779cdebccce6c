"""A company with a provider of its own: it hands over links, reports by mutation, and its frontends follow live."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from domain.caller import Scope
from store.indexes import VERIFICATIONS
from tests.commands import Commands
from tests.company import CAPTURE_COMPLETED, CAPTURE_STARTED, LINK_OPENED, Company
from tests.serving import serving
from tests.wire import following

FOLLOW = """
subscription($id: ID!) {
  verificationUpdated(id: $id, followRetries: true) {
    verification { id verificationUrl provider { name id } }
    events { type actor toStatus }
  }
}
"""
PROVIDER = "query($id: ID!) { verification(id: $id) { provider { name id } } }"
LIST = "{ verifications { edges { node { provider { name } } } } }"
FIRST, SECOND = "https://idcheck.example/s/1?lang=fr", "https://idcheck.example/s/2"


@pytest.fixture(scope="module")
async def shared_gateway(shared_database_uri: str, commands: Commands) -> AsyncIterator[Any]:
    """A gateway whose provider is `external`."""
    async with serving(shared_database_uri, provider="external") as running:
        yield running


async def test_a_company_uses_its_own_provider_from_the_first_link_to_a_verified_retry(company: Company) -> None:
    created = await company.create(external={"verificationUrl": FIRST, "id": "s-1"})
    link = created["verificationUrl"]
    async with following(company.gateway, company.token(), FOLLOW, {"id": created["id"]}) as updates:
        received = [await updates.next()]
        opened = await company.gateway.client.post(urlsplit(link).path)
        for step in (LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED):
            await company.progress(created["id"], step)
        await company.result(created["id"], "FAILED", "IDVV_2101")
        retry = await company.retry(created["id"], external={"verificationUrl": SECOND, "id": "s-2"})
        second = (await company.gateway.client.post(urlsplit(retry["verificationUrl"]).path)).headers["location"]
        await company.result(retry["id"], "VERIFIED")
        received += await updates.rest()

    assert (opened.status_code, opened.headers["location"]) == (303, FIRST)
    assert (second, retry["attempt"]) == (SECOND, 2)
    events = [(event["type"], event["actor"], event["toStatus"]) for update in received for event in update["events"]]
    assert [event for event in events if event[0] != "RETRY_CREATED"] == [
        *((step, "INDIVIDUAL", None) for step in (LINK_OPENED, CAPTURE_STARTED, CAPTURE_COMPLETED)),
        ("STATUS_CHANGED", "PROVIDER", "FAILED"),
        ("CREATED", "INTEGRATOR", "PENDING"),
        ("LINK_OPENED", "INDIVIDUAL", None),
        ("STATUS_CHANGED", "PROVIDER", "VERIFIED"),
    ]
    seen = {(update["verification"]["id"], update["verification"]["provider"]["id"]) for update in received}
    assert seen == {(created["id"], "s-1"), (retry["id"], "s-2")}
    assert received[0]["verification"]["verificationUrl"] == link


async def test_a_missing_or_invalid_link_is_refused_with_its_field(company: Company) -> None:
    failed = await company.created(external={"verificationUrl": FIRST})
    await company.result(failed, "FAILED", "IDVV_2101")
    invalid = [
        (None, "external"),
        ({"verificationUrl": "javascript:alert(1)"}, "external.verificationUrl"),
        ({"verificationUrl": FIRST, "id": " "}, "external.id"),
    ]

    for external, field in invalid:
        for refusal in (await company.create(external=external), await company.retry(failed, external=external)):
            assert (refusal["__typename"], refusal["code"], refusal["field"]) == ("Refusal", "INVALID_INPUT", field)
    assert len(company.kept()) == 1


async def test_a_taken_id_is_refused_at_once_in_its_own_workspace_only(company: Company, stranger: Company) -> None:
    external = {"verificationUrl": FIRST, "id": "s-1"}
    failed = await company.created(external=external)
    await company.result(failed, "FAILED", "IDVV_2101")

    for refusal in (
        await company.create(external=external),
        await company.create(external=external, idempotencyKey="order-1"),
        await company.retry(failed, external=external),
    ):
        assert (refusal["code"], refusal["field"]) == ("INVALID_INPUT", "external.id")
    assert (await stranger.create(external=external))["__typename"] == "Verification"
    assert (await company.retry(failed, external={**external, "id": "s-2"}))["attempt"] == 2


async def test_the_same_key_with_the_same_link_repeats_a_creation_also_at_once(company: Company) -> None:
    external = {"verificationUrl": FIRST, "id": "s-1"}

    created = await asyncio.gather(*(company.create(external=external, idempotencyKey="order-1") for _ in range(8)))
    other = await company.create(external={**external, "verificationUrl": SECOND}, idempotencyKey="order-1")

    assert {each.get("id") for each in created} == {company.kept()[0]["_id"]}
    assert (other["code"], other["field"]) == ("IDEMPOTENCY_CONFLICT", "idempotencyKey")


async def test_of_creations_with_one_id_and_different_keys_one_succeeds(company: Company) -> None:
    external = {"verificationUrl": FIRST, "id": "s-1"}

    created = await asyncio.gather(*(company.create(external=external, idempotencyKey=f"order-{number}") for number in range(8)))

    assert sorted(each["__typename"] for each in created) == ["Refusal"] * 7 + ["Verification"]
    assert {(each["code"], each["field"]) for each in created if "code" in each} == {("INVALID_INPUT", "external.id")}


async def test_readers_see_the_provider_and_the_individual_does_not(company: Company) -> None:
    id = await company.created(external={"verificationUrl": FIRST, "id": "s-1"})
    nameless = await company.created(external={"verificationUrl": FIRST})
    seen = {"name": "external", "id": "s-1"}

    for token, expected in ((company.token(Scope.READ), seen), (company.token(), seen), (await company.follow_token(id), None)):
        assert await company.answer(PROVIDER, {"id": id}, token) == {"data": {"verification": {"provider": expected}}}
    assert (await company.ask(PROVIDER, {"id": nameless}))["verification"]["provider"] == {"name": "external", "id": None}


async def test_the_provider_is_read_without_the_rest_of_the_document(company: Company, commands: Commands) -> None:
    id = await company.created(external={"verificationUrl": FIRST})

    for query, variables in ((PROVIDER, {"id": id}), (LIST, None)):
        with commands.sent(company.collection.database.name) as sent:
            await company.ask(query, variables)
        # The sweeper reads documents of all workspaces at once. Its commands, which do not name this workspace, are left out.
        [projection] = [command["projection"] for command in sent if company.workspace in str(command.get("filter"))]
        assert "provider" in projection
        assert projection.keys().isdisjoint({"declared", "events", "extracted", "redirectionUrl"})


@pytest.mark.parametrize("executor", ["", "__schema { queryType { name } } "], ids=["compiled", "graphql-core"])
async def test_every_way_to_read_a_verification_shows_the_link_through_the_gateway(company: Company, executor: str) -> None:
    created = await company.create(external={"verificationUrl": FIRST})
    expected = {"verificationUrl": created["verificationUrl"]}

    found = await company.ask(
        f"query($id: ID!) {{ {executor}verification(id: $id) {{ verificationUrl attempts {{ verificationUrl }} }} }}", created_id(created)
    )
    listed = await company.ask(f"{{ {executor}verifications {{ edges {{ node {{ verificationUrl }} }} }} }}")
    followed = await company.ask(
        f"query($id: ID!) {{ {executor}verification(id: $id) {{ verificationUrl }} }}", created_id(created), await company.follow_token(created["id"])
    )

    assert urlsplit(created["verificationUrl"]).path.startswith("/v/")
    assert found["verification"] == {**expected, "attempts": [expected]}
    assert [edge["node"] for edge in listed["verifications"]["edges"]] == [expected]
    assert followed["verification"] == expected
    assert company.kept()[0]["provider"]["url"] == FIRST


def created_id(created: dict[str, Any]) -> dict[str, Any]:
    return {"id": created["id"]}


async def test_the_link_is_shown_without_another_read_and_only_while_pending(company: Company, commands: Commands) -> None:
    id = await company.created(external={"verificationUrl": FIRST})
    query = "query($id: ID!) { verification(id: $id) { verificationUrl } }"

    with commands.sent(company.collection.database.name) as sent:
        await company.ask(query, {"id": id})
    await company.result(id, "FAILED", "IDVV_2101")

    [projection] = [command["projection"] for command in sent if company.workspace in str(command.get("filter"))]
    assert projection.keys() == {"_id", "workspace", "chain", "status", "provider", "due"}
    assert (await company.ask(query, {"id": id}))["verification"] == {"verificationUrl": None}


async def test_without_a_provider_creation_and_retry_are_refused(database_uri: str, mongo: MongoClient[dict[str, Any]]) -> None:
    collection = mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS]
    async with serving(database_uri) as gateway:
        company = Company(gateway, collection)
        failed = await company.created()
        await company.result(failed, "FAILED", "IDVV_2101")
    async with serving(database_uri, provider=None) as gateway:
        company = Company(gateway, collection, company.workspace)
        refusals = [await company.create(), await company.create(external={"verificationUrl": FIRST}), await company.retry(failed)]

    assert {(each["code"], each["field"], each["message"]) for each in refusals} == {
        ("PROVIDER_UNAVAILABLE", None, "no provider is configured for this workspace; set GATEWAY_PROVIDER or GATEWAY_PROVIDERS_FILE")
    }


async def test_a_link_of_ones_own_is_refused_for_the_sandbox(database_uri: str, mongo: MongoClient[dict[str, Any]]) -> None:
    async with serving(database_uri) as gateway:
        company = Company(gateway, mongo[urlsplit(database_uri).path[1:]][VERIFICATIONS])
        refusal = await company.create(external={"verificationUrl": FIRST})

    assert (refusal["code"], refusal["field"]) == ("INVALID_INPUT", "external")
