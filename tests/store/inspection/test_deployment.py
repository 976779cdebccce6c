"""Tests what is recognized as a deployment with which the gateway can serve."""

from datetime import UTC, datetime
from typing import Any

import pytest

from store.driver import close_client, connect, database
from store.inspection.deployment import NotReplicated, Outdated, deployment_of, examine
from store.verifications import utc_now

NOW = datetime(2026, 11, 30, tzinfo=UTC)
BUILD = {"version": "8.0.4", "versionArray": [8, 0, 4, 0]}
MEMBER = {"setName": "rs", "isWritablePrimary": True, "hosts": ["a:27017", "b:27017", "c:27017"], "localTime": NOW}
# The response of mongos, the router of a sharded cluster. Source: MongoDB's manual, "hello".
ROUTER = {"isWritablePrimary": True, "msg": "isdbgrid", "localTime": NOW}


async def test_a_replica_set_is_recognized(database_uri: str) -> None:
    client = connect(database_uri, 10)
    deployment = await examine(database(client))
    close_client(client)

    assert deployment.description.endswith(", a replica set with 1 member")
    assert abs((deployment.time - utc_now()).total_seconds()) < 60


def test_a_sharded_cluster_is_recognized() -> None:
    assert deployment_of(ROUTER, BUILD).description == "MongoDB 8.0.4, a sharded cluster"


def test_the_members_of_a_replica_set_are_counted() -> None:
    assert deployment_of(MEMBER, BUILD).description == "MongoDB 8.0.4, a replica set with 3 members"


@pytest.mark.parametrize(
    ("hello", "message"),
    [
        ({"isWritablePrimary": True, "localTime": NOW}, "it is not a replica set"),
        ({**MEMBER, "isWritablePrimary": False}, "this member is not the primary"),
    ],
)
def test_another_kind_of_server_is_refused(hello: dict[str, Any], message: str) -> None:
    with pytest.raises(NotReplicated, match=message):
        deployment_of(hello, BUILD)


def test_an_old_release_is_refused() -> None:
    with pytest.raises(Outdated, match=r"it has version 5\.0\.31, and the gateway needs 6\.0 or newer"):
        deployment_of(MEMBER, {"version": "5.0.31", "versionArray": [5, 0, 31, 0]})
