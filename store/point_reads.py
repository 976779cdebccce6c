"""Reads of single verifications that arrive while another is under way, read together."""

import asyncio
from collections import defaultdict
from functools import partial

from domain.errors import Unavailable
from domain.verification import Verification
from store.documents import Document, decode
from store.driver import Collection, answering, fetch, in_thread
from store.sealing import Keys
from store.shared_reads import settle

MOST_AT_ONCE = 500

Key = tuple[str, str]
Answer = asyncio.Future[Verification | None]
Asked = dict[Key, list[Answer]]
ByKey = dict[Key, Verification]


class PointReads:
    """One read at a time, of all that was asked for since the one before.

    A read never starts before the request that asks for it arrived, so that nobody gets older data than alone.
    """

    def __init__(self, collection: Collection, keys: Keys) -> None:
        self._collection = collection
        self._keys = keys
        self._waiting: Asked = defaultdict(list)
        self._reading = False

    def get(self, workspace: str, id: str) -> Answer:
        """The verification of this workspace with this id. Cost: a share of one query by primary key."""
        loop = asyncio.get_running_loop()
        answer: Answer = loop.create_future()
        self._waiting[workspace, id].append(answer)
        if not self._reading:
            self._reading = True
            # Not at once: whoever else asks in this turn of the loop comes along.
            loop.call_soon(self._next)
        return answer

    def _next(self) -> None:
        asked, self._waiting = self._waiting, defaultdict(list)
        for key in [*asked][MOST_AT_ONCE:]:
            self._waiting[key] = asked.pop(key)
        self._reading = bool(asked)
        if asked:
            self._read(asked).add_done_callback(lambda _: self._next())

    def _read(self, asked: Asked) -> asyncio.Future[ByKey]:
        reading = in_thread(partial(self._found, [*asked]))
        reading.add_done_callback(partial(self._settle, asked))
        return reading

    def _settle(self, asked: Asked, reading: asyncio.Future[ByKey]) -> None:
        error = reading.exception()
        if error and len(asked) > 1 and not isinstance(error, Unavailable):
            # One of them can't be asked for, or its document can't be read: nobody else may suffer from that.
            for key, answers in asked.items():
                self._read({key: answers})
            return
        for key, answers in asked.items():
            outcome = error or reading.result().get(key)
            for answer in answers:
                settle(answer, outcome)

    def _found(self, keys: list[Key]) -> ByKey:
        with answering():
            documents = fetch(self._collection, wanted(keys))
        return {(document["workspace"], document["_id"]): decode(document, self._keys) for document in documents}


def wanted(keys: list[Key]) -> Document:
    """The query for all of them: each id in its own workspace, and in no other."""
    ids: dict[str, list[str]] = defaultdict(list)
    for workspace, id in keys:
        ids[workspace].append(id)
    alternatives = [{"_id": {"$in": those}, "workspace": workspace} for workspace, those in ids.items()]
    return alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}
