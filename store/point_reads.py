"""Reads single verifications by id. Requests that arrive during one read are answered together by the next read."""

import asyncio
from collections import defaultdict
from functools import partial

from domain.errors import Unavailable
from domain.verification import Verification
from store import partial_verification
from store.driver import BlockingCollection, Document, answering, fetch, in_thread
from store.partial_verification import Row, RowReader
from store.sealing import SealingKeys
from store.shared_reads import settle

MAX_BATCH = 500
# Attributes that are always read: some callers are confined to one chain, and `chain` decides whether they may see the verification.
CONFINED_BY = frozenset({"chain"})

# A workspace, and the id of a verification in this workspace.
DocumentId = tuple[str, str]
FutureVerification = asyncio.Future[Verification | None]
Waiting = dict[DocumentId, list[FutureVerification]]
RowsById = dict[DocumentId, Row]


class PointReads:
    """Answers requests for single verifications. One read at a time answers the requests that arrived since the previous read began, up to MAX_BATCH.

    A read starts only after the requests that it answers have arrived. So no caller gets older data than from a separate read.
    """

    def __init__(self, collection: BlockingCollection, keys: SealingKeys) -> None:
        self._collection = collection
        self._keys = keys
        self._waiting: Waiting = defaultdict(list)
        # All attributes that any of the waiting requests needs; None if one of them needs whole documents.
        self._needed: frozenset[str] | None = CONFINED_BY
        self._is_reading = False

    def get(self, workspace: str, id: str, reading: frozenset[str] | None = None) -> FutureVerification:
        """A future of the verification with this id in this workspace. Its result is None if there is no such verification.

        `reading`: the names of the attributes that the caller needs; None for all.

        Cost:   a share of one query by primary key.
        Raises: the future raises BadDocument if the stored verification can't be read.
        """
        loop = asyncio.get_running_loop()
        if self._needed is not None and reading is not self._needed and not (reading is not None and reading <= self._needed):
            self._needed = None if reading is None else self._needed | reading
        future: FutureVerification = loop.create_future()
        self._waiting[workspace, id].append(future)
        if not self._is_reading:
            self._is_reading = True
            # Start the read in the next iteration of the event loop, so that other requests of this iteration join it.
            loop.call_soon(self._read_next)
        return future

    def _read_next(self) -> None:
        batch, self._waiting = self._waiting, defaultdict(list)
        needed = self._needed
        for document_id in [*batch][MAX_BATCH:]:
            self._waiting[document_id] = batch.pop(document_id)
        if not self._waiting:
            self._needed = CONFINED_BY
        self._is_reading = bool(batch)
        if batch:
            self._read(batch, needed).add_done_callback(lambda _: self._read_next())

    def _read(self, batch: Waiting, needed: frozenset[str] | None) -> asyncio.Future[RowsById]:
        reading = in_thread(partial(self._rows, [*batch], partial_verification.row_reader(needed, CONFINED_BY)))
        reading.add_done_callback(partial(self._settle, batch, needed))
        return reading

    def _settle(self, batch: Waiting, needed: frozenset[str] | None, reading: asyncio.Future[RowsById]) -> None:
        error = reading.exception()
        if error and len(batch) > 1 and not isinstance(error, Unavailable):
            # The query failed, probably because one of the ids is a text that can't be sent to MongoDB. Read each id separately, so that the requests
            # for the other ids don't fail.
            for document_id, futures in batch.items():
                self._read({document_id: futures}, needed)
            return
        for document_id, futures in batch.items():
            outcome = error or reading.result().get(document_id)
            for future in futures:
                settle(future, outcome)

    def _rows(self, ids: list[DocumentId], reader: RowReader | None) -> RowsById:
        with answering():
            documents = fetch(self._collection, matching_any(ids), reader.projection if reader else None)
        rows = partial_verification.rows(documents, self._keys, reader)
        return {(document["workspace"], document["_id"]): row for document, row in zip(documents, rows, strict=True)}


def matching_any(document_ids: list[DocumentId]) -> Document:
    """The MongoDB query for all of these documents. It finds each id only in the workspace with which it was requested."""
    by_workspace: dict[str, list[str]] = defaultdict(list)
    for workspace, id in document_ids:
        by_workspace[workspace].append(id)
    alternatives = [{"_id": {"$in": ids}, "workspace": workspace} for workspace, ids in by_workspace.items()]
    return alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}
