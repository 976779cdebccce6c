"""What changes in the database, from the server to whoever follows it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import CursorNotFound, OperationFailure

from store.changes import PIPELINE, changes
from store.driver import Document, close, database, watching
from store.stream import MAX_CHANGES, Batch, ChangeStream, resumable
from store.verifications import Store
from tests.factories import a_verification
from tests.storing import GENEROUS_SECONDS, encode, until

Changes = AsyncGenerator[Document | None, None]


@pytest.fixture
async def following(database_uri: str, store: Store) -> AsyncIterator[Changes]:
    """The changes of the store's database, from the first None on."""
    async with followed(database_uri) as stream:
        assert await anext(stream) is None
        yield stream


@asynccontextmanager
async def followed(uri: str) -> AsyncIterator[Changes]:
    """The changes of a database, for as long as the context lasts."""
    client = watching(uri)
    try:
        async with aclosing(changes(database(client))) as stream:
            yield stream
    finally:
        close(client)


async def written(store: Store, number: int) -> list[str]:
    """So many new verifications, and their ids."""
    added = [encode(a_verification()) for _ in range(number)]
    await store.collection.insert_many(added)
    return [document["_id"] for document in added]


async def heard(stream: Changes, number: int) -> list[str | None]:
    """The ids of the next changes, None where some may be missing."""
    ids: list[str | None] = []
    async with asyncio.timeout(GENEROUS_SECONDS):
        while len(ids) < number:
            change = await anext(stream)
            ids.append(change["fullDocument"]["_id"] if change else None)
    return ids


@asynccontextmanager
async def streaming(store: Store, token: Any = None) -> AsyncIterator[ChangeStream]:
    """A stream of the server's own batches."""
    stream = ChangeStream(store.database, PIPELINE, token, max_await_ms=500)
    try:
        yield stream
    finally:
        stream.close()


async def test_every_change_comes_once_and_in_order_however_many_at_once(store: Store, following: Changes) -> None:
    written_ids = await written(store, 2 * MAX_CHANGES + 1)

    assert await heard(following, len(written_ids)) == written_ids


async def test_of_many_changes_the_server_gives_many_at_once(store: Store) -> None:
    async with streaming(store) as stream:
        first = await stream.next()
        ids = await written(store, MAX_CHANGES)

        batches = [await stream.next()]
        while sum(len(batch.changes) for batch in batches) < len(ids):
            batches.append(await stream.next())

    assert first.changes == []
    assert [change["fullDocument"]["_id"] for batch in batches for change in batch.changes] == ids
    assert len(batches) < len(ids) / 10
    assert not any(batch.last for batch in [first, *batches])


async def until_heard(stream: ChangeStream, id: str) -> list[Batch]:
    """The batches up to the one with the change of this verification."""
    batches: list[Batch] = []
    while not any(change["fullDocument"]["_id"] == id for batch in batches for change in batch.changes):
        batches.append(await stream.next())
    return batches


async def test_the_token_of_a_batch_goes_on_right_after_it(store: Store) -> None:
    async with streaming(store) as stream:
        nothing = await stream.next()
        first = await written(store, 3)
        batches = [nothing, *await until_heard(stream, first[-1])]
    ids = [*first, *await written(store, 2)]

    for number, batch in enumerate(batches, 1):
        async with streaming(store, batch.token) as again:
            rest = batches[:number] + await until_heard(again, ids[-1])

        assert [change["fullDocument"]["_id"] for each in rest for change in each.changes] == ids


async def test_a_database_that_is_dropped_ends_its_stream(store: Store) -> None:
    await written(store, 1)
    async with streaming(store) as stream:
        await stream.next()
        await store.client.drop_database(store.database.name)

        kinds: list[str] = []
        last = False
        while not last:
            batch = await stream.next()
            kinds += [change["operationType"] for change in batch.changes]
            last = batch.last

    assert kinds[-1] == "invalidate"


async def test_whoever_follows_goes_on_without_a_gap_when_the_server_forgets_the_cursor(
    database_uri: str, store: Store, following: Changes, mongo: MongoClient[Document]
) -> None:
    first = await written(store, 1)
    assert await heard(following, 1) == first

    for _ in range(3):
        await asyncio.to_thread(forgotten, mongo, store.database.name)
        ids = await written(store, 5)

        assert await heard(following, 5) == ids


def forgotten(mongo: MongoClient[Document], name: str) -> None:
    """Have the server forget the cursors over a whole database."""
    mongo[name].command("killCursors", "$cmd.aggregate", cursors=[operation["cursor"]["cursorId"] for operation in cursors(mongo, name)])


def cursors(mongo: MongoClient[Document], name: str) -> list[Document]:
    """The cursors over a whole database that its server has."""
    those = {"ns": f"{name}.$cmd.aggregate", "cursor.cursorId": {"$exists": True}}
    asked: list[Document] = [{"$currentOp": {"idleCursors": True}}, {"$match": those}]
    return [*mongo.admin.aggregate(asked)]


async def test_a_stream_that_is_closed_leaves_no_cursor_on_the_server(store: Store, mongo: MongoClient[Document]) -> None:
    async with streaming(store) as stream:
        await stream.next()
        assert len(cursors(mongo, store.database.name)) == 1

    await until(lambda: cursors(mongo, store.database.name) == [])


def test_only_what_leaves_the_history_whole_is_gone_on_with() -> None:
    labelled = OperationFailure("not now", 91, {"errorLabels": ["ResumableChangeStreamError"]})

    assert resumable(CursorNotFound("gone", 43))
    assert resumable(labelled)
    assert not resumable(OperationFailure("history lost", 286))
    assert not resumable(OperationFailure("history lost", 136))
