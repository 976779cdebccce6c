"""Tests of making a mongod the primary: a new mongod, one that was moved to another port, and one that does not answer."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from gateway.development.mongod import EmbeddedMongo
from store.deployment.bootstrap import HOST, REPLICA_SET, NotPrimary, become_primary, configure_replica_set

Admin = MongoClient[dict[str, Any]]


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admin]:
    """A client of a mongod that was started for this module only, and became the primary."""
    with EmbeddedMongo(tmp_path_factory.mktemp("bootstrap")) as mongo, MongoClient[dict[str, Any]](mongo.uri) as client:
        yield client


def port_of(client: Admin) -> int:
    """The port of the mongod to which the client is connected."""
    assert client.address
    return client.address[1]


def member(client: Admin) -> str:
    """The address of the only member in the configuration of the replica set."""
    config = client.admin.command("replSetGetConfig")["config"]
    host: str = config["members"][0]["host"]
    return host


def test_a_new_mongod_becomes_the_primary_of_a_replica_set_with_one_member(mongod: Admin) -> None:
    config = mongod.admin.command("replSetGetConfig")["config"]

    assert (config["_id"], len(config["members"])) == (REPLICA_SET, 1)
    assert member(mongod) == f"{HOST}:{port_of(mongod)}"
    assert mongod.admin.command("hello")["isWritablePrimary"]


def test_a_primary_is_left_as_it_is(mongod: Admin) -> None:
    before = mongod.admin.command("replSetGetConfig")["config"]

    become_primary(port_of(mongod), timeout_seconds=30)

    assert mongod.admin.command("replSetGetConfig")["config"] == before


def test_a_configuration_with_the_right_address_is_not_written_again(mongod: Admin) -> None:
    before = mongod.admin.command("replSetGetConfig")["config"]["version"]

    configure_replica_set(mongod.admin, member(mongod))

    assert mongod.admin.command("replSetGetConfig")["config"]["version"] == before


def test_a_mongod_that_ended_is_reported(free_tcp_port_factory: Callable[[], int]) -> None:
    port = free_tcp_port_factory()

    with pytest.raises(NotPrimary, match=f"nothing answers on port {port} any more"):
        become_primary(port, timeout_seconds=30)


def test_a_mongod_that_moved_to_another_port_becomes_primary_again(tmp_path: Path) -> None:
    with EmbeddedMongo(tmp_path) as mongo, MongoClient[dict[str, Any]](mongo.uri) as client:
        before = member(client)
    # Remove the file that contains the port, so that the next start chooses another port.
    (tmp_path / "port").unlink()

    with EmbeddedMongo(tmp_path) as mongo, MongoClient[dict[str, Any]](mongo.uri) as client:
        after = member(client)
        assert client.admin.command("hello")["isWritablePrimary"]
        assert after == f"{HOST}:{port_of(client)}"

    assert before != after
