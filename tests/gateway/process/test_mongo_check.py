"""Tests the check of MongoDB that `gateway serve` and `gateway dev` make before they serve."""

import pytest

from domain.errors import Unavailable
from gateway.process import mongo_check
from gateway.process.mongo_check import MongoRefused, check_mongo
from store.driver import close_client, connect, database

SOURCE = "GATEWAY_MONGO_URI"


async def check(uri: str, timeout_seconds: float = 20) -> None:
    client = connect(uri, timeout_seconds)
    try:
        await check_mongo(database(client), SOURCE)
    finally:
        close_client(client)


async def test_a_mongodb_that_can_be_used_passes(database_uri: str) -> None:
    await check(database_uri)


async def test_a_wrong_password_is_refused_with_what_to_do(database_uri: str) -> None:
    with pytest.raises(MongoRefused) as refused:
        await check(database_uri.replace("//", "//user:canary@"))

    assert str(refused.value) == (
        "MongoDB at GATEWAY_MONGO_URI can't be used: "
        "it refuses the user name or the password in the address (authSource names the database of the user)"
    )


async def test_a_name_without_srv_records_is_refused_with_what_to_do() -> None:
    # The top-level domain `invalid` is reserved (RFC 2606): no name below it can be looked up.
    with pytest.raises(MongoRefused) as refused:
        await check("mongodb+srv://nowhere.invalid/x")

    assert str(refused.value) == (
        "MongoDB at GATEWAY_MONGO_URI can't be used: "
        "the host in the address can't be looked up, or its SRV record is not valid; check the name and the DNS"
    )


@pytest.mark.parametrize("timeout_seconds", [0.2, 20])
async def test_a_mongodb_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch, timeout_seconds: float) -> None:
    monkeypatch.setattr(mongo_check, "MAX_START_SECONDS", 1.0)

    with pytest.raises(Unavailable):
        await check("mongodb://127.0.0.1:1/x?replicaSet=rs", timeout_seconds)
