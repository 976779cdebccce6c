"""Reconciliation: reads pending verifications from their providers, so that the loss of a webhook only delays the result.

Only the sweep queries providers, never a request of a client. `domain/query_schedule.py` says when a verification is queried. One process at a time
queries it (`store/queues/provider_queries.py`), and all processes together stay within the budget of the workspace (`store/queues/query_budgets.py`).
The intake applies a result that was read, as it applies the result of a webhook.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from time import monotonic

from domain.errors import BadDocument, NoProvider, NotFound, Unavailable
from domain.query_budget import QueryBudget
from domain.verification import Verification
from lifecycle.changes import Changes
from lifecycle.intake import Intake
from lifecycle.sweeper import SWEEP_BATCH, Chore
from providers.choice import Providers
from providers.port import QueryablePort
from providers.reports import AccessDenied, GoneAtProvider, ProviderAway, ProviderError, Report
from store.due import Due
from store.queues.provider_queries import ProviderQueries, QueryClaim
from store.queues.query_budgets import QueryBudgets
from store.verifications import Store

logger = logging.getLogger(__name__)

# How long one query may take.
QUERY_SECONDS = 20.0
# After this time, a process begins no further query of a workspace in the same sweep, so that a slow provider delays the other workspaces little.
ROUND_SECONDS = 10.0
# The pauses of a workspace while its queries fail, by the number of failures in a row, in seconds. The first pause is short, so that a single
# verification that can't be read delays the others little.
PAUSES_WHILE_FAILING = (5.0, 30.0, 60.0, 300.0)
# How long a verification waits for its next query after one has failed, by the number of failures in a row, so that other verifications come first.
TRY_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (60, 300, 900))
# The search for verifications without a planned query runs this many times less often than the other chores: by default about once an hour.
RARELY = 720

# Reads a batch of pending verifications. Arguments: the workspaces whose provider can be queried, by provider; the size; the item before the batch.
ReadPending = Callable[[Mapping[str, Sequence[str]], int, Due | None], Awaitable[list[Due]]]


class Reconciliation:
    """Queries the providers of all workspaces.

    `count` counts queries. Its arguments are the name of the provider, and the outcome: "pending", "result", "expired" (the provider had no result,
    and the gateway no longer waits), "gone" (GoneAtProvider), "limited" (the provider demands a pause), "away" or "denied".
    """

    def __init__(
        self, store: Store, providers: Providers, changes: Changes, intake: Intake, queries: ProviderQueries, count: Callable[[str, str], None]
    ) -> None:
        self._store = store
        self._providers = providers
        self._changes = changes
        self._intake = intake
        self._queries = queries
        self._budgets = QueryBudgets(store)
        self._count = count
        # For each workspace whose queries fail: how many queries have failed since the last success, for each kind of failure. Their sum chooses the
        # length of the pause. Only the first failure of each kind is logged.
        self._failures: dict[str, Counter[str]] = {}
        self._resumed = False
        self._leaving = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._rounds = 0

    @property
    def chores(self) -> list[Chore]:
        """The sweeper's chores: to query, and to find verifications whose query is not planned."""
        return [
            Chore("queried at their providers", self.due, self.query_workspace),
            Chore("planned for a query", lambda after: self._unplanned(self._store.pending_with_deadline, after), self.plan, RARELY),
            Chore("planned for a query after their capture", lambda after: self._unplanned(self._store.pending_captured, after), self.plan, RARELY),
        ]

    def resume(self) -> None:
        """Query soon in the workspaces whose provider did not accept the API key. Call this when the providers file was read again."""
        self._resumed = True

    async def due(self, after: Due | None = None) -> list[Due]:
        """The workspaces in which queries are due, each as one item whose id is the workspace. Raises: Unavailable."""
        if after:
            return []
        if self._resumed:
            await self._resume()
        return [Due(at, workspace, workspace) for workspace, at in (await self._queries.due_workspaces()).items()]

    async def query_workspace(self, workspace: str, _: str = "") -> int:
        """Query the verifications of a workspace that are due, the longest due first. Returns how many of them this call changed.

        Ends when none is due, the budget is used up, a query fails, ROUND_SECONDS have passed or the process is about to end. Raises: Unavailable.
        """
        adapter = self._adapter(workspace)
        if adapter and not min((await self._budgets.left({workspace: adapter.budget}))[workspace]):
            return 0
        changed, until = 0, monotonic() + ROUND_SECONDS
        self._rounds += 1
        self._idle.clear()
        try:
            while not self._leaving and monotonic() < until:
                claim = await self._queries.claimed(workspace)
                outcome = await self._handled(claim, adapter) if claim else None
                if outcome is None:
                    break
                changed += outcome
        finally:
            self._rounds -= 1
            if not self._rounds:
                self._idle.set()
        return changed

    async def plan(self, workspace: str, id: str) -> bool:
        """Plan the next query of a verification. Returns False if the verification needs no query."""
        found = await self._store.within(workspace).get(id)
        return found is not None and await self._queries.plan(found)

    async def left(self) -> dict[str, QueryBudget]:
        """How many queries each workspace whose provider can be queried may still send within this minute and this hour. Raises: Unavailable."""
        return await self._budgets.left({workspace: adapter.budget for workspace in self._workspaces if (adapter := self._adapter(workspace))})

    async def oldest_due_seconds(self) -> float:
        """For how long the oldest query has been due, in seconds; 0 if none is due. Raises: Unavailable."""
        return await self._queries.oldest_due_seconds()

    async def leave(self) -> None:
        """Wait for the queries under way, because the process is about to end. No further one is begun."""
        self._leaving = True
        await self._idle.wait()

    async def _resume(self) -> None:
        self._resumed = False
        try:
            await self._budgets.resume(self._workspaces)
            await self._queries.hurry(self._workspaces)
        except Unavailable:
            self._resumed = True
            raise
        self._failures.clear()

    @property
    def _workspaces(self) -> list[str]:
        """The workspaces whose provider can be queried."""
        return [workspace for workspaces in self._providers.queryable.values() for workspace in workspaces]

    def _adapter(self, workspace: str) -> QueryablePort | None:
        """The adapter of a workspace whose provider can be queried; otherwise None."""
        try:
            adapter = self._providers.of(workspace)
        except NoProvider:
            return None
        return adapter if isinstance(adapter, QueryablePort) else None

    async def _unplanned(self, read: ReadPending, after: Due | None) -> list[Due]:
        """The next verifications without a planned query. `read` returns a batch of pending verifications whose provider can be queried."""
        queryable = self._providers.queryable
        while queryable and (batch := await read(queryable, SWEEP_BATCH, after)):
            if unplanned := await self._queries.without_entry(batch):
                return unplanned
            after = batch[-1]
        return []

    async def _handled(self, claim: QueryClaim, adapter: QueryablePort | None) -> int | None:
        """Query a claimed verification, unless it needs no query.

        Returns how many verifications this call changed; None if the workspace must send no more queries for now.
        """
        try:
            verification = await self._store.within(claim.workspace).get(claim.verification_id)
        except BadDocument:
            await self._queries.settle(claim, self._store.now() + TRY_PAUSES[-1], claim.tries)
            return 0
        if not verification or not verification.can_be_queried:
            await self._queries.drop(claim)
            return 0
        if not adapter or adapter.name != verification.provider.name:
            # The workspace has another provider now. The next query stays planned, in case the providers file names the former provider again.
            await self._queries.settle(claim, self._next(verification))
            return 0
        if not await self._budgets.take(claim.workspace, adapter.budget):
            await self._queries.settle(claim, claim.due, claim.tries)
            return None
        return await self._queried(claim, verification, adapter)

    async def _queried(self, claim: QueryClaim, verification: Verification, adapter: QueryablePort) -> int | None:
        """Query a verification. Returns how many verifications this call changed; None if the workspace must send no more queries for now."""
        assert verification.provider.id
        try:
            async with asyncio.timeout(QUERY_SECONDS):
                report = await adapter.read(verification.provider.id)
        except TimeoutError:
            await self._failed(claim, adapter.name, ProviderAway("no answer in time"))
            return None
        except GoneAtProvider:
            self._recovered(claim.workspace)
            return await self._lost(claim, adapter.name)
        except ProviderError as error:
            await self._failed(claim, adapter.name, error)
            return None
        self._recovered(claim.workspace)
        return await self._settled(claim, verification, report)

    async def _settled(self, claim: QueryClaim, verification: Verification, report: Report) -> int:
        """Apply what the provider reports. Returns how many verifications this call changed."""
        if report.status.final:
            await self._intake.apply_report(verification, report)
            outcome = "result"
        elif await self._changes.expire_after_query(claim.workspace, claim.verification_id):
            outcome = "expired"
        else:
            await self._queries.settle(claim, self._next(verification))
            self._count(verification.provider.name, "pending")
            return 0
        self._count(verification.provider.name, outcome)
        await self._queries.drop(claim)
        return 1

    async def _lost(self, claim: QueryClaim, provider: str) -> int:
        """Record that the provider no longer has a verification. It is not queried again."""
        try:
            await self._changes.report_loss(claim.workspace, claim.verification_id)
        except NotFound:
            return 0
        self._count(provider, "gone")
        logger.warning("the provider %s no longer has %s; closeVerification ends it", provider, claim.verification_id)
        await self._queries.drop(claim)
        return 1

    async def _failed(self, claim: QueryClaim, provider: str, error: ProviderError) -> None:
        """Pause the workspace after a query failed, and let other verifications come before this one."""
        demanded = error.retry_after_seconds if isinstance(error, ProviderAway) else None
        denied = isinstance(error, AccessDenied)
        kind = "denied" if denied else "away" if demanded is None else "limited"
        failures = self._failures.setdefault(claim.workspace, Counter())
        if not failures[kind]:
            # Only the first failure of its kind is logged, until a query succeeds.
            level = logging.INFO if kind == "limited" else logging.WARNING
            logger.log(level, "the provider %s can't be queried for the workspace %s: %s", provider, claim.workspace, error)
        self._count(provider, kind)
        number = failures.total()
        failures[kind] += 1
        if demanded is not None:
            await self._budgets.pause(claim.workspace, demanded)
            await self._queries.settle(claim, self._store.now() + timedelta(seconds=demanded), claim.tries)
            return
        await self._budgets.pause(claim.workspace, PAUSES_WHILE_FAILING[min(number, len(PAUSES_WHILE_FAILING) - 1)], denied=denied)
        later = self._store.now() + TRY_PAUSES[min(claim.tries, len(TRY_PAUSES) - 1)]
        await self._queries.settle(claim, later, claim.tries + 1)

    def _recovered(self, workspace: str) -> None:
        if self._failures.pop(workspace, None):
            logger.info("the provider of the workspace %s can be queried again", workspace)

    def _next(self, verification: Verification) -> datetime:
        return self._queries.schedule.next_after(verification, self._store.now())
