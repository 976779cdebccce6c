"""Tests which privileges count as missing, with the users of a real MongoDB, and that the role in deploy/ has no more than is needed."""

import pytest

from deploy.compose.initiate import ADMINISTRATOR
from store.driver import close_client, connect, database
from store.inspection.privileges import COLLECTION_ACTIONS, COLLECTIONS, DATABASE_ACTIONS, lacking, shortage
from tests.authenticated import AuthenticatedMongo, role

ACTIONS = (*DATABASE_ACTIONS, *COLLECTION_ACTIONS)


async def lacking_at(uri: str) -> list[str] | None:
    client = connect(uri, 10)
    try:
        return await lacking(database(client))
    finally:
        close_client(client)


async def test_the_role_of_the_document_and_the_administrator_have_all_privileges(authenticated: AuthenticatedMongo) -> None:
    assert await lacking_at(authenticated.uri()) == []
    assert await lacking_at(authenticated.uri(ADMINISTRATOR)) == []


def test_the_document_lists_exactly_the_privileges_that_are_checked() -> None:
    [privilege] = role()["privileges"]

    assert privilege["resource"] == {"db": "gateway", "collection": ""}
    assert sorted(privilege["actions"]) == sorted(ACTIONS)
    assert role()["roles"] == []


@pytest.mark.parametrize("action", ACTIONS)
async def test_each_privilege_that_is_missing_is_named(authenticated: AuthenticatedMongo, action: str) -> None:
    found = await lacking_at(authenticated.user_with([other for other in ACTIONS if other != action]))

    where = "the database" if action in DATABASE_ACTIONS else "all collections"
    assert found == [f"{action} on {where}"]


async def test_without_users_there_are_no_privileges(database_uri: str) -> None:
    assert await lacking_at(database_uri) is None


def test_privileges_on_single_collections_count() -> None:
    granted = [{"resource": {"db": "gateway", "collection": name}, "actions": ["insert"]} for name in COLLECTIONS]

    assert shortage(granted, "gateway", "insert") is None
    assert shortage(granted[1:], "gateway", "insert") == f"insert on {COLLECTIONS[0]}"
    assert shortage(granted, "other", "insert") == "insert on all collections"
    assert shortage([{"resource": {"cluster": True}, "actions": ["insert"]}], "gateway", "insert")
    assert shortage([{"resource": {"anyResource": True}, "actions": ["find"]}], "gateway", "find") is None
