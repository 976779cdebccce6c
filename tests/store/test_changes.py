"""Tests that every change of a database is received, even if the server drops cursors, and however many changes there are."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from pymongo import MongoClient

from store.changes import Interruption, changes, interruption
from store.driver import Document, close_client, database, watching
from store.stream import MAX_CHANGES
from store.verifications import Store
from tests.store.test_stream import inserted, open_cursors
from tests.storing import GENEROUS_SECONDS

Changes = AsyncGenerator[Document | Interruption, None]


@asynccontextmanager
async def followed(uri: str) -> AsyncIterator[Changes]:
    """A context with the generator of the changes of a database. The generator and its client are closed at the end."""
    client = watching(uri)
    try:
        async with aclosing(changes(database(client))) as stream:
            yield stream
    finally:
        close_client(client)


@pytest.fixture
async def following(database_uri: str, store: Store) -> AsyncIterator[Changes]:
    """The generator of the changes of the store's database, after its first item. That item is GAP, and shows that the change stream is open."""
    async with followed(database_uri) as stream:
        assert await anext(stream) is Interruption.GAP
        yield stream


async def received(stream: Changes, count: int) -> list[str | Interruption]:
    """For each of the next `count` items of the generator: the interruption, or the id of the changed verification."""
    ids: list[str | Interruption] = []
    async with asyncio.timeout(GENEROUS_SECONDS):
        while len(ids) < count:
            change = await anext(stream)
            ids.append(change if isinstance(change, Interruption) else change["fullDocument"]["_id"])
    return ids


def kill_cursors(mongo: MongoClient[Document], name: str) -> None:
    """Make the server drop all cursors over the whole database, such as those of change streams."""
    mongo[name].command("killCursors", "$cmd.aggregate", cursors=[operation["cursor"]["cursorId"] for operation in open_cursors(mongo, name)])


async def test_every_change_arrives_once_and_in_order_however_many_there_are(store: Store, following: Changes) -> None:
    ids = await inserted(store, 2 * MAX_CHANGES + 1)

    assert await received(following, len(ids)) == ids


async def test_no_change_is_lost_if_the_server_drops_the_cursor(store: Store, following: Changes, mongo: MongoClient[Document]) -> None:
    first = await inserted(store, 1)
    assert await received(following, 1) == first

    for _ in range(3):
        await asyncio.to_thread(kill_cursors, mongo, store.database.name)
        ids = await inserted(store, 5)

        assert await received(following, 5) == ids


VERIFICATIONS_NAME, OTHER_NAME = {"db": "gateway", "coll": "verifications"}, {"db": "gateway", "coll": "other"}


@pytest.mark.parametrize(
    ("disruption", "expected"),
    [
        ({"operationType": "drop", "ns": VERIFICATIONS_NAME}, Interruption.REPLACEMENT),
        ({"operationType": "drop", "ns": OTHER_NAME}, Interruption.GAP),
        ({"operationType": "rename", "ns": VERIFICATIONS_NAME, "to": OTHER_NAME}, Interruption.REPLACEMENT),
        ({"operationType": "rename", "ns": OTHER_NAME, "to": VERIFICATIONS_NAME}, Interruption.REPLACEMENT),
        ({"operationType": "rename", "ns": OTHER_NAME, "to": {"db": "gateway", "coll": "another"}}, Interruption.GAP),
        ({"operationType": "dropDatabase", "ns": {"db": "gateway"}}, Interruption.GAP),
        ({"operationType": "invalidate"}, Interruption.GAP),
    ],
)
def test_only_operations_on_the_collection_of_verifications_replace_them(disruption: Document, expected: Interruption) -> None:
    assert interruption(disruption) is expected


async def test_a_dropped_collection_is_reported_in_its_place_among_the_changes(store: Store, following: Changes) -> None:
    before = await inserted(store, 2)
    await store.collection.drop()
    after = await inserted(store, 1)

    assert await received(following, 4) == [*before, Interruption.REPLACEMENT, *after]
