"""Tests `try_out`, which writes a document and receives it through the change stream. Some users lack privileges; some servers do not answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from store.driver import Database, LoginRefused, NotPermitted, close_client, connect, database
from store.indexes import HEARTBEATS
from store.inspection.trial import StreamFailed, WriteFailed, try_out
from store.verifications import utc_now
from tests.authenticated import AuthenticatedMongo
from tests.processes.forwarder import forwarding


@asynccontextmanager
async def opened(uri: str) -> AsyncIterator[Database]:
    client = connect(uri, 3)
    try:
        yield database(client)
    finally:
        close_client(client)


async def test_a_write_and_its_change_are_seen_and_nothing_stays(database_uri: str) -> None:
    async with opened(database_uri) as mongo:
        await try_out(mongo, utc_now(), 10)

        assert await mongo[HEARTBEATS].count_documents({}) == 0


async def test_a_user_without_a_privilege_is_refused(authenticated: AuthenticatedMongo) -> None:
    for actions in (["find"], ["find", "changeStream"], ["find", "changeStream", "insert", "update"]):
        async with opened(authenticated.user_with(actions)) as mongo:
            with pytest.raises(NotPermitted):
                await try_out(mongo, utc_now(), 10)


async def test_a_wrong_password_is_refused(authenticated: AuthenticatedMongo) -> None:
    async with opened(authenticated.uri(password="canary")) as mongo:
        with pytest.raises(LoginRefused):
            await try_out(mongo, utc_now(), 10)


async def test_a_write_that_gets_no_answer_fails(database_uri: str) -> None:
    async with forwarding(database_uri, marker=b"heartbeats") as forwarder:
        await forwarder.open()
        async with opened(forwarder.uri) as mongo:
            with pytest.raises(WriteFailed, match="a majority of the members did not acknowledge a write within 1 s"):
                await try_out(mongo, utc_now(), 1)


async def test_a_server_that_does_not_answer_fails() -> None:
    async with opened("mongodb://127.0.0.1:1/gateway") as mongo:
        with pytest.raises(StreamFailed, match="it could not be opened"):
            await try_out(mongo, utc_now(), 1)
