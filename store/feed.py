"""The live feed: one change stream per process, fanned out to all listeners.

A change contains its whole document, so that fan-out reads nothing from the database.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from uuid import uuid4

from pymongo.errors import PyMongoError

from domain.errors import BadDocument, Unavailable
from domain.verification import Verification
from store.changes import changes
from store.documents import decode
from store.driver import Client, Document, answering, database
from store.indexes import HEARTBEATS
from store.listener import Change, Listener
from store.verifications import Store

logger = logging.getLogger(__name__)

# How much of the past is read again: clocks of gateways may differ, and a write is committed some time after the instant that it stores.
OVERLAP = timedelta(seconds=60)
HEARTBEAT_SECONDS = 1.0
# The stream counts as open when a heartbeat arrives through it. Heartbeats written before it was open never arrive, so write them often until then.
OPENING_HEARTBEAT_SECONDS = 0.05
OPENING_SECONDS = 10.0
MAX_FEED_CHANGES = 10_000
READ_BATCH = 500
REMEMBERED_HEARTBEATS = 60

# What a listener listens to: its kind ("id", "chain" or "workspace"), the workspace, and the id of the verification or chain.
Topic = tuple[str, str, str | None]


class Feed:
    """The change stream of this process, and the listeners to which it delivers."""

    def __init__(self, store: Store, client: Client) -> None:
        self._store = store
        self._watched = database(client)
        self._name = f"gateway-{uuid4().hex}"
        self._listeners: dict[Topic, set[Listener]] = defaultdict(set)
        # When the last heartbeats were written, by their numbers.
        self._heartbeats_sent: dict[int, float] = {}
        # The time at which the newest heartbeat received so far was written.
        self._newest_heartbeat_at: float | None = None
        self._watermark: datetime | None = None
        self._opened = asyncio.Event()
        # For each verification that was read from the database, by id, the version read. The stream may still deliver older versions of it, which
        # must be skipped. All entries are dropped when the stream delivers a heartbeat that was written after the last read.
        self._versions_read: dict[str, int] = {}
        # Called with the id of each verification that is anonymized, so that decrypted data of it can be dropped. Called with None if such a change
        # may have been missed.
        self.on_anonymized: Callable[[str | None], None] = lambda id: None
        self._last_heartbeat = 0
        self._last_heartbeat_before_read = 0

    async def run(self) -> None:
        """Follow the database until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._send_heartbeats())

    @contextmanager
    def listen(self, workspace: str, *, id: str | None = None, chain: str | None = None) -> Iterator[Listener]:
        """A listener to all changes of a workspace, of one chain of attempts, or of one verification, until the context ends."""
        topic: Topic = ("id", workspace, id) if id else ("chain", workspace, chain) if chain else ("workspace", workspace, None)
        listener = Listener(MAX_FEED_CHANGES)
        self._listeners[topic].add(listener)
        try:
            yield listener
        finally:
            self._listeners[topic].discard(listener)
            if not self._listeners[topic]:
                del self._listeners[topic]

    @property
    def age_seconds(self) -> float | None:
        """The age of the newest heartbeat that arrived through MongoDB's change stream; None before the first one."""
        return None if self._newest_heartbeat_at is None else monotonic() - self._newest_heartbeat_at

    @property
    def subscribers(self) -> int:
        """The number of listeners."""
        return sum(map(len, self._listeners.values()))

    @property
    def watermark(self) -> datetime:
        """MongoDB's time up to which all changes were seen. Raises: Unavailable if the feed is not open yet."""
        if self._watermark is None:
            raise Unavailable
        return self._watermark

    async def opened(self) -> None:
        """Wait until the stream is open. Raises: Unavailable if that takes too long."""
        try:
            async with asyncio.timeout(OPENING_SECONDS):
                await self._opened.wait()
        except TimeoutError:
            raise Unavailable from None

    async def _follow(self) -> None:
        async for change in changes(self._watched):
            if change is None:
                self.on_anonymized(None)
                await self._read_again()
            elif change["ns"].get("coll") == HEARTBEATS:
                self._receive_heartbeat(change)
            elif "fullDocument" in change:
                verification = self._readable(change["fullDocument"])
                if verification and verification.version > self._versions_read.get(verification.id, 0):
                    self._deliver(verification)
            elif "documentKey" in change:
                # An update by another program arrives without the document.
                await self._read_and_deliver({"_id": change["documentKey"]["_id"]}, None)

    def _receive_heartbeat(self, change: Document) -> None:
        heartbeat = change.get("fullDocument", {})
        if heartbeat.get("_id") == self._name:
            self._newest_heartbeat_at = self._heartbeats_sent.pop(heartbeat["beat"], self._newest_heartbeat_at)
            if heartbeat["beat"] > self._last_heartbeat_before_read:
                self._versions_read.clear()
        self._watermark = change["clusterTime"].as_datetime()
        self._opened.set()

    def _readable(self, document: Document) -> Verification | None:
        """The verification of a document; None if it can't be read, since one such document must not end the feed."""
        try:
            return decode(document, self._store.keys)
        except BadDocument as bad:
            self._store.bad_documents.found(bad)
            return None

    def _deliver(self, verification: Verification, since: datetime | None = None) -> None:
        if verification.anonymized_at:
            self.on_anonymized(verification.id)
        workspace = verification.workspace
        topics: list[Topic] = [("id", workspace, verification.id), ("chain", workspace, verification.chain), ("workspace", workspace, None)]
        listening = [listeners for topic in topics if (listeners := self._listeners.get(topic))]
        if listening:
            change = Change(verification, verification.version - 1 if since is None else version_at(verification, since))
            for listeners in listening:
                for listener in listeners:
                    listener.offer(change)

    async def _read_again(self) -> None:
        """Read and deliver the changes that listeners may have missed. Subscribers skip the ones that they have, by their versions."""
        since = self._watermark and self._watermark - OVERLAP
        ids, chains = ([topic[2] for topic in self._listeners if topic[0] == kind] for kind in ("id", "chain"))
        workspaces = {topic[1] for topic in self._listeners}
        conditions: list[Document] = [{"_id": {"$in": batch}} for batch in batches(ids)]
        # The condition also names the workspaces, because the index over chains begins with the workspace.
        conditions += [{"workspace": {"$in": list(workspaces)}, "chain": {"$in": batch}} for batch in batches(chains)]
        conditions += [{"workspace": topic[1], "updatedAt": {"$gte": since}} for topic in self._listeners if topic[0] == "workspace" and since]
        for condition in conditions:
            await self._read_and_deliver(condition, since)

    async def _read_and_deliver(self, condition: Document, since: datetime | None) -> None:
        while True:
            try:
                with answering():
                    async for document in self._store.collection.find(condition):
                        if verification := self._readable(document):
                            self._deliver(verification, since)
                            self._versions_read[verification.id] = verification.version
                self._last_heartbeat_before_read = self._last_heartbeat
                return
            except (Unavailable, PyMongoError) as error:
                # Not every error is Unavailable: a query also fails half-way if its collection is dropped or renamed meanwhile.
                logger.warning("changes that may have been missed could not be read (%s); trying again", type(error).__name__)
                await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _send_heartbeats(self) -> None:
        while True:
            self._last_heartbeat = beat = self._last_heartbeat + 1
            recent = {number: sent for number, sent in self._heartbeats_sent.items() if number > beat - REMEMBERED_HEARTBEATS}
            self._heartbeats_sent = {beat: monotonic(), **recent}
            heartbeat = {"beat": beat, "at": self._store.now()}
            try:
                await self._store.database[HEARTBEATS].replace_one({"_id": self._name}, heartbeat, upsert=True)
            except PyMongoError as error:
                logger.warning("a heartbeat could not be written (%s)", type(error).__name__)
            await asyncio.sleep(HEARTBEAT_SECONDS if self._opened.is_set() else OPENING_HEARTBEAT_SECONDS)


def version_at(verification: Verification, instant: datetime) -> int:
    """The version of a verification at an instant; 0 before its creation."""
    return next((event.version - 1 for event in verification.events if event.at >= instant), verification.version)


def batches(ids: list[str | None]) -> list[list[str | None]]:
    """The ids in batches of at most BATCH."""
    return [ids[at : at + READ_BATCH] for at in range(0, len(ids), READ_BATCH)]
