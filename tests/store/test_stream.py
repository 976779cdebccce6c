"""Tests of the change stream: its batches, resume tokens and cursors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.errors import CursorNotFound, OperationFailure

from store.changes import PIPELINE
from store.driver import Document
from store.stream import MAX_CHANGES, Batch, ChangeStream, resumable
from store.verifications import Store
from tests.factories import a_verification
from tests.storing import encode, until


async def inserted(store: Store, count: int) -> list[str]:
    """Insert this many new verifications. Returns their ids, in the order in which they were written."""
    documents = [encode(a_verification()) for _ in range(count)]
    await store.collection.insert_many(documents)
    return [document["_id"] for document in documents]


@asynccontextmanager
async def streaming(store: Store, token: Any = None) -> AsyncIterator[ChangeStream]:
    """A context with a change stream of the store's database, which begins after the resume token `token`, or now if it is None."""
    stream = ChangeStream(store.database, PIPELINE, token, max_await_ms=500)
    try:
        yield stream
    finally:
        stream.close()


async def batches_until(stream: ChangeStream, id: str) -> list[Batch]:
    """Read batches until one contains a change of this verification. Returns all batches that were read."""
    batches: list[Batch] = []
    while not any(change["fullDocument"]["_id"] == id for batch in batches for change in batch.changes):
        batches.append(await stream.next())
    return batches


def open_cursors(mongo: MongoClient[Document], database_name: str) -> list[Document]:
    """The open cursors of the server over the whole database, such as those of change streams."""
    matching = {"ns": f"{database_name}.$cmd.aggregate", "cursor.cursorId": {"$exists": True}}
    pipeline: list[Document] = [{"$currentOp": {"idleCursors": True}}, {"$match": matching}]
    return [*mongo.admin.aggregate(pipeline)]


async def test_the_server_delivers_many_changes_in_few_batches(store: Store) -> None:
    async with streaming(store) as stream:
        first = await stream.next()
        ids = await inserted(store, MAX_CHANGES)

        batches = [await stream.next()]
        while sum(len(batch.changes) for batch in batches) < len(ids):
            batches.append(await stream.next())

    assert first.changes == []
    assert [change["fullDocument"]["_id"] for batch in batches for change in batch.changes] == ids
    assert len(batches) < len(ids) / 10
    assert not any(batch.last for batch in [first, *batches])


async def test_a_stream_resumes_right_after_the_batch_of_its_token(store: Store) -> None:
    async with streaming(store) as stream:
        empty = await stream.next()
        first = await inserted(store, 3)
        batches = [empty, *await batches_until(stream, first[-1])]
    ids = [*first, *await inserted(store, 2)]

    for number, batch in enumerate(batches, 1):
        async with streaming(store, batch.token) as resumed:
            received = batches[:number] + await batches_until(resumed, ids[-1])

        assert [change["fullDocument"]["_id"] for each in received for change in each.changes] == ids


async def test_dropping_the_database_ends_its_stream(store: Store) -> None:
    await inserted(store, 1)
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


async def test_a_closed_stream_leaves_no_cursor_on_the_server(store: Store, mongo: MongoClient[Document]) -> None:
    async with streaming(store) as stream:
        await stream.next()
        assert len(open_cursors(mongo, store.database.name)) == 1

    await until(lambda: open_cursors(mongo, store.database.name) == [])


def test_a_stream_is_resumable_only_if_no_history_is_lost() -> None:
    labelled = OperationFailure("not now", 91, {"errorLabels": ["ResumableChangeStreamError"]})

    assert resumable(CursorNotFound("gone", 43))
    assert resumable(labelled)
    assert not resumable(OperationFailure("history lost", 286))
    assert not resumable(OperationFailure("history lost", 136))
