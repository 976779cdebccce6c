"""The live feed: one change stream per process, whose changes are delivered to all listeners.

A change contains its whole document, so that the delivery to listeners reads nothing from the database. Each process writes a heartbeat, a small
document, every second. A heartbeat that arrives through the change stream shows that the stream is open and has delivered all earlier changes.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic
from uuid import uuid4

from bson.timestamp import Timestamp
from pymongo.errors import PyMongoError

from domain.errors import BadDocument, Unavailable
from domain.verification import Verification
from store.changes import Interruption, changes
from store.documents import decode
from store.driver import Client, Database, Document, answering, database, fault_text
from store.feeds.listeners import Kind, Listeners, Topic
from store.feeds.recent_versions import RecentVersions
from store.feeds.stored_changes import OVERLAP, STAMPING, changed_since, stamp
from store.feeds.waking import Waking
from store.indexes import HEARTBEATS, TOMBSTONES, VERIFICATIONS
from store.listener import Listener
from store.monitoring.stream_counts import StreamCounts
from store.outage import Outage
from store.verifications import Store

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 1.0
# The stream counts as open when a heartbeat arrives through it. Heartbeats that were written before the stream was open never arrive. So until the
# first one arrives, heartbeats are written this often.
OPENING_HEARTBEAT_SECONDS = 0.05
OPENING_SECONDS = 10.0
MAX_FEED_CHANGES = 10_000
READ_BATCH = 500
REMEMBERED_HEARTBEATS = 60
# The field of a heartbeat that is true if its process has received tokens, all of them from addresses of private networks, and trusts no proxy.
ONLY_PRIVATE = "onlyPrivateAddresses"
# A process whose last heartbeat is older than this has probably ended.
LIVING = timedelta(seconds=30)
STAMPING_SECONDS = STAMPING.total_seconds()


class Feed:
    """The change stream of this process, and the listeners to which it delivers."""

    def __init__(self, store: Store, client: Client) -> None:
        self._store = store
        self._watched = database(client)
        self._name = f"gateway-{uuid4().hex}"
        self._listeners = Listeners()
        self._waking = Waking()
        self.stream = StreamCounts()
        # When the last heartbeats were written, by their numbers.
        self._heartbeats_sent: dict[int, float] = {}
        # The time at which the newest heartbeat received so far was written.
        self._newest_heartbeat_at: float | None = None
        self._watermark: datetime | None = None
        self._opened = asyncio.Event()
        # The versions that were read from the database and delivered to all listeners, by the id of the verification. The stream may still deliver
        # older versions, which must be skipped. All entries are dropped when the stream delivers a heartbeat that was written after the last read.
        self._versions_read: dict[str, int] = {}
        # Called with the id of each verification that is anonymized, so that decrypted data of it can be dropped. Called with None if such a change
        # may have been missed.
        self.on_anonymized: Callable[[str | None], None] = lambda id: None
        # Whether this process has received tokens, all of them from addresses of private networks, and trusts no proxy. If so, it probably sees the
        # address of a proxy instead of those of the clients. Heartbeats report this to `gateway check`.
        self.sees_only_private_addresses: Callable[[], bool] = lambda: False
        # The documents that were read because another program updated them, by id. If a document was updated several times before the first read, the
        # reads for the later updates find the same document, which is not delivered again.
        self._documents_read: dict[str, Document] = {}
        # The states that were delivered last. After a gap in the stream, stored changes are read again, and those that are here are skipped.
        self._delivered = RecentVersions(STAMPING + OVERLAP)
        # The removals that were delivered last: the ids of the verifications, with the times of their tombstones.
        self._removed: dict[str, object] = {}
        self._last_heartbeat = self._received_heartbeat = 0
        self._last_heartbeat_before_read = 0
        # The number of the last heartbeat that a majority has acknowledged. If a lower one is stored later, the database was restored from a backup.
        self._acknowledged = 0

    async def run(self) -> None:
        """Follow the database until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._send_heartbeats())

    @contextmanager
    def listen(self, workspace: str, *, id: str | None = None, chain: str | None = None) -> Iterator[Listener]:
        """A listener to all changes of a workspace, of one chain of attempts, or of one verification, until the context ends."""
        topic: Topic = ("id", workspace, id) if id else ("chain", workspace, chain) if chain else ("workspace", workspace, None)
        with self._listeners.listening(topic, Listener(MAX_FEED_CHANGES, self._waking.wake)) as listener:
            yield listener

    def register_attempts(self, workspace: str, chain: str, ids: Iterable[str]) -> None:
        """Record the attempts of a chain that a listener to the chain has read, so that the listener learns of their deletion."""
        self._listeners.register(workspace, chain, ids)

    @property
    def age_seconds(self) -> float | None:
        """The age of the newest heartbeat that arrived through MongoDB's change stream; None before the first one."""
        return None if self._newest_heartbeat_at is None else monotonic() - self._newest_heartbeat_at

    @property
    def subscribers(self) -> int:
        """The number of listeners."""
        return sum(map(len, self._listeners.values()))

    @property
    def slots(self) -> int:
        """The number of verifications that subscribers follow, each counted once."""
        return self._listeners.followed

    def waiting(self) -> tuple[int, int]:
        """How many changed states wait for their subscribers: of all subscribers together, and of the one for whom most of them wait."""
        waiting = [listener.waiting for listeners in self._listeners.values() for listener in listeners]
        return sum(waiting), max(waiting, default=0)

    @property
    def heartbeats(self) -> tuple[int, int]:
        """The numbers of the last heartbeat that was sent, and of the last one that arrived through the change stream."""
        return self._last_heartbeat, self._received_heartbeat

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
        async for change in changes(self._watched, self.stream):
            if isinstance(change, Interruption):
                await self._interrupted(change)
            elif change["ns"].get("coll") == HEARTBEATS:
                self._receive_heartbeat(change)
            elif change["ns"].get("coll") == TOMBSTONES:
                self._receive_removal(change.get("fullDocument", {}))
            elif change["operationType"] == "delete":
                self._receive_deletion(change["documentKey"]["_id"])
            elif "fullDocument" in change:
                self._receive(change["fullDocument"], change["clusterTime"])
            elif "documentKey" in change:
                await self._receive_update(change["documentKey"]["_id"])

    async def _interrupted(self, interruption: Interruption) -> None:
        """Read again what listeners may have missed. If all verifications were replaced, end the subscriptions that can't go on (`_read_again`)."""
        # The collection may have been dropped, and its indexes with it. So request a check of the indexes.
        self._store.index_repair.suspect()
        self.on_anonymized(None)
        if interruption is Interruption.REPLACEMENT:
            # Forget what was read or delivered before. Restored verifications may have lower versions, and would be skipped otherwise.
            self._versions_read.clear()
            self._documents_read.clear()
            self._acknowledged = 0
            self._delivered = RecentVersions(STAMPING + OVERLAP)
            self._removed.clear()
        await self._read_again(interruption is Interruption.REPLACEMENT)

    def _receive_heartbeat(self, change: Document) -> None:
        heartbeat = change.get("fullDocument", {})
        if heartbeat.get("_id") == self._name:
            self._received_heartbeat = heartbeat["beat"]
            sent_at = self._heartbeats_sent.pop(heartbeat["beat"], None)
            if sent_at is not None:
                self._newest_heartbeat_at = sent_at
                self.stream.lag_seconds = monotonic() - sent_at
            if heartbeat["beat"] > self._last_heartbeat_before_read:
                self._versions_read.clear()
                self._documents_read.clear()
        self._watermark = change["clusterTime"].as_datetime()
        self._delivered.pass_time(self._watermark)
        self._opened.set()

    def _receive(self, document: Document, written_at: Timestamp) -> None:
        verification = self._readable(document)
        if verification and verification.version > self._versions_read.get(verification.id, 0):
            self._deliver(verification, verification.version - 1, stamped_long_before(document, written_at))

    def _receive_deletion(self, id: object) -> None:
        """End the subscriptions that follow a deleted verification. The change carries no workspace, so feeds of workspaces don't receive it."""
        if isinstance(id, str):
            # Forget the versions that were delivered: if the verification is restored from a backup, the stream delivers these versions again.
            self._versions_read.pop(id, None)
            self._delivered.forget(id)
            self._listeners.deleted(id)

    def _receive_removal(self, found: Document) -> None:
        """Report to the feeds of a workspace that the gateway removed one of its verifications. `found`: the tombstone of the verification."""
        id, workspace, removed_at = found.get("_id"), found.get("workspace"), found.get("removedAt")
        if isinstance(id, str) and isinstance(workspace, str) and self._removed.get(id) != removed_at:
            self._removed.pop(id, None)
            self._removed[id] = removed_at
            if len(self._removed) > MAX_FEED_CHANGES:
                del self._removed[next(iter(self._removed))]
            self._listeners.removed(workspace, id)

    async def _receive_update(self, id: object) -> None:
        """Read and deliver a verification that another program updated, since such a change arrives without the document."""

        def receive(document: Document) -> None:
            verification = self._readable(document)
            if verification and document != self._documents_read.get(verification.id):
                self._deliver(verification, verification.version - 1)
                self._versions_read[verification.id] = verification.version
                self._documents_read[verification.id] = document

        await self._read({"_id": id}, receive)

    def _readable(self, document: Document) -> Verification | None:
        """The verification of a document; None if it can't be read, since one such document must not end the feed."""
        try:
            return decode(document, self._store.keys)
        except BadDocument as bad:
            self._store.bad_documents.found(bad)
            return None

    def _deliver(self, verification: Verification, since: int, restored: bool = False) -> None:
        """Deliver a state to its listeners. The events with a higher version than `since` are new to them.

        `restored`: whether another program wrote the state, maybe from a backup.
        """
        # The states of a verification are delivered in the order of their versions. So a state with a lower version than the last one was restored.
        restored = restored or self._delivered.contains_later(verification)
        if verification.anonymized_at:
            self.on_anonymized(verification.id)
        self._delivered.record(verification)
        self._listeners.deliver(verification, since, restored=verification.version if restored else None)

    async def _read_again(self, replaced: bool) -> None:
        """Read and deliver what listeners may have missed. A listener to a workspace receives no state that it received before.

        `replaced`: whether all verifications were replaced. The subscriptions of followers (listeners to one verification or to one chain) then end,
        even if a verification has the version that a follower has received, because its events may be other ones. The feeds of workspaces end too,
        because nothing shows which verifications are gone.
        """
        deleted: set[str] = set()
        restored = 0 if replaced else None
        for topics in batches(self._listeners.topics("id")):
            deleted |= await self._read_followed("id", topics, {"_id": {"$in": [topic[2] for topic in topics]}}, restored)
        for topics in batches(self._listeners.topics("chain")):
            # The condition also names the workspaces, because the index over chains begins with the workspace.
            workspaces = {topic[1] for topic in topics}
            condition = {"workspace": {"$in": [*workspaces]}, "chain": {"$in": [topic[2] for topic in topics]}}
            deleted |= await self._read_followed("chain", topics, condition, restored)
        if replaced:
            self._listeners.replaced()
        elif self._watermark:
            for _, workspace, _ in self._listeners.topics("workspace"):
                await self._read_workspace(workspace, self._watermark)
        for id in deleted:
            self._listeners.deleted(id)

    async def _read_followed(self, kind: Kind, topics: list[Topic], condition: Document, restored: int | None) -> set[str]:
        """Read verifications that are followed, and deliver them to their followers only. A follower skips the versions that it has received before.

        `topics`: what the followers listen to; all topics have this `kind`. `condition`: the query for the verifications of these topics.
        `restored`: the lowest version that another program may have stored; None if it is unknown whether another program has stored any. The
        subscription of a follower that has received a higher version ends. If `restored` is None, the follower first reads the verification once
        more, because it may have received a version that was stored after the read of this method.
        Returns the ids of the followed verifications that do not exist.
        """
        expected, found = self._listeners.attempts(topics), set()

        def receive(document: Document) -> None:
            if isinstance(document["_id"], str):
                found.add(document["_id"])
            if verification := self._readable(document):
                found_version = verification.version if restored is None else None
                self._listeners.deliver(verification, verification.version - 1, (kind,), restored, found_version)

        await self._read(condition, receive)
        return expected - found

    async def _read_workspace(self, workspace: str, since: datetime) -> None:
        await self._read({"workspace": workspace, "removedAt": {"$gte": stamp(since - STAMPING)}}, self._receive_removal, TOMBSTONES)

        def receive(document: Document) -> None:
            verification = self._readable(document)
            if verification and not self._delivered.contains(verification):
                # Which events were missed is uncertain, because their instants depend on the clocks of the writers. So all events count as new (0).
                self._deliver(verification, 0)
                self._versions_read[verification.id] = verification.version

        await self._read({"workspace": workspace, **changed_since(since)}, receive)

    async def _read(self, condition: Document, receive: Callable[[Document], None], collection: str = VERIFICATIONS) -> None:
        """Call `receive` with each document that meets the condition, as it is after all acknowledged writes. If MongoDB fails, begin again."""
        outage = Outage(logger, "the changes that may have been missed were read")
        while True:
            try:
                await self._store.barrier.passed()
                with answering():
                    async for document in self._store.database[collection].find(condition):
                        receive(document)
                self._last_heartbeat_before_read = self._last_heartbeat
                return outage.over()
            except (Unavailable, PyMongoError) as error:
                # Not every error is Unavailable: a query also fails half-way if its collection is dropped or renamed meanwhile.
                outage.failed(f"changes that may have been missed could not be read ({fault_text(error)}); trying again")
                await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _send_heartbeats(self) -> None:
        outage = Outage(logger, "heartbeats are written again")
        while True:
            self._last_heartbeat = beat = self._last_heartbeat + 1
            recent = {number: sent for number, sent in self._heartbeats_sent.items() if number > beat - REMEMBERED_HEARTBEATS}
            self._heartbeats_sent = {beat: monotonic(), **recent}
            heartbeat = {"beat": beat, "at": self._store.now(), ONLY_PRIVATE: self.sees_only_private_addresses()}
            try:
                before = await self._exchange_heartbeat(heartbeat)
                outage.over()
                if before < self._acknowledged:
                    # A majority had acknowledged a later heartbeat. So the data files are those of a backup. The change stream does not report that.
                    logger.warning("the database is an earlier one, for example from a backup; open subscriptions end")
                    await self._interrupted(Interruption.REPLACEMENT)
                self._acknowledged = beat
            except PyMongoError as error:
                outage.failed(f"a heartbeat could not be written ({fault_text(error)})")
            regular = HEARTBEAT_SECONDS if self._opened.is_set() else OPENING_HEARTBEAT_SECONDS
            await asyncio.sleep(outage.pause_seconds(regular, HEARTBEAT_SECONDS))

    async def _exchange_heartbeat(self, heartbeat: Document) -> int:
        """Replace the previous heartbeat of this process by this one. Returns the number of the previous heartbeat, or 0 if there was none."""
        # The network may deliver an earlier heartbeat late. The condition on `beat` then fails, so that a later heartbeat is not replaced.
        condition = {"_id": self._name, "beat": {"$lt": heartbeat["beat"]}}
        before = await self._store.database[HEARTBEATS].find_one_and_replace(condition, heartbeat, {"beat": 1}, upsert=True)
        return before["beat"] if before else 0


def stamped_long_before(document: Document, written_at: Timestamp) -> bool:
    """Whether the document's stamp is more than STAMPING older than `written_at`, the time of the write that the change stream reports.

    If so, the document was written by another program, or by an early release of the gateway: this release stamps every document that it writes.
    """
    stored_at = document.get("storedAt")
    return isinstance(stored_at, Timestamp) and written_at.time - stored_at.time > STAMPING_SECONDS


async def count_private_processes(database: Database, now: datetime) -> int:
    """How many running processes have received tokens, all of them from private networks, and trust no proxy. Cost: one query."""
    with answering():
        return await database[HEARTBEATS].count_documents({"at": {"$gte": now - LIVING}, ONLY_PRIVATE: True})


def batches(topics: list[Topic]) -> list[list[Topic]]:
    """The topics in batches of at most READ_BATCH."""
    return [topics[at : at + READ_BATCH] for at in range(0, len(topics), READ_BATCH)]
