"""A store for a test, and a feed: over the test's own database, gone with the context."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from time import monotonic
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from domain.errors import Unavailable
from domain.verification import Verification
from lifecycle.changes import Changes
from providers.sandbox import Sandbox
from store import documents, indexes
from store.documents import Document
from store.driver import close, connect, watching
from store.feed import Feed
from store.listener import Listener
from store.sealing import Keys
from store.verifications import Clock, Store
from tests.factories import WINDOWS

GENEROUS_SECONDS = 30.0
DATA_KEY = bytes(range(32))
DATA_KEYS = Keys({"test": DATA_KEY})


def encode(verification: Verification) -> Document:
    """The document of a verification, under the tests' key."""
    return documents.encode(verification, DATA_KEYS)


def decode(document: Document) -> Verification:
    """The verification that a document holds, under the tests' key."""
    return documents.decode(document, DATA_KEYS)


async def stored_documents(store: Store) -> list[Document]:
    """All documents of verifications, read past the store's methods."""
    return await store.collection.find().sort("_id").to_list(None)


async def stored_verifications(store: Store) -> list[Verification]:
    """All verifications, read past the store's methods."""
    return [*map(decode, await stored_documents(store))]


def another_database(mongo_uri: str) -> str:
    """The address of a database that no other test has."""
    return urlunsplit(urlsplit(mongo_uri)._replace(path=f"/test_{uuid4().hex}"))


@asynccontextmanager
async def storing(uri: str, now: Clock, patience_seconds: float = GENEROUS_SECONDS) -> AsyncIterator[Store]:
    """A store with its indexes, as each process has one."""
    client = connect(uri, GENEROUS_SECONDS)
    try:
        store = Store(client, DATA_KEYS, now, patience_seconds)
        await indexes.ensure(store.database)
        yield store
    finally:
        close(client)


def changes(store: Store) -> Changes:
    """What may happen to the store's verifications, at the sandbox."""
    return Changes(store, Sandbox("https://gateway.example", [b"a key for tests"]), WINDOWS, lambda: None)


@asynccontextmanager
async def feeding(feed: Feed) -> AsyncIterator[Feed]:
    """The feed, running and open."""
    running = asyncio.create_task(feed.run())
    try:
        while not running.done():
            with suppress(Unavailable):
                await feed.opened()
                break
        yield feed
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@asynccontextmanager
async def a_feed(uri: str, store: Store) -> AsyncIterator[Feed]:
    """A feed that does not run yet."""
    client = watching(uri)
    try:
        yield Feed(store, client)
    finally:
        close(client)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = monotonic() + GENEROUS_SECONDS
    while not holds():
        assert monotonic() < deadline, "it never came to hold"
        await asyncio.sleep(0.01)


async def next_change(listener: Listener, is_it: Callable[[Verification], bool] = lambda _: True, newer_than: int = 0) -> Verification:
    """The first state that is the one waited for."""
    async with asyncio.timeout(GENEROUS_SECONDS):
        while True:
            for change in await listener.changes():
                if change.verification.version > newer_than and is_it(change.verification):
                    return change.verification
