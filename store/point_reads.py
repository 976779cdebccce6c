"""Reads of single verifications that arrive while another is under way, read together."""

import asyncio
from collections import defaultdict

from domain.errors import Unavailable
from domain.verification import Verification
from store.documents import Document, decode
from store.driver import Collection, answering
from store.sealing import Keys

MOST_AT_ONCE = 500

Key = tuple[str, str]
Answer = asyncio.Future[Verification | None]
Outcome = Verification | BaseException | None


class PointReads:
    """One read at a time, of all that was asked for since the one before.

    A read never starts before the request that asks for it arrived, so that nobody gets older data than alone.
    """

    def __init__(self, collection: Collection, keys: Keys) -> None:
        self._collection = collection
        self._keys = keys
        self._waiting: dict[Key, list[Answer]] = defaultdict(list)
        self._reading: asyncio.Task[None] | None = None

    async def get(self, workspace: str, id: str) -> Verification | None:
        """The verification of this workspace with this id. Cost: a share of one query by primary key."""
        answer: Answer = asyncio.get_running_loop().create_future()
        self._waiting[workspace, id].append(answer)
        if not self._reading:
            self._reading = asyncio.create_task(self._read())
        return await answer

    async def _read(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:MOST_AT_ONCE]
                asked = {key: self._waiting.pop(key) for key in keys}
                for key, outcome in (await self._outcomes(keys)).items():
                    for answer in asked[key]:
                        settle(answer, outcome)
        finally:
            self._reading = None

    async def _outcomes(self, keys: list[Key]) -> dict[Key, Outcome]:
        [found] = await asyncio.gather(self._found(keys), return_exceptions=True)
        if not isinstance(found, BaseException):
            return {key: found.get(key) for key in keys}
        if len(keys) == 1 or isinstance(found, Unavailable):
            return dict.fromkeys(keys, found)
        # One of them can't be asked for, or its document can't be read: nobody else may suffer from that.
        alone = await asyncio.gather(*(self._outcomes([key]) for key in keys))
        return {key: outcome for each in alone for key, outcome in each.items()}

    async def _found(self, keys: list[Key]) -> dict[Key, Verification]:
        with answering():
            if len(keys) == 1:
                [(workspace, id)] = keys
                document = await self._collection.find_one({"_id": id, "workspace": workspace})
                documents = [document] if document else []
            else:
                documents = await self._collection.find(wanted(keys)).to_list(None)
        return {(document["workspace"], document["_id"]): decode(document, self._keys) for document in documents}


def settle(answer: Answer, outcome: Outcome) -> None:
    """Answer one who waits, unless nobody waits any more."""
    if answer.done():
        return
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)


def wanted(keys: list[Key]) -> Document:
    """The query for all of them: each id in its own workspace, and in no other."""
    ids: dict[str, list[str]] = defaultdict(list)
    for workspace, id in keys:
        ids[workspace].append(id)
    return {"$or": [{"_id": {"$in": those}, "workspace": workspace} for workspace, those in ids.items()]}
