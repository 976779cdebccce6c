"""The live status: one change stream a process, fanned out to whoever listens.

A change carries its whole document, so that fan-out reads nothing from the database.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from uuid import uuid4

from pymongo.errors import PyMongoError

from domain.errors import BadDocument, Unavailable
from domain.verification import Verification
from store.changes import changes
from store.documents import Document, decode
from store.driver import Client, answering, database
from store.indexes import HEARTBEATS
from store.listener import Change, Listener
from store.verifications import Store

logger = logging.getLogger(__name__)

# Clocks of gateways may differ, and a write takes its time between its instant and its commit: this much of the past is read again.
OVERLAP = timedelta(seconds=60)
HEARTBEAT_SECONDS = 1.0
# The stream is known to stand once a heartbeat came through it, and those that were sent before it stood never do.
OPENING_BEAT_SECONDS = 0.05
OPENING_SECONDS = 10.0
MAX_FEED_CHANGES = 10_000
BATCH = 500
REMEMBERED_BEATS = 60

Key = tuple[str, str, str | None]


class Feed:
    """Who listens, and what they are told."""

    def __init__(self, store: Store, client: Client) -> None:
        self._store = store
        self._watched = database(client)
        self._name = f"gateway-{uuid4().hex}"
        self._listeners: dict[Key, set[Listener]] = defaultdict(set)
        self._sent: dict[int, float] = {}
        self._heard_at: float | None = None
        self._watermark: datetime | None = None
        self._opened = asyncio.Event()
        # What was read again, by id and version, until the stream has come past that time: its older states must not follow newer ones.
        self._read: dict[str, int] = {}
        self._beats = 0
        self._read_until = 0

    async def run(self) -> None:
        """Follow the database until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._beat())

    @contextmanager
    def listen(self, workspace: str, *, id: str | None = None, chain: str | None = None) -> Iterator[Listener]:
        """All that changes in a workspace, in one chain of attempts, or of one verification, for as long as the context lasts."""
        key: Key = ("id", workspace, id) if id else ("chain", workspace, chain) if chain else ("workspace", workspace, None)
        listener = Listener(MAX_FEED_CHANGES)
        self._listeners[key].add(listener)
        try:
            yield listener
        finally:
            self._listeners[key].discard(listener)
            if not self._listeners[key]:
                del self._listeners[key]

    @property
    def age_seconds(self) -> float | None:
        """How old the youngest heartbeat is that came the whole way through MongoDB and back; None before the first."""
        return None if self._heard_at is None else monotonic() - self._heard_at

    @property
    def subscribers(self) -> int:
        """How many listen."""
        return sum(map(len, self._listeners.values()))

    @property
    def watermark(self) -> datetime:
        """MongoDB's time up to which all changes were seen, once `opened`."""
        if self._watermark is None:
            raise Unavailable
        return self._watermark

    async def opened(self) -> None:
        """Wait until the stream stands. Raises: Unavailable where it does not in time."""
        try:
            async with asyncio.timeout(OPENING_SECONDS):
                await self._opened.wait()
        except TimeoutError:
            raise Unavailable from None

    async def _follow(self) -> None:
        async for change in changes(self._watched):
            if change is None:
                await self._read_again()
            elif change["ns"].get("coll") == HEARTBEATS:
                self._heard(change)
            elif "fullDocument" in change:
                verification = self._readable(change["fullDocument"])
                if verification and verification.version > self._read.get(verification.id, 0):
                    self._tell(verification)
            elif "documentKey" in change:
                # Somebody else's update comes without the document.
                await self._read_and_tell({"_id": change["documentKey"]["_id"]}, None)

    def _heard(self, change: Document) -> None:
        heartbeat = change.get("fullDocument", {})
        if heartbeat.get("_id") == self._name:
            self._heard_at = self._sent.pop(heartbeat["beat"], self._heard_at)
            if heartbeat["beat"] > self._read_until:
                self._read.clear()
        self._watermark = change["clusterTime"].as_datetime()
        self._opened.set()

    def _readable(self, document: Document) -> Verification | None:
        """The verification, whether anybody listens or not; None where the document can't be read. One such document must not end the feed."""
        try:
            return decode(document, self._store.keys)
        except BadDocument as bad:
            self._store.bad_documents.found(bad)
            return None

    def _tell(self, verification: Verification, since: datetime | None = None) -> None:
        workspace = verification.workspace
        keys: list[Key] = [("id", workspace, verification.id), ("chain", workspace, verification.chain), ("workspace", workspace, None)]
        told = [listeners for key in keys if (listeners := self._listeners.get(key))]
        if told:
            change = Change(verification, verification.version - 1 if since is None else version_at(verification, since))
            for listeners in told:
                for listener in listeners:
                    listener.offer(change)

    async def _read_again(self) -> None:
        """Tell everybody what they may have missed: those who got it already pass it over by its version."""
        since = self._watermark and self._watermark - OVERLAP
        ids, chains = ([key[2] for key in self._listeners if key[0] == kind] for kind in ("id", "chain"))
        workspaces = {key[1] for key in self._listeners}
        conditions: list[Document] = [{"_id": {"$in": batch}} for batch in batches(ids)]
        # With the workspaces, since the index on chains begins with them.
        conditions += [{"workspace": {"$in": list(workspaces)}, "chain": {"$in": batch}} for batch in batches(chains)]
        conditions += [{"workspace": key[1], "updatedAt": {"$gte": since}} for key in self._listeners if key[0] == "workspace" and since]
        for condition in conditions:
            await self._read_and_tell(condition, since)
        self._read_until = self._beats

    async def _read_and_tell(self, condition: Document, since: datetime | None) -> None:
        while True:
            try:
                with answering():
                    async for document in self._store.collection.find(condition):
                        if verification := self._readable(document):
                            self._tell(verification, since)
                            self._read[verification.id] = verification.version
                return
            except (Unavailable, PyMongoError) as error:
                # An upheaval can end a query half-way too.
                logger.warning("what may have been missed could not be read (%s)", type(error).__name__)
                await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _beat(self) -> None:
        while True:
            self._beats = beat = self._beats + 1
            self._sent = {beat: monotonic(), **{number: sent for number, sent in self._sent.items() if number > beat - REMEMBERED_BEATS}}
            heartbeat = {"beat": beat, "at": self._store.now()}
            try:
                await self._store.database[HEARTBEATS].replace_one({"_id": self._name}, heartbeat, upsert=True)
            except PyMongoError as error:
                logger.warning("a heartbeat could not be written (%s)", type(error).__name__)
            await asyncio.sleep(HEARTBEAT_SECONDS if self._opened.is_set() else OPENING_BEAT_SECONDS)


def version_at(verification: Verification, instant: datetime) -> int:
    """The version that stood at an instant; 0 before the creation."""
    return next((event.version - 1 for event in verification.events if event.at >= instant), verification.version)


def batches(ids: list[str | None]) -> list[list[str | None]]:
    """The ids in runs of at most BATCH."""
    return [ids[at : at + BATCH] for at in range(0, len(ids), BATCH)]
