"""The verifications of one workspace: what a caller's requests can reach, and nothing else."""

import random
from asyncio import sleep
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any, TypeVar
from uuid import uuid4

from pymongo.errors import DuplicateKeyError

from domain.errors import BadDocument, BadValue, Conflict, DomainError, NotFound
from domain.filter import Filter, Order
from domain.statistics import VerificationStats
from domain.verification import Verification
from store import due, pages, partial_verification, statistics
from store.bad_documents import BadDocuments
from store.barrier import Barrier
from store.cursor import Place
from store.documents import Document, decode, encode
from store.driver import Client, Collection, Session, answering, database, fetch, in_thread, plainly, transaction
from store.due import Due
from store.indexes import VERIFICATIONS
from store.pages import Page, PageRequest
from store.point_reads import PointReads
from store.query import matching, within
from store.sealing import Keys
from store.shared_reads import SharedReads
from store.turns import Turns

T = TypeVar("T")

Clock = Callable[[], datetime]
Rule = Callable[[Verification, datetime], Verification]
RetryRule = Callable[[Verification, datetime], tuple[Verification, Verification]]


CATCH_UP_ROWS = 500

# What attempts are told apart and sorted by.
ATTEMPT = frozenset({"chain", "attempt"})


class Stale(Exception):
    """Another version stands than the one that a change started from."""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Store:
    """All verifications, by workspace."""

    def __init__(self, client: Client, keys: Keys, now: Clock = utc_now, patience_seconds: float = 10) -> None:
        self.client = client
        self.keys = keys
        self.database = database(client)
        self.collection: Collection = self.database[VERIFICATIONS]
        self.now = now
        self.patience_seconds = patience_seconds
        self.turns = Turns()
        # For what is read many documents at a time.
        self.plain = plainly(self.collection)
        self.point_reads = PointReads(self.plain, keys)
        self.shared_reads = SharedReads()
        self.barrier = Barrier(self.database, uuid4().hex, now)
        self.bad_documents = BadDocuments()

    def within(self, workspace: str, chain: str | None = None) -> "Verifications":
        """Those of a workspace, or of one chain of attempts in it."""
        return Verifications(self, workspace, chain)

    async def overdue(self, most: int, after: Due | None = None) -> list[Due]:
        """Those whose deadline has passed, the longest overdue first; behind `after`, where that is given. Cost: one query over an index."""
        return await due.read(self.collection, "due", self.now(), {}, most, after)

    async def not_anonymized(self, completed_until: datetime, most: int, after: Due | None = None) -> list[Due]:
        """Those that have had their outcome since an instant or longer and still hold personal data, the oldest outcome first.

        Cost: one query over an index.
        """
        return await due.read(self.collection, "completedAt", completed_until, {"declared": {"$exists": True}}, most, after)


class Verifications:
    """The verifications of one workspace, or of one chain of attempts in it. Whatever is asked, the scope is part of the query."""

    def __init__(self, store: Store, workspace: str, chain: str | None) -> None:
        self._store = store
        self.workspace = workspace
        self._chain = chain
        self._scope: Document = {"workspace": workspace} if chain is None else {"workspace": workspace, "chain": chain}

    async def get(self, id: str, reading: frozenset[str] | None = None) -> Verification | None:
        """The verification with this id, as it is stored. Of `reading`, what `page` says.

        Cost:   a share of one read by primary key; more where there is none.
        Raises: BadDocument where it can't be read.
        """
        found = await self._find(id, reading)
        if not found:
            await self._store.barrier.passed()
            found = await self._find(id, reading)
        return found

    async def with_key(self, key: str) -> Verification | None:
        """The verification that was created with this idempotency key. Raises: BadDocument where it can't be read."""
        with answering():
            found = await self._store.collection.find_one({"idempotency.key": key, **self._scope})
        return self._decoded(found) if found else None

    async def add(self, verification: Verification) -> Verification:
        """Store a new one; where its idempotency key is taken, the one that has it.

        Cost: one write, acknowledged by a majority.
        """
        with answering():
            try:
                await self._store.collection.insert_one(encode(verification, self._store.keys))
            except DuplicateKeyError:
                await self._store.barrier.passed()
                standing = verification.idempotency and await self.with_key(verification.idempotency.key)
                if not standing:
                    raise
                return standing
        return verification

    async def replace(self, old: Verification, new: Verification) -> Verification:
        """Write `new` where `old` still stands.

        Cost:   one write by primary key, acknowledged by a majority.
        Raises: Stale where the stored version is no longer `old.version`.
        """
        with answering():
            return await self._replace(old, new)

    async def change(self, id: str, rule: Rule) -> Verification:
        """What the rule makes of a verification, stored; a lost race is read again and decided again.

        Raises: NotFound; Conflict where others won until the patience was over; what the rule raises.
        """

        async def attempt() -> Verification:
            old = await self.require(id)
            new = rule(old, self._store.now())
            return old if new is old else await self.replace(old, new)

        return await self._persist(id, attempt)

    async def retry(self, id: str, rule: RetryRule) -> Verification:
        """The successor of a verification: the one that the rule makes, or the one that there is.

        Cost:   one transaction of two writes.
        Raises: as `change`.
        """

        async def attempt() -> Verification:
            old = await self.require(id)
            if old.next:
                return await self.require(old.next)
            new, successor = rule(old, self._store.now())

            async def both(session: Session) -> None:
                await self._replace(old, new, session)
                await self._store.collection.insert_one(encode(successor, self._store.keys), session=session)

            with answering():
                await transaction(self._store.client, both)
            return successor

        return await self._persist(id, attempt)

    async def require(self, id: str, field: str = "verificationId") -> Verification:
        """The verification with this id. Raises: NotFound, naming the input's field."""
        found = await self.get(id)
        if not found:
            raise NotFound(id, field)
        return found

    async def chains(self, chains: Iterable[str], reading: frozenset[str] | None = None) -> list[Verification]:
        """All attempts of the chains that can be read, oldest attempt first. Of `reading`, what `page` says. Cost: one query over an index."""
        needed = partial_verification.reading(reading, ATTEMPT)
        with answering():
            wanted = within(self._scope, [{"chain": {"$in": list(chains)}}])
            documents = await in_thread(partial(fetch, self._store.plain, wanted, needed.projection if needed else None))
        # Sorted here: of more than 200 chains, MongoDB can't merge the entries of its index.
        found = self._store.bad_documents.readable(partial_verification.rows(documents, self._store.keys, needed))
        return sorted(found, key=lambda verification: verification.attempt)

    async def page(self, filter: Filter, request: PageRequest, reading: frozenset[str] | None = None) -> Page:
        """A page of the list.

        `reading`: the names of the attributes that will be asked of its rows, so that no more is read; anything else that is asked of them then
        raises NotRead. None, or a name that isn't known: everything.
        """
        store = self._store
        read = partial(pages.read, store.plain, store.keys, store.bad_documents, self._scope, filter, request, reading)
        return await self._shared("page", read, filter, request, reading)

    async def updated_since(self, since: datetime, filter: Filter) -> AsyncIterator[Verification]:
        """Those that changed at an instant or later and meet what never changes of the filter, the longest unchanged first.

        Cost: a query over an index for each page, so that a slow reader holds nothing open.
        """
        request = PageRequest(Order.UPDATED_OLDEST, CATCH_UP_ROWS, after=Place(Order.UPDATED_OLDEST, since, ""))
        unchanging = replace(filter, statuses=None, reason_codes=None, reason_types=None)
        while True:
            page = await self.page(unchanging, request)
            for verification in page.rows:
                yield verification
            if not page.has_next or not page.ends:
                return
            request = replace(request, after=page.ends[-1])

    async def count(self, filter: Filter) -> int:
        """How many match. Cost: one count, of index entries where the filter has its index."""
        return await self._shared("count", partial(self._count, filter), filter)

    async def statistics(self, filter: Filter) -> VerificationStats:
        """Counts over those that match."""
        return await self._shared("statistics", partial(statistics.read, self._store.collection, self._scope, filter), filter)

    def _shared(self, kind: str, read: Callable[[], Coroutine[Any, Any, T]], *asked: Hashable) -> Awaitable[T]:
        """What is read, together with those who ask for the same in the same scope."""
        return self._store.shared_reads.of((kind, self.workspace, self._chain, *asked), read)

    async def _count(self, filter: Filter) -> int:
        with answering():
            return await self._store.collection.count_documents(within(self._scope, matching(filter)))

    async def _find(self, id: str, reading: frozenset[str] | None) -> Verification | None:
        if isinstance(id, BadDocument):
            # A link to another attempt that can't be read.
            raise id
        if not isinstance(id, str):
            raise self._bad(BadDocument(id, "_id"))
        try:
            found = await self._store.point_reads.get(self.workspace, id, reading)
        except BadDocument as bad:
            if self._chain in (None, bad.chain):
                raise self._bad(bad) from None
            return None
        # One of another chain takes as long as one that doesn't exist.
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
        guard = {"_id": old.id, **self._scope, "version": old.version}
        written = await self._store.collection.replace_one(guard, encode(new, self._store.keys, old), session=session)
        if not written.matched_count:
            raise Stale
        return new

    async def _persist(self, id: str, attempt: Callable[[], Awaitable[Verification]]) -> Verification:
        until = monotonic() + self._store.patience_seconds
        settled = False
        async with self._store.turns.of(id):
            while monotonic() < until:
                try:
                    return await attempt()
                except DomainError as error:
                    # What was read may have been older than what was acknowledged: the rule is asked once more, and stands then.
                    if settled:
                        if isinstance(error, BadValue):
                            self._store.bad_documents.found(error)
                        raise
                    await self._store.barrier.passed()
                    settled = True
                except (Stale, DuplicateKeyError):
                    await sleep(random.uniform(0.001, 0.05))
        raise Conflict(id)
