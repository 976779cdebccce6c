"""Checks the errors that clients receive: they have codes and messages, but no internal details."""

import logging
from typing import Any

import pytest
from graphql import GraphQLError
from pymongo import MongoClient
from pymongo.errors import WriteError

from domain.errors import Forbidden, RequestError, TookTooLong, Unavailable
from gateway.errors import formatted, refused, unexpected
from store.indexes import VERIFICATIONS
from tests.company import LINK_OPENED, Company
from tests.serving import Gateway
from tests.wire import following


async def test_an_unexpected_exception_is_masked_and_logged_under_the_request_id(
    gateway: Gateway, database_name: str, mongo: MongoClient[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    # Cause an unexpected exception: MongoDB refuses a query that names a missing index. The message of the refusal contains the collection's name.
    mongo[database_name][VERIFICATIONS].drop_index("workspace_1_updatedAt_1__id_1")

    with caplog.at_level(logging.INFO):
        for query in (
            "{ verifications(FILTER) { edges { node { id } } } }",
            "{ verifications(FILTER) { edges { node { id } } } me { subject } }",
        ):
            response = await gateway.post(query.replace("FILTER", 'orderBy: UPDATED_NEWEST, filter: { createdAfter: "2026-01-01T00:00:00Z" }'))

            id_of_request = response.headers["x-request-id"]
            [error] = response.json()["errors"]
            records = [record for record in caplog.records if getattr(record, "request_id", "") == id_of_request]
            assert response.status_code == 200
            assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": id_of_request}
            assert {(record.levelname, record.getMessage()) for record in records} == {("ERROR", "unexpected OperationFailure")}
            assert database_name not in response.text
            assert "Traceback" not in response.text

    assert database_name not in repr([vars(record) for record in caplog.records])


async def test_a_subscription_to_a_damaged_document_receives_an_error(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    canary, id = "canary-7c1f", await company.created()
    company.collection.update_one({"_id": id}, {"$set": {"status": canary}})

    with caplog.at_level(logging.INFO):
        async with following(
            company.gateway, company.token(), "subscription($id: ID!) { verificationUpdated(id: $id) { __typename } }", {"id": id}
        ) as updates:
            [error] = await updates.errors()

    assert error == {"message": f"status of {id} can't be read by this release", "extensions": {"code": "BAD_DOCUMENT"}}
    assert canary not in repr((error, [vars(record) for record in caplog.records]))


async def test_a_damaged_document_does_not_end_the_feed_of_the_others(company: Company) -> None:
    damaged, other = await company.created(), await company.created()

    async with following(company.gateway, company.token(), "subscription { verificationsUpdated { verification { id version } } }") as updates:
        await updates.next()
        company.collection.update_one({"_id": damaged}, {"$set": {"status": "canary"}})
        await company.progress(other, LINK_OPENED)
        items = await updates.until(lambda item: item["verification"] == {"id": other, "version": 2})

    assert {"id": damaged, "version": 2} not in [item["verification"] for item in items]


def test_a_refusal_has_the_headers_of_its_response() -> None:
    refusal = refused("UNAUTHENTICATED", "a token is needed", 401, www_authenticate="Bearer")

    assert (refusal.status, refusal.headers) == (401, {"www-authenticate": "Bearer"})
    assert refusal.errors == [{"message": "a token is needed", "extensions": {"code": "UNAUTHENTICATED"}}]


def test_an_unexpected_exception_is_logged_with_its_place_and_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("canary")
    except ValueError as cause:
        shown = unexpected(cause, "request-1")

    [record] = caplog.records
    assert shown["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "request-1"}
    assert getattr(record, "at", [])[-1].startswith(f"{__name__}:")
    assert "canary" not in repr((shown, vars(record)))


@pytest.mark.parametrize(("error", "code"), [(TookTooLong(), "TIMEOUT"), (Unavailable(), "UNAVAILABLE")])
def test_a_request_that_failed_for_now_is_logged_with_its_id_and_the_drivers_error(
    error: RequestError, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    error.__cause__ = WriteError("secret", 189)

    formatted([GraphQLError("x", path=["a"], original_error=error)], "INTERNAL_SERVER_ERROR", "request-1")

    [record] = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", f"answered with {code}")
    assert (vars(record)["request_id"], vars(record)["driver_error"], vars(record)["driver_code"]) == ("request-1", "WriteError", 189)


def test_an_error_that_the_client_can_correct_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    formatted([GraphQLError("x", path=["a"], original_error=Forbidden("no"))], "INTERNAL_SERVER_ERROR", "request-1")

    assert caplog.records == []
