"""Helpers that open stores and feeds for tests, and read what is stored. Each test has its own database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from hashlib import sha256
from time import monotonic
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from domain.errors import Unavailable
from domain.verification import Verification
from lifecycle.archive import Archive
from lifecycle.changes import Changes
from lifecycle.creation import Creation
from lifecycle.deliveries import OutgoingWebhooks
from lifecycle.observed_links import ObservedLinks
from lifecycle.sweeper import Chore, Periods, chores
from providers.choice import Providers
from providers.sandbox import Sandbox
from store import documents, indexes
from store.driver import Document, close_client, connect, watching
from store.feed import Feed
from store.listener import Listener
from store.sealing import SealingKeys
from store.verifications import Clock, Store
from tests.factories import WINDOWS

GENEROUS_SECONDS = 30.0
# The names of the providers that can't be queried. None stands for verifications whose document has no provider.
ORDINARY = ("sandbox", "external", None)
DATA_KEY = sha256(b"the key of the tests").digest()
DATA_KEYS = SealingKeys({"test": DATA_KEY})


def encode(verification: Verification) -> Document:
    """The document of a verification. Its personal data are encrypted with the key of the tests."""
    return documents.encode(verification, DATA_KEYS)


def decode(document: Document) -> Verification:
    """The verification of a document whose personal data are encrypted with the key of the tests."""
    return documents.decode(document, DATA_KEYS)


async def stored_documents(store: Store) -> list[Document]:
    """All documents of verifications, read directly from MongoDB, without the store's methods."""
    return await store.collection.find().sort("_id").to_list(None)


async def stored_verifications(store: Store) -> list[Verification]:
    """All verifications, read directly from MongoDB, without the store's methods."""
    return [*map(decode, await stored_documents(store))]


def another_database(mongo_uri: str) -> str:
    """The URI of a new database on the same server. No other test uses this database."""
    return urlunsplit(urlsplit(mongo_uri)._replace(path=f"/test_{uuid4().hex}"))


@asynccontextmanager
async def storing(uri: str, now: Clock, patience_seconds: float = GENEROUS_SECONDS) -> AsyncIterator[Store]:
    """A context with a store for a test: its indexes exist, and its MongoDB client is closed at the end."""
    client = connect(uri, GENEROUS_SECONDS)
    try:
        store = Store(client, DATA_KEYS, now, patience_seconds)
        await indexes.ensure(store.database)
        await store.index_repair.round()
        yield store
    finally:
        close_client(client)


def changes(store: Store) -> Changes:
    """A `Changes` object for this store, which creates and changes its verifications, with the sandbox as the provider."""
    return changes_at(store, Providers(Sandbox("https://gateway.example", [b"a key for tests"])))


def changes_at(
    store: Store, providers: Providers, count_ignored_result: Callable[[], None] = lambda: None, *, erasing_references: bool = False
) -> Changes:
    """A `Changes` object for this store and these providers."""
    return Changes(
        store, providers, Creation(store, providers, links_for_tests(), lambda *_: None), WINDOWS, count_ignored_result, erasing_references
    )


def chores_of(
    store: Store,
    retention: timedelta | None = None,
    removal: timedelta | None = None,
    deletion: timedelta | None = None,
    archive: Archive | None = None,
) -> list[Chore]:
    """The chores of a sweeper of this store. No workspace has a provider that the sweeper could query."""
    providers = Providers(None)
    creation = Creation(store, providers, links_for_tests(), lambda *_: None)
    changing = Changes(store, providers, creation, WINDOWS, lambda: None, archive=archive)
    return chores(store, providers, changing, creation, Periods(retention, deletion, removal))


def links_for_tests() -> ObservedLinks:
    """Observed links of a gateway for tests, with a key of its own."""
    return ObservedLinks("https://gateway.example", ["a key for tests"])


def outgoing(store: Store, feed: Feed) -> OutgoingWebhooks:
    """The `OutgoingWebhooks` of this store. No workspace has a backend."""
    return OutgoingWebhooks(store, feed, dict, lambda outcome, attempt: None)


@asynccontextmanager
async def feeding(feed: Feed) -> AsyncIterator[Feed]:
    """A context in which the feed runs. Entering it waits until the feed is open."""
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
    """A context with a feed for a test. The feed is not running yet (see `feeding`). Its MongoDB client is closed at the end."""
    client = watching(uri)
    try:
        yield Feed(store, client)
    finally:
        close_client(client)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition is true. The test fails if this takes too long."""
    deadline = monotonic() + GENEROUS_SECONDS
    while not condition():
        assert monotonic() < deadline, "the condition did not hold in time"
        await asyncio.sleep(0.01)


async def next_change(listener: Listener, matches: Callable[[Verification], bool] = lambda _: True, newer_than: int = 0) -> Verification:
    """Wait until the listener receives a verification that matches, with a version that is higher than `newer_than`. Returns the verification."""
    async with asyncio.timeout(GENEROUS_SECONDS):
        while True:
            found = await listener.changes()
            # Removals that are not taken would end the next wait at once.
            listener.removals()
            for change in found:
                if change.verification.version > newer_than and matches(change.verification):
                    return change.verification
