"""Rounds over all stored verifications, in batches that several processes share. How far a round has come is stored, so that it can be resumed.

A process claims a batch with compare-and-set on the position of the round. A process that is killed may leave the batch that it has claimed undone.
So the work is only finished when a whole round has found nothing that was left to do.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from store.driver import Database, Document, answering
from store.indexes import UPKEEP, VERIFICATIONS

# How many verifications a batch covers, whether they must be rewritten or not.
BATCH_ROWS = 1000
# After this many rounds, the work ends although each of them has found something: another process probably keeps writing what must be rewritten.
MAX_ROUNDS = 5
# The fields of a stored state that are numbers.
NUMBERS = ("round", "passed", "total", "found", "unreadable", "rewritten")


@dataclass(frozen=True, slots=True)
class RoundsState:
    """How far the work `name` has come. `target`: what the work leads to, such as the id of a key.

    `round`: the number of the current round. `position`: the highest id in the batches that processes have claimed in this round.
    `passed`: how many verifications these batches have. `found`: how many of them had to be rewritten. `unreadable`: how many of those can't be.
    `total`: about how many verifications were stored when the work began. `rewritten`: how many were rewritten in all rounds.
    `finished_at`: None while the work is under way.
    """

    name: str
    target: str
    position: str
    round: int
    passed: int
    total: int
    found: int
    unreadable: int
    rewritten: int
    finished_at: datetime | None

    @property
    def left(self) -> int:
        """How many verifications this round found that can be rewritten. At the end of a round, 0 means that nothing is left to do.

        Verifications that were rewritten in this round are counted too: nothing shows which ones a killed process has left undone.
        """
        return max(0, self.found - self.unreadable)


class Rounds:
    """The rounds of one kind of work. `outdated`: the condition for verifications that must be rewritten. All methods raise Unavailable.

    `name`, `target`: those of the state (`RoundsState`). `fields`: the projection with which `claimed` reads verifications.
    `pause_seconds`: how long to wait before a further round, so that changes that were under way in other processes have ended.
    """

    def __init__(self, database: Database, name: str, target: str, outdated: Document, fields: Document, pause_seconds: float) -> None:
        self._states = database[UPKEEP]
        self._verifications = database[VERIFICATIONS]
        self._name = name
        self._target = target
        self._outdated = outdated
        self._fields = fields
        self._pause_seconds = pause_seconds

    async def begin(self, now: datetime) -> None:
        """Join the work that is under way, or begin it anew if it is finished or had another target."""
        with answering():
            total = await self._verifications.estimated_document_count()
            counts = dict.fromkeys(("passed", "found", "unreadable", "rewritten"), 0)
            begun = {"target": self._target, "round": 1, "position": "", "total": total, **counts, "startedAt": now}
            other: Document = {"_id": self._name, "$or": [{"target": {"$ne": self._target}}, {"finishedAt": {"$exists": True}}]}
            try:
                await self._states.replace_one(other, begun, upsert=True)
            except DuplicateKeyError:
                # The work is under way: the state exists, and does not meet the condition.
                return

    async def state(self) -> RoundsState:
        """How far the work has come."""
        with answering():
            found: Document = await self._states.find_one({"_id": self._name}) or {}
        return state_of(found)

    async def claimed(self, now: datetime) -> list[Document] | None:
        """Claim the next batch. Returns those of its verifications that must be rewritten; None if the work is finished.

        Cost: one read by primary key, two queries over the index of ids, and one write; more if other processes claim at the same time.
        """
        while True:
            state = await self.state()
            if state.finished_at or state.target != self._target:
                return None
            with answering():
                ids = await self._verifications.find({"_id": {"$gt": state.position}}, {"_id": 1}).sort("_id", 1).limit(BATCH_ROWS).to_list(None)
            if not ids:
                await self._end_round(state, now)
                continue
            last = ids[-1]["_id"]
            condition = {"_id": {"$gt": state.position, "$lte": last}, **self._outdated}
            with answering():
                found = await self._verifications.find(condition, self._fields).to_list(None)
            # The claim adds to `found`. So if this process is killed before it has rewritten the batch, another round follows.
            if await self._moved(state, {"$set": {"position": last}, "$inc": {"passed": len(ids), "found": len(found)}}):
                return found

    async def record(self, rewritten: int, unreadable: int) -> None:
        """Add the numbers of a batch to the state: how many verifications were rewritten, and how many can't be, because a value can't be read."""
        if rewritten or unreadable:
            with answering():
                counts = {"rewritten": rewritten, "unreadable": unreadable}
                await self._states.update_one({"_id": self._name, "target": self._target}, {"$inc": counts})

    async def _end_round(self, state: RoundsState, now: datetime) -> None:
        """Finish the work if this round found nothing that could be rewritten, or if it was round MAX_ROUNDS. Otherwise begin another round."""
        if not state.left or state.round >= MAX_ROUNDS:
            await self._moved(state, {"$set": {"finishedAt": now}})
            return
        await asyncio.sleep(self._pause_seconds)
        await self._moved(state, {"$set": {"round": state.round + 1, "position": "", "passed": 0, "found": 0, "unreadable": 0}})

    async def _moved(self, state: RoundsState, update: Document) -> bool:
        """Update the stored state, if no other process has moved it on since it was read. Returns whether it was updated."""
        condition = {"_id": self._name, "target": self._target, "round": state.round, "position": state.position, "finishedAt": {"$exists": False}}
        with answering():
            return bool((await self._states.update_one(condition, update)).matched_count)


def state_of(document: Document) -> RoundsState:
    """The state in a document. Missing values read as those of work that has not begun."""
    name, target, position = (str(document.get(field, "")) for field in ("_id", "target", "position"))
    round, passed, total, found, unreadable, rewritten = (int(document.get(field, 0)) for field in NUMBERS)
    return RoundsState(name, target, position, round, passed, total, found, unreadable, rewritten, document.get("finishedAt"))


async def all_states(database: Database) -> list[RoundsState]:
    """The state of each kind of work that was ever begun on this database. Raises: Unavailable."""
    with answering():
        return [state_of(document) for document in await database[UPKEEP].find().sort("_id", 1).to_list(None)]
