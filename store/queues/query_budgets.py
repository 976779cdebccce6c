"""How many queries each workspace has sent to its provider within the last hour, and whether the provider demands a pause.

All processes share these numbers, because the provider counts all requests with the same API key together. Every write is acknowledged by a majority.
"""

from collections.abc import Collection as Several
from collections.abc import Mapping
from datetime import timedelta

from pymongo.errors import DuplicateKeyError

from domain.deadlines import whole_milliseconds
from domain.query_budget import QueryBudget, SentQueries
from store.driver import Collection, Document, answering
from store.indexes import QUERY_BUDGETS
from store.verifications import Store

# How often a process tries to count a query while other processes count theirs. After this many tries, the process sends no query for now.
MAX_COUNT_TRIES = 10
NOTHING_LEFT = QueryBudget(0, 0)


class QueryBudgets:
    """The sent queries and the pauses of each workspace, in one document each. All methods raise Unavailable if MongoDB does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._collection: Collection = store.database[QUERY_BUDGETS]

    async def left(self, budgets: Mapping[str, QueryBudget]) -> dict[str, QueryBudget]:
        """How many queries each workspace may still send now; none during a pause. `budgets`: the budget of each workspace.

        Cost: one query by primary keys.
        """
        with answering():
            documents = await self._collection.find({"_id": {"$in": [*budgets]}}).to_list(None)
        found = {document["_id"]: document for document in documents}
        return {workspace: self._left(found.get(workspace, {}), budget) for workspace, budget in budgets.items()}

    async def take(self, workspace: str, budget: QueryBudget) -> bool:
        """Count a query that is about to be sent. Returns False if it must not be sent now, because the budget is used up or there is a pause.

        Cost: one read and one write by primary key; more if other processes count at the same time.
        """
        for _ in range(MAX_COUNT_TRIES):
            with answering():
                found: Document = await self._collection.find_one({"_id": workspace}) or {}
            left, now = self._left(found, budget), self._store.now()
            if not left.per_minute or not left.per_hour:
                return False
            periods = [*map(list, sent(found).with_one(now).periods)]
            condition = {"_id": workspace, "revision": found.get("revision", {"$exists": False})}
            try:
                with answering():
                    update = {"$set": {"periods": periods}, "$inc": {"revision": 1}}
                    written = await self._collection.update_one(condition, update, upsert="revision" not in found)
            except DuplicateKeyError:
                continue
            if written.matched_count or written.upserted_id is not None:
                return True
        return False

    async def pause(self, workspace: str, seconds: float, *, denied: bool = False) -> None:
        """Begin a pause of this length, in which no query of the workspace is sent. A pause that ends later stays unchanged.

        `denied`: whether the reason is that the provider refuses the API key.
        """
        until = whole_milliseconds(self._store.now() + timedelta(seconds=seconds))
        with answering():
            await self._collection.update_one({"_id": workspace}, {"$max": {"deniedUntil" if denied else "pausedUntil": until}}, upsert=True)

    async def resume(self, workspaces: Several[str]) -> None:
        """End the pauses of these workspaces that began because the provider did not accept the API key."""
        with answering():
            await self._collection.update_many({"_id": {"$in": [*workspaces]}}, {"$unset": {"deniedUntil": ""}})

    def _left(self, found: Document, budget: QueryBudget) -> QueryBudget:
        now = self._store.now()
        paused = any(found.get(field, now) > now for field in ("pausedUntil", "deniedUntil"))
        return NOTHING_LEFT if paused else sent(found).left(budget, now)


def sent(found: Document) -> SentQueries:
    """The queries that are counted in the document of a workspace."""
    return SentQueries(tuple((begin, count) for begin, count in found.get("periods", [])))
