"""Rewrites stored verifications without changing them: their version, their events and the order of changes stay.

A rewrite adds one to the field `rewrites` of the document. The change stream leaves out updates of that field, so that subscribers receive nothing. A
change of the verification is written only if the field still has the value that was read. So a change never brings back a document from before a
rewrite.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pymongo import UpdateOne

from store.driver import Database, Document, answering
from store.index_repair import readable_id
from store.indexes import VERIFICATIONS
from store.stored_verification import REWRITES
from store.upkeep.rounds import Rounds, RoundsState

logger = logging.getLogger(__name__)

GUARDED = {"version": 1, REWRITES: 1}


class Rewrite(NamedTuple):
    """The fields of one document that get new values. `unreadable`: whether a value that must be rewritten can't be, because it can't be read."""

    values: Document
    unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A kind of rewriting. `target`: what it leads to, such as the id of a key. `outdated`: the condition for documents to rewrite.

    `fields`: the fields that `rewrite` uses, as a projection. `rewrite`: returns the new values of a document.
    """

    name: str
    target: str
    outdated: Document
    fields: Document
    rewrite: Callable[[Document], Rewrite]


async def rewrite_all(
    database: Database, rewriting: Rewriting, now: Callable[[], datetime], report: Callable[[RoundsState], object], pause_seconds: float
) -> RoundsState:
    """Rewrite all outdated verifications, together with other processes that do the same. `report` is called after each batch.

    `pause_seconds`: how long to wait before a further round. After an interruption, the call can be repeated: it goes on where the rounds stopped.
    Returns the final state. Raises: Unavailable.
    """
    rounds = Rounds(database, rewriting.name, rewriting.target, rewriting.outdated, {**GUARDED, **rewriting.fields}, pause_seconds)
    await rounds.begin(now())
    while (batch := await rounds.claimed(now())) is not None:
        rewrites = [(document, rewriting.rewrite(document)) for document in batch]
        await rounds.record(await written(database, rewrites), sum(rewrite.unreadable for _, rewrite in rewrites))
        for document, rewrite in rewrites:
            if rewrite.unreadable:
                logger.error("%s: can't be rewritten by `%s`", readable_id(document["_id"]), rewriting.name)
        report(await rounds.state())
    return await rounds.state()


async def written(database: Database, rewrites: list[tuple[Document, Rewrite]]) -> int:
    """Write the new values of each document that was neither changed nor rewritten since it was read. Returns how many documents were written."""
    writes = [
        UpdateOne(
            {"_id": document["_id"], "version": document.get("version"), REWRITES: document.get(REWRITES)},
            {"$set": rewrite.values, "$inc": {REWRITES: 1}},
        )
        for document, rewrite in rewrites
        if rewrite.values
    ]
    if not writes:
        return 0
    with answering():
        return (await database[VERIFICATIONS].bulk_write(writes, ordered=False)).modified_count
