"""Access to the stored verifications: `Store` is for the whole database, and `Verifications` contains only those that one caller may access."""

import random
from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from time import monotonic
from typing import Any, TypeVar
from uuid import uuid4

from pymongo.errors import DuplicateKeyError

from domain.errors import BadDocument, BadValue, Conflict, DomainError, NotFound, ProviderIdTaken, RetryDeleted, Unavailable
from domain.filter import Filter
from domain.statistics import VerificationStats
from domain.status import Status
from domain.verification import Verification
from store import due, pages, partial_verification
from store.bad_documents import BadDocuments
from store.barrier import Barrier
from store.counts import statistics
from store.counts.counting import Counting, Payer
from store.documents import decode, encode
from store.driver import (
    Client,
    Collection,
    Document,
    IndexMissing,
    Session,
    answering,
    database,
    fetch,
    in_thread,
    requiring_hint,
    transaction,
    with_naive_instants,
)
from store.due import Due
from store.feeds import stored_changes
from store.feeds.stored_changes import ChangedPage, ChangePosition
from store.feeds.tombstones import removed_since
from store.inbox import Inbox
from store.index_repair import IndexRepair
from store.indexes import IDEMPOTENCY_KEY, VERIFICATIONS
from store.insertion import insert, replace, required_indexes
from store.monitoring.comments import CommentOf
from store.pages import Page, PageRequest
from store.point_reads import PointReads
from store.query import selecting, within
from store.removal import OtherVersion, removal_of, remove_all
from store.sealing import SealingKeys
from store.shared_reads import SharedReads
from store.stored_verification import REWRITES, document_of
from store.turns import Turns

T = TypeVar("T")

Clock = Callable[[], datetime]
Rule = Callable[[Verification, datetime], Verification]
RetryRule = Callable[[Verification, datetime], tuple[Verification, Verification]]


LAST_INSTANT = datetime.max.replace(tzinfo=UTC)
RESUMPTION = timedelta(days=1)
MAX_COUNT_SECONDS = 5.0
MAX_REMOVALS = 10_000
MAX_COUNTED = 10_000

# The attributes that are needed to group attempts by chain and to sort them.
ATTEMPT = frozenset({"chain", "attempt"})


class Stale(Exception):
    """Another writer changed the verification after this change had read it."""


def utc_now() -> datetime:
    """The current time in UTC. The default clock of a store."""
    return datetime.now(UTC)


def at_queryable(queryable: Mapping[str, Sequence[str]]) -> Document:
    """The condition for verifications that their provider has accepted and that can be queried. `queryable`: workspaces, by provider."""
    allowed = [{"provider.name": name, "workspace": {"$in": list(workspaces)}} for name, workspaces in queryable.items()]
    return {"provider.name": {"$in": list(queryable)}, "provider.id": {"$exists": True}, "$and": [{"$or": allowed}]}


def of_provider_id(duplicate: DuplicateKeyError) -> bool:
    """Whether a write failed because another verification has the same id at the provider, and not because another unique value is taken."""
    return "provider.id" in (duplicate.details or {}).get("keyPattern", {})


class Store:
    """The verifications of all workspaces, and the objects that all reads and writes share."""

    def __init__(
        self,
        client: Client,
        keys: SealingKeys,
        now: Clock = utc_now,
        patience_seconds: float = 10,
        resumption: timedelta = RESUMPTION,
        count_seconds: float = MAX_COUNT_SECONDS,
        comment_of: CommentOf | None = None,
    ) -> None:
        """`patience_seconds`: the time limit of one change. `count_seconds`: the time limit of one count.

        `comment_of`: returns the comment that traces add to a command of MongoDB; None: commands have no comment.
        """
        self.client = client
        self.keys = keys
        self.database = database(client, comment_of)
        self.collection: Collection = self.database[VERIFICATIONS]
        self.now = now
        self.patience_seconds = patience_seconds
        # How old the cursor of a workspace's feed may be when the feed resumes.
        self.resumption = resumption
        self.turns = Turns()
        # Used in threads, for reads of many documents at a time.
        self.naive_collection = with_naive_instants(self.collection)
        self.point_reads = PointReads(self.naive_collection, keys)
        self.shared_reads = SharedReads()
        self.counting = Counting(count_seconds)
        self.barrier = Barrier(self.database, uuid4().hex, now)
        self.inbox = Inbox(self.database, now, self.barrier)
        self.bad_documents = BadDocuments()
        self.index_repair = IndexRepair(self.database)

    def within(self, workspace: str, chain: str | None = None) -> "Verifications":
        """Access to the verifications of one workspace; with `chain`, only to those of this chain."""
        return Verifications(self, workspace, chain)

    async def overdue(self, names: Sequence[str | None], limit: int, after: Due | None = None) -> list[Due]:
        """The verifications at these providers whose deadline has passed, the longest overdue first.

        `names`: the names of the providers. If one of them is None, verifications whose document has no provider are read too.
        If `after` is passed, only the verifications that follow it in this order are read.
        Cost: one query over an index.
        """
        return await due.read_due(self.collection, "due", self.now(), {"provider.name": {"$in": list(names)}}, limit, after)

    async def overdue_at_queryable(
        self, queryable: Mapping[str, Sequence[str]], expired_until: datetime, limit: int, after: Due | None = None
    ) -> list[Due]:
        """The verifications whose deadline has passed, at the providers that the gateway can query for some workspaces; the longest overdue first.

        `queryable`: these workspaces, by provider.

        A provider that can be queried decides which deadlines have passed, but not for a verification that it has never accepted. So in these
        workspaces, only verifications that were never accepted are returned, if they expired at `expired_until` or earlier. In all other
        workspaces, every overdue verification is returned.
        Cost: one query over an index. MongoDB examines all overdue verifications of these providers, also those that are not returned.
        """
        expired = {"expiresAt": {"$lte": expired_until}, "provider.id": {"$exists": False}}
        others = [{"provider.name": name, "workspace": {"$nin": list(workspaces)}} for name, workspaces in queryable.items()]
        condition: Document = {"provider.name": {"$in": list(queryable)}, "$and": [{"$or": [expired, *others]}]}
        return await due.read_due(self.collection, "due", self.now(), condition, limit, after)

    async def pending_with_deadline(self, queryable: Mapping[str, Sequence[str]], limit: int, after: Due | None = None) -> list[Due]:
        """The pending verifications whose provider can be queried, the earliest deadline first; without those whose capture is complete.

        `queryable`: the workspaces whose provider can be queried, by provider. If `after` is passed, only the verifications behind it are read.
        Cost: one query over an index.
        """
        return await due.read_due(self.collection, "due", LAST_INSTANT, at_queryable(queryable), limit, after)

    async def pending_captured(self, queryable: Mapping[str, Sequence[str]], limit: int, after: Due | None = None) -> list[Due]:
        """The pending verifications whose provider can be queried and whose capture is complete, the earliest end of the capture first.

        `queryable`: the workspaces whose provider can be queried, by provider. If `after` is passed, only the verifications behind it are read.
        """
        condition = {"status": Status.PENDING.value, **at_queryable(queryable)}
        return await due.read_due(self.collection, "captureCompletedAt", self.now(), condition, limit, after)

    async def not_anonymized(self, completed_until: datetime, limit: int, after: Due | None = None) -> list[Due]:
        """The verifications that have had an outcome since `completed_until` or earlier, and still have personal data; the oldest outcome first.

        Cost: one query over an index.
        """
        return await due.read_due(self.collection, "completedAt", completed_until, {"declared": {"$exists": True}}, limit, after)

    async def count_processing(self, completed_until: datetime) -> int:
        """How many pending verifications completed their capture at `completed_until` or earlier; at most MAX_COUNTED.

        Cost: one count over the entries of an index.
        """
        with answering():
            condition = {"status": Status.PENDING.value, "captureCompletedAt": {"$lte": completed_until}}
            return await self.collection.count_documents(condition, limit=MAX_COUNTED)

    async def removable(self, anonymized_until: datetime, limit: int, after: Due | None = None) -> list[Due]:
        """The verifications that were anonymized at `anonymized_until` or earlier, the earliest first. Cost: one query over an index."""
        return await due.read_due(self.collection, "anonymizedAt", anonymized_until, {}, limit, after)

    async def deletable(self, completed_until: datetime, limit: int, after: Due | None = None) -> list[Due]:
        """The verifications that have had an outcome since `completed_until` or earlier, sorted by workspace, and then by the time of the outcome.

        Cost: one or two queries over an index. MongoDB skips from one workspace to the next.
        """
        return await due.read_due_by_workspace(self.collection, "completedAt", completed_until, limit, after)


class Verifications:
    """The verifications of one workspace, or of one chain in it. Every query has the workspace as a condition.

    If there is a chain, queries for verifications have it as a condition too; only point reads check it after the read.
    """

    def __init__(self, store: Store, workspace: str, chain: str | None) -> None:
        self._store = store
        self.workspace = workspace
        self._chain = chain
        self._scope: Document = {"workspace": workspace} if chain is None else {"workspace": workspace, "chain": chain}

    async def get(self, id: str, reading: frozenset[str] | None = None) -> Verification | None:
        """The stored verification with this id; None if there is none. `reading`: the names of the attributes to read; None for all.

        Cost:   a share of one read by primary key. If it finds nothing: also a share of the barrier's write and of a second read.
        Raises: BadDocument if the document can't be read.
        """
        found = await self._find(id, reading)
        if not found:
            await self._store.barrier.passed()
            found = await self._find(id, reading)
        return found

    async def with_key(self, key: str) -> Verification | None:
        """The verification that was created with this idempotency key; None if there is none.

        Raises: BadDocument if its document can't be read. Unavailable if the unique index over the keys is missing: without it, two creations at the
                same time could both succeed, and a person would be verified twice.
        """
        async with self._requiring(IDEMPOTENCY_KEY):
            # MongoDB refuses the query if the index is missing. So the first creation notices that the index was dropped, before the next check does.
            with requiring_hint():
                found = await self._store.collection.find_one({"idempotency.key": key, **self._scope}, hint=IDEMPOTENCY_KEY)
        return self._decoded(found) if found else None

    async def with_provider_id(self, provider: str, provider_id: str) -> Verification | None:
        """The verification with this id at this provider; None if there is none.

        Cost:   one query over an index. If it finds nothing: also a share of the barrier's write, and a second query.
        Raises: BadDocument if its document can't be read.
        """
        query = {"provider.id": provider_id, "provider.name": provider, **self._scope}
        with answering():
            found = await self._store.collection.find_one(query)
        if not found:
            await self._store.barrier.passed()
            with answering():
                found = await self._store.collection.find_one(query)
        return self._decoded(found) if found else None

    async def add(self, verification: Verification) -> Verification:
        """Store a new verification and return it. If its idempotency key was used before, store nothing and return the existing verification.

        Cost:   one write, acknowledged by a majority.
        Raises: ProviderIdTaken if another verification has the same id at the provider. Unavailable if the verification has an idempotency key, or an
                id at the provider, and the unique index over such keys or ids is missing.
        """
        document = encode(verification, self._store.keys)
        async with self._requiring(*required_indexes(document)):
            try:
                await insert(self._store.collection, document)
            except DuplicateKeyError as duplicate:
                # A repeated request has the same idempotency key and the same id of the provider, and MongoDB's error names only one of the two. So
                # look for a verification with the key before the id is reported as taken.
                await self._store.barrier.passed()
                existing = verification.idempotency and await self.with_key(verification.idempotency.key)
                if existing:
                    return existing
                if of_provider_id(duplicate):
                    raise ProviderIdTaken from None
                raise
        return verification

    async def replace(self, old: Verification, new: Verification) -> Verification:
        """Replace `old` with `new` in the database, if `old` is still the stored version. Returns `new`.

        Cost:   one write by primary key, acknowledged by a majority.
        Raises: Stale if the stored version is no longer `old.version`.
        """
        with answering():
            return await self._replace(old, new)

    async def change(self, id: str, rule: Rule) -> Verification:
        """Apply a rule to a verification and store the new state. Returns the new state.

        If another writer changed the verification meanwhile, it is read again, and the rule is applied to what was read.

        Raises: NotFound; the errors of the rule. If the time limit for one change (`patience_seconds`) passes: Unavailable if it passed during the
                turns of other writers of this process; Conflict if writers of other processes were faster each time.
        """

        async def attempt() -> Verification:
            old = await self.require(id)
            new = rule(old, self._store.now())
            return old if new is old else await self.replace(old, new)

        return await self._persist(id, attempt)

    async def retry(self, id: str, rule: RetryRule) -> Verification:
        """Apply a rule that creates the next attempt after a verification, store both, and return the next attempt.

        If there is a next attempt already, it is returned instead.

        Cost:   one transaction of two writes.
        Raises: the same errors as `change`; RetryDeleted if the existing next attempt was deleted; ProviderIdTaken if another verification has the
                same id at the provider; Unavailable if the next attempt has an id at the provider, and the unique index over such ids is missing.
        """

        async def attempt() -> Verification:
            old = await self.require(id)
            if old.next:
                if existing := await self.get(old.next):
                    return existing
                raise RetryDeleted(id)
            new, successor = rule(old, self._store.now())
            document = encode(successor, self._store.keys)

            async def write_both(session: Session) -> None:
                await self._replace(old, new, session)
                await insert(self._store.collection, document, session)

            async with self._requiring(*required_indexes(document)):
                try:
                    await transaction(self._store.client, write_both)
                except DuplicateKeyError as duplicate:
                    if of_provider_id(duplicate):
                        raise ProviderIdTaken from None
                    raise
            return successor

        return await self._persist(id, attempt)

    async def remove(self, *verifications: Verification) -> None:
        """Delete these verifications together, if all of them are still the stored versions. What other collections hold about them is deleted too.

        Cost:   one transaction: two writes for each verification, and up to four more writes.
        Raises: Stale if the stored version of one of them is no longer its `version`. None is deleted then.
        """
        store, removals = self._store, [*map(removal_of, verifications)]

        async def write_all(session: Session) -> None:
            await remove_all(store.database, session, self._scope, removals, store.now(), store.resumption)

        with answering():
            try:
                await transaction(store.client, write_all)
            except OtherVersion:
                raise Stale from None

    async def removed_since(self, at: datetime) -> list[str]:
        """The ids of the verifications that the gateway removed after this time of MongoDB, or shortly before it.

        Raises: Lagged if there are more than MAX_REMOVALS.
        """
        return [found["_id"] for found in await removed_since(self._store.database, self.workspace, at, MAX_REMOVALS)]

    async def require(self, id: str, field: str = "verificationId") -> Verification:
        """The verification with this id. Raises: NotFound with `field`, the input field that held the id."""
        found = await self.get(id)
        if not found:
            raise NotFound(id, field)
        return found

    async def chains(self, chains: Iterable[str], reading: frozenset[str] | None = None) -> list[Verification]:
        """All readable attempts of these chains, sorted by the number of the attempt.

        `reading`: the names of the attributes to read; None for all. Cost: one query over an index.
        """
        # The attempts are sorted here, because MongoDB can't merge the sorted index entries of more than 200 chains.
        return sorted(self._store.bad_documents.readable(await self._attempts(chains, reading)), key=attrgetter("attempt"))

    async def whole_chain(self, chain: str) -> list[Verification]:
        """All attempts of a chain, sorted by the number of the attempt.

        The query does not find an attempt whose own `chain` can't be read. So if `previous` or `next` of an attempt is the id of a verification that
        was not found, that verification is read too. The read raises BadDocument if that is such an attempt.

        Cost:   one query over an index; also a point read for each `previous` or `next` that was not found.
        Raises: BadDocument if an attempt can't be read.
        """
        attempts: list[Verification] = []
        for row in await self._attempts([chain], None):
            if isinstance(row, BadDocument):
                raise self._bad(row)
            attempts.append(row)
        found = {attempt.id for attempt in attempts}
        for link in {link for attempt in attempts for link in (attempt.previous, attempt.next) if link and not isinstance(link, BadDocument)} - found:
            await self.get(link)
        return sorted(attempts, key=attrgetter("attempt"))

    async def page(self, filter: Filter, request: PageRequest, reading: frozenset[str] | None = None) -> Page:
        """A page of the list of verifications that match the filter.

        `reading`: the names of the attributes that the operation uses. Only these are read from the database, and using any other attribute of the
        rows raises NotRead. If `reading` is None or contains an unfamiliar name, all attributes are read.
        """
        store = self._store
        read = partial(pages.read_page, store.naive_collection, store.keys, store.bad_documents, self._scope, filter, request, reading)
        return await self._shared("page", read, filter, request, reading)

    async def changed_since(self, at: datetime, filter: Filter) -> AsyncIterator[Verification]:
        """The verifications that were changed after this time of MongoDB, or shortly before it (see `stored_changes`), the earliest change first.

        Verifications that only older releases of the gateway changed come last, because those releases stored no time of MongoDB. The result has
        every verification that matches the filter, or matched it before a change, because the caller must also report what no longer matches. The
        result may have other verifications too, so the caller applies the filter again.

        Cost: one query over an index for each page. No MongoDB cursor stays open between pages, however slow the reader is.
        """
        async for page in self.pages_changed_since(at, filter):
            for verification in page.rows:
                yield verification

    async def pages_changed_since(self, at: datetime, filter: Filter) -> AsyncGenerator[ChangedPage, None]:
        """The verifications of `changed_since`, in pages of at most PAGE_ROWS. Only a few pages are read at a time for one workspace."""
        for place in stored_changes.beginnings(at):
            behind: ChangePosition | None = place
            while behind:
                read = partial(self._store.counting.in_turn, self.workspace, partial(self._changes, at, filter, behind))
                page = await self._shared("changes", read, filter, at, behind)
                yield page
                behind = page.behind

    async def count(self, filter: Filter, payer: Payer | None = None) -> int:
        """How many verifications match the filter. `payer`: pays for the count; of several callers who share a count, only one pays.

        Cost:   one count, which reads only index entries if an index covers the filter.
        Raises: TookTooLong; the errors of the payer.
        """
        read = partial(self._store.counting.counted, self.workspace, partial(self._count, filter), int, payer)
        return await self._shared("count", read, filter)

    async def statistics(self, filter: Filter, by_day: bool = False, payer: Payer | None = None) -> VerificationStats:
        """The statistics of the verifications that match the filter. `by_day`: whether to count by day too.

        `payer`: pays for the counts; of several callers who share the same counts, only one pays.

        Raises: TookTooLong; the errors of the payer.
        """
        read = partial(statistics.read_statistics, self._store.collection, self._scope, filter, by_day)
        counted = partial(self._store.counting.counted, self.workspace, read, attrgetter("total"), payer)
        return await self._shared("statistics", counted, filter, by_day)

    async def _attempts(self, chains: Iterable[str], reading: frozenset[str] | None) -> list[partial_verification.Row]:
        """A row for each attempt of these chains; a BadDocument in place of an attempt that can't be read."""
        reader = partial_verification.row_reader(reading, ATTEMPT)
        with answering():
            condition = within(self._scope, [{"chain": {"$in": list(chains)}}])
            documents = await in_thread(partial(fetch, self._store.naive_collection, condition, reader.projection if reader else None))
        return partial_verification.rows(documents, self._store.keys, reader)

    async def _changes(self, at: datetime, filter: Filter, place: ChangePosition) -> ChangedPage:
        """A page of the changes that follow the position `place`."""
        condition = stored_changes.condition(self._scope, filter, at, place)
        with answering():
            read = partial(stored_changes.timed_changes, self._store.naive_collection, condition, place.key)
            documents, seconds = await in_thread(read)
        readable = self._store.bad_documents.readable(partial_verification.rows(documents, self._store.keys, None))
        return ChangedPage(readable, seconds, stored_changes.behind(documents, place))

    def _shared(self, kind: str, read: Callable[[], Coroutine[Any, Any, T]], *arguments: Hashable) -> Awaitable[T]:
        """The result of a read. Callers that make the same read at the same time, in the same workspace or chain, share it."""
        return self._store.shared_reads.of((kind, self.workspace, self._chain, *arguments), read)

    @asynccontextmanager
    async def _requiring(self, *indexes: str) -> AsyncIterator[None]:
        """A context for operations that need these unique indexes. If one is missing, it raises Unavailable, and requests a check of all indexes.

        This context also looks at the result of the last check, because a hint accepts an index that has the right name but is not unique. A process
        that has just started waits for its first check.
        """
        if indexes:
            await self._store.index_repair.first_round()
        if any(self._store.index_repair.lacks(f"{VERIFICATIONS}.{index}") for index in indexes):
            raise Unavailable
        try:
            with answering():
                yield
        except IndexMissing:
            self._store.index_repair.suspect()
            raise

    async def _count(self, filter: Filter) -> int:
        with answering():
            return await self._store.collection.count_documents(selecting(self._scope, filter))

    async def _find(self, id: str, reading: frozenset[str] | None) -> Verification | None:
        if isinstance(id, BadDocument):
            # The id is the `next` or `previous` of an attempt. It is a BadDocument if that value could not be read from the attempt's document.
            raise id
        if not isinstance(id, str):
            raise self._bad(BadDocument(id, "_id"))
        try:
            found = await self._store.point_reads.get(self.workspace, id, reading)
        except BadDocument as bad:
            if self._chain in (None, bad.chain):
                raise self._bad(bad) from None
            return None
        # A verification of another chain counts as not found, after the same reads as one that does not exist. So the duration reveals nothing.
        return found if found and self._chain in (None, found.chain) else None

    def _decoded(self, document: Document) -> Verification:
        try:
            return decode(document, self._store.keys)
        except BadDocument as bad:
            raise self._bad(bad) from None

    def _bad(self, bad: BadDocument) -> BadDocument:
        self._store.bad_documents.found(bad)
        return bad

    async def _replace(self, old: Verification, new: Verification, session: Session | None = None) -> Verification:
        guard = {"_id": old.id, **self._scope, "version": old.version, REWRITES: document_of(old).get(REWRITES)}
        document = encode(new, self._store.keys, old)
        # A change can add only one value that must be unique: the id that a provider returns after the creation.
        needed = required_indexes(document, document_of(old)) if new.provider is not old.provider else {}
        async with self._requiring(*needed) if needed else nullcontext():
            replaced = await replace(self._store.collection, guard, document, needed, session)
        if not replaced:
            raise Stale
        return new

    async def _persist(self, id: str, attempt: Callable[[], Awaitable[Verification]]) -> Verification:
        """Change the verification `id`: call `attempt` until it returns, at most for the store's time limit for one change.

        `attempt` is called again each time another writer was faster (Stale, DuplicateKeyError), and once more after its first DomainError. The
        writers of one verification in this process take turns, so that they do not make each other's writes stale.

        Raises: the second DomainError of `attempt`; Unavailable if the time limit passed during the turns of other writers of this process; Conflict
                if it passed because writers of other processes were faster each time.
        """
        until = monotonic() + self._store.patience_seconds
        barrier_passed = False
        async with self._store.turns.of(id, self._store.patience_seconds):
            if monotonic() >= until:
                raise Unavailable
            while monotonic() < until:
                try:
                    return await attempt()
                except DomainError as error:
                    # The read may have been older than an acknowledged write. So after the first error, the loop passes the barrier and applies the
                    # rule once more to a new read. The second error is final.
                    if barrier_passed:
                        if isinstance(error, BadValue):
                            self._store.bad_documents.found(error)
                        raise
                    await self._store.barrier.passed()
                    barrier_passed = True
                except (Stale, DuplicateKeyError):
                    await sleep(random.uniform(0.001, 0.05))
        raise Conflict(id)
