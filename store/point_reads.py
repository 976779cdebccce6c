"""Reads of single verifications that arrive while another is under way, read together."""

import asyncio
from collections import defaultdict
from functools import partial

from domain.errors import Unavailable
from domain.verification import Verification
from store import partial_verification
from store.documents import Document
from store.driver import BlockingCollection, answering, fetch, in_thread
from store.partial_verification import Reading, Row
from store.sealing import Keys
from store.shared_reads import settle

MAX_AT_ONCE = 500
# What callers may be confined to.
CONFINED = frozenset({"chain"})

Key = tuple[str, str]
Answer = asyncio.Future[Verification | None]
Requested = dict[Key, list[Answer]]
ByKey = dict[Key, Row]


class PointReads:
    """One read at a time, of all that was asked for since the one before.

    A read never starts before the request that asks for it arrived, so that nobody gets older data than alone.
    """

    def __init__(self, collection: BlockingCollection, keys: Keys) -> None:
        self._collection = collection
        self._keys = keys
        self._waiting: Requested = defaultdict(list)
        # What will be asked of those, all together; None: anything.
        self._needed: frozenset[str] | None = CONFINED
        self._reading = False

    def get(self, workspace: str, id: str, reading: frozenset[str] | None = None) -> Answer:
        """The verification of this workspace with this id; of `reading`, see `Verifications.page`.

        Cost:   a share of one query by primary key.
        Raises: BadDocument.
        """
        loop = asyncio.get_running_loop()
        if self._needed is not None and reading is not self._needed and not (reading is not None and reading <= self._needed):
            self._needed = None if reading is None else self._needed | reading
        answer: Answer = loop.create_future()
        self._waiting[workspace, id].append(answer)
        if not self._reading:
            self._reading = True
            # Not at once: whoever else asks in this turn of the loop comes along.
            loop.call_soon(self._next)
        return answer

    def _next(self) -> None:
        asked, self._waiting = self._waiting, defaultdict(list)
        needed = self._needed
        for key in [*asked][MAX_AT_ONCE:]:
            self._waiting[key] = asked.pop(key)
        if not self._waiting:
            self._needed = CONFINED
        self._reading = bool(asked)
        if asked:
            self._read(asked, needed).add_done_callback(lambda _: self._next())

    def _read(self, asked: Requested, needed: frozenset[str] | None) -> asyncio.Future[ByKey]:
        reading = in_thread(partial(self._found, [*asked], partial_verification.reading(needed, CONFINED)))
        reading.add_done_callback(partial(self._settle, asked, needed))
        return reading

    def _settle(self, asked: Requested, needed: frozenset[str] | None, reading: asyncio.Future[ByKey]) -> None:
        error = reading.exception()
        if error and len(asked) > 1 and not isinstance(error, Unavailable):
            # One of them can't be asked for: nobody else may suffer from that.
            for key, answers in asked.items():
                self._read({key: answers}, needed)
            return
        for key, answers in asked.items():
            outcome = error or reading.result().get(key)
            for answer in answers:
                settle(answer, outcome)

    def _found(self, keys: list[Key], reading: Reading | None) -> ByKey:
        with answering():
            documents = fetch(self._collection, wanted(keys), reading.projection if reading else None)
        rows = partial_verification.rows(documents, self._keys, reading)
        return {(document["workspace"], document["_id"]): row for document, row in zip(documents, rows, strict=True)}


def wanted(keys: list[Key]) -> Document:
    """The query for all of them: each id in its own workspace, and in no other."""
    ids: dict[str, list[str]] = defaultdict(list)
    for workspace, id in keys:
        ids[workspace].append(id)
    alternatives = [{"_id": {"$in": those}, "workspace": workspace} for workspace, those in ids.items()]
    return alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}
